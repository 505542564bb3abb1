"""The ReLU whose negative side has a learnable slope, of one network or of many members at once."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PReLU(nn.Module):
    """max(0, x) + slope * min(0, x), one learnable slope for the layer.

    Source: He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015, equation 1, the channel-shared variant.

    Args:
        slope: What the slope is at first.

    Attributes:
        weight: The slope, (1,) as of torch's module; or (members, 1).
    """

    knows_members = True

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((1,), float(slope)))

    def forward(self, x: Tensor) -> Tensor:
        """The activation, of the same shape; x has a member dimension first where the slope has one."""
        slope = self.weight.to(x.dtype)
        if slope.dim() == 1:
            return F.prelu(x, slope)
        y: Tensor = _Leaky.apply(x, slope)  # type: ignore[no-untyped-call]
        return y


class _Leaky(torch.autograd.Function):
    """The function of members (members, ...), with slopes (members, 1)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        # 0 belongs to the slope's side, which matters to the gradient; as in torch.
        return torch.where(x > 0, x, x * _broadcast(slope, x))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, slope = ctx.saved_tensors
        through = torch.where(x > 0, gradient, gradient * _broadcast(slope, x))
        # The slope's gradient: sum of gradient * x over the negative numbers.
        return through, _sum_each(torch.where(x > 0, 0, gradient * x))


def _broadcast(slope: Tensor, x: Tensor) -> Tensor:
    return slope.view(len(slope), *(1 for _ in x.shape[1:]))


def _sum_each(x: Tensor) -> Tensor:
    """Each member's sum, (members, 1), in an order that depends neither on the others nor on how they lie in memory."""
    rows = x.flatten(1).contiguous()  # (members, numbers)
    if len(rows) == 1:  # a single sum is divided among threads
        return rows.expand(2, -1).sum(1, keepdim=True)[:1]
    return rows.sum(1, keepdim=True)
