"""Element-wise functions by the name that a configuration uses, for one network or for many at once.

In this room a plain tensor has an even number of dimensions, (rows, units) or (rows, channels, height, width); one with
a member dimension in front has an odd one.
"""

from collections.abc import Callable
from functools import cache
from math import lcm

import torch
from torch import Tensor, nn

LANES = 32
"""Numbers that a vectorized loop on a CPU takes at once, at most; what is left over goes another way."""


def each_member(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The function of x, with bits that depend on the member alone.

    A loop on a CPU takes the last few numbers of a tensor, and of each thread's share of it, one by one, and exp and
    the like then differ in the last bit. Where members end inside such a rest they are taken one after another.
    """
    whole = LANES * _shares(torch.get_num_threads())
    if x.dim() % 2 == 0 or x.device.type != "cpu" or x.numel() // len(x) % whole == 0:
        return function(x)
    return torch.stack([function(member) for member in x])


@cache
def _shares(threads: int) -> int:
    """Numbers of this multiple divide evenly among up to so many threads."""
    return lcm(*range(1, threads + 1))


class Elementwise(nn.Module):
    """One of torch's element-wise modules, whose bits for a member do not depend on the others."""

    def __init__(self, function: nn.Module) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        return each_member(self.function, x)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": lambda: Elementwise(nn.ELU()),
    "gelu": lambda: Elementwise(nn.GELU()),
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "selu": lambda: Elementwise(nn.SELU()),
    "sigmoid": lambda: Elementwise(nn.Sigmoid()),
    "silu": lambda: Elementwise(nn.SiLU()),
    "softplus": lambda: Elementwise(nn.Softplus()),
    "tanh": lambda: Elementwise(nn.Tanh()),
}

EXACT = (nn.Identity, nn.ReLU)
"""Modules whose bits never depend on how a loop is cut."""

NON_DECREASING = frozenset(ACTIVATIONS) - {"gelu", "silu"}
"""Those for which the largest value of a window is the value of its largest number."""
