"""Layout of tensors in memory, which decides how loops on a CPU go over them, and so speed and last bits.

Shapes: (rows, units) or (rows, channels, height, width), with a member dimension in front for many networks.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def laid(x: Tensor) -> Tensor:
    """The same numbers as the layers of this room want them: images with all channels of a pixel side by side.

    Those of several members lie between each other then, (rows, height, width, members, channels) in memory.
    """
    if x.dim() < 4:
        return x.contiguous()
    # (rows, height, width, channels), or (rows, height, width, members, channels)
    order = (0, 2, 3, 1) if x.dim() == 4 else (1, 3, 4, 0, 2)
    return x.permute(order).contiguous().permute([order.index(axis) for axis in range(x.dim())])


def with_gradient_laid(lay: Callable[[Tensor], Tensor], y: Tensor) -> Tensor:
    """The same y, whose gradient is laid out before it goes on backwards."""
    if y.requires_grad:
        y.register_hook(lay)  # type: ignore[no-untyped-call]
    return y


def apart(function: Callable[..., Tensor], x: Tensor, *others: Tensor) -> Tensor:
    """The function of each member's x and other tensors, where a member's part of x and of gradients lies in one piece.

    So its bits depend on the member alone: images of several members lie between each other, those of one that is left
    do not.
    """
    y = torch.stack([function(*member) for member in zip(x.contiguous(), *others, strict=True)])
    return with_gradient_laid(Tensor.contiguous, y)
