"""Linear maps of one network or of many members at once, and chains of them with ReLUs in between.

Shapes: (rows, inputs); of many members (members, rows, inputs).
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Linear):
    """A linear map: weight (outputs, inputs) or (members, outputs, inputs).

    Attributes:
        overwrites: Whether a backward pass writes the gradients of weight and bias over what is in their `grad`, which
            must be there, instead of adding to it: for a trainer that takes a step after every pass, and a network that
            uses the layer once in it. Nothing is to be cleared then, and gradients cross memory once instead of thrice.
        gain: First weights should have a standard deviation of gain / sqrt(fan_in), see `gain_before`; None: Glorot's.
    """

    knows_members = True
    overwrites = False
    gain: float | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(rows, inputs) to (rows, outputs); with a member dimension first where the weight has one."""
        return _chained([self], [False], x) if self.is_overwriting() else _linear(x, self.weight, self.bias)

    def is_overwriting(self) -> bool:
        """Whether a backward pass of what is computed now will write gradients; of some members only, it adds."""
        return self.overwrites and self.weight.is_leaf and torch.is_grad_enabled()


def chain(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    """Outputs of the layers, one after another, for x.

    Linear maps that overwrite their gradients are one operation to autograd, with the ReLUs that follow them: its own
    work on a step of the reference MLP, a third of the time, is done once instead of once a layer. Layers with hooks
    are called one by one, so that these are shown what the layer puts out; the bits are the same.
    """
    maps: list[Linear] = []
    rectified: list[bool] = []
    for layer, following in zip_longest(layers, layers[1:]):
        if isinstance(layer, Linear) and layer.is_overwriting() and not layer._forward_hooks:
            maps.append(layer)
            rectified.append(type(following) is nn.ReLU)
        elif type(layer) is not nn.ReLU or not maps:
            x = layer(_chained(maps, rectified, x) if maps else x)
            maps, rectified = [], []
    return _chained(maps, rectified, x) if maps else x


def _chained(maps: Sequence[Linear], rectified: Sequence[bool], x: Tensor) -> Tensor:
    if torch.is_autocast_enabled(x.device.type):
        x = x.to(torch.get_autocast_dtype(x.device.type))
    parameters = [part for layer in maps for part in (layer.weight, layer.bias)]
    y: Tensor = _Chain.apply(x, rectified, *parameters)  # type: ignore[no-untyped-call]
    return y


class _Chain(torch.autograd.Function):
    """Linear maps, each with a ReLU or not; the backward pass writes into the `grad` of their parameters."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rectified: Sequence[bool], *parameters: Tensor | None) -> Tensor:
        weights, inputs = [], [x]
        for index, is_rectified in enumerate(rectified):
            weight, bias = parameters[2 * index : 2 * index + 2]
            assert weight is not None
            weights.append(weight.to(x.dtype))
            # Saved in the dtype that was computed in: under autocast a copy of the weights, not the weights.
            y = _linear(inputs[-1], weights[-1], None if bias is None else bias.to(x.dtype))
            # In place: y was made here. A ReLU's backward needs its output only.
            inputs.append(y.relu_() if is_rectified else y)
        # The last output is needed only where a ReLU has to know which units it zeroed.
        ctx.save_for_backward(*weights, *inputs[: -1 if not rectified[-1] else None])
        ctx.rectified, ctx.parameters = rectified, parameters
        return inputs[-1]

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        count = len(ctx.rectified)
        weights, inputs = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        for index in reversed(range(count)):
            if ctx.rectified[index]:
                # As autograd does for ReLU: the gradient passes where the output is above 0.
                grad_output = torch.ops.aten.threshold_backward(grad_output, inputs[index + 1], 0)
            weight, bias = ctx.parameters[2 * index : 2 * index + 2]
            _write_gradients(weight, bias, grad_output, inputs[index])
            # The gradient of the chain's own input costs a product: only where somebody wants it.
            if index or ctx.needs_input_grad[0]:
                grad_output = _product(grad_output, weights[index])
        return (grad_output if ctx.needs_input_grad[0] else None, None, *(None for _ in ctx.parameters))


def _write_gradients(weight: Tensor, bias: Tensor | None, grad_output: Tensor, x: Tensor) -> None:
    """Those of a map, from the gradient of what it put out and from what it was given."""
    grad = weight.grad
    assert grad is not None
    if grad.dim() == 2 and grad.dtype == x.dtype:
        torch.mm(grad_output.mT, x, out=grad)
    else:  # torch multiplies many matrices fast only into a piece of memory without gaps
        grad.copy_(_product(grad_output.mT, x))
    if bias is not None:
        assert bias.grad is not None
        # sum over the rows: (outputs,) or (members, outputs)
        bias.grad.copy_(grad_output.sum(-2))


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The product and the sum, of one network or of each member."""
    if weight.dim() == 2:
        return F.linear(x, weight, bias)
    if bias is None:
        return _product(x, weight.mT)
    if _is_alone(x):
        # Twice the same member, the second thrown away: two or more take the kernel of many members.
        return torch.baddbmm(*(part.expand(2, -1, -1) for part in (bias[:, None], x, weight.mT)))[:1]
    return torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """The product of two matrices, or of each member's."""
    if _is_alone(a):
        return torch.bmm(a.expand(2, -1, -1), b.expand(2, -1, -1))[:1]
    return a @ b if a.dim() == 2 else torch.bmm(a, b)


def _is_alone(a: Tensor) -> bool:
    """Whether these are a single member's: torch has routines, with bits of their own, for one matrix."""
    return len(a) == 1 and a.dim() == 3
