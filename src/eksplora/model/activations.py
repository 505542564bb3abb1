"""Element-wise functions by the name that a configuration uses, for one network or for many at once.

In this room a plain tensor has an even number of dimensions, (rows, units) or (rows, channels, height, width); one with
a member dimension in front has an odd one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import lcm

import torch
from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.model._layout import apart, laid, with_gradient_laid
from eksplora.model._prelu import PReLU
from eksplora.ranges import Range, refusal

LANES = 32
"""Numbers that a vectorized loop on a CPU takes at once, at most; what is left over goes another way."""


def each_member(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The function of x, with bits that depend on the member alone.

    A loop on a CPU takes the last few numbers of a tensor, and of each thread's share of it, one by one, and exp and
    the like then differ in the last bit. Where members end inside such a rest they are taken one after another.
    """
    if x.dim() % 2 == 0 or x.device.type != "cpu":
        return function(x)
    # A member's numbers do not fill whole vectors of every thread's share.
    if x.numel() // len(x) % (LANES * _shares(torch.get_num_threads())):
        return apart(function, x)
    return with_gradient_laid(laid, function(laid(x)))


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
        """The activation, of the same shape."""
        return each_member(self.function, x)


ANY = Range()
"""Range of a number without limits."""


@dataclass(frozen=True)
class Function:
    """Maker of an activation: called with its number, or with nothing for the default, it gives a module.

    Attributes:
        make: The module of the number, or of nothing.
        number: What the number is called; empty: the function takes none.
        takes: What the number may be.
        bounded: Whether its values stay in an interval.
    """

    make: Callable[..., nn.Module]
    number: str = ""
    takes: Range = ANY
    bounded: bool = False

    def __call__(self, number: float | None = None) -> nn.Module:
        """A module of the activation; `number` is its parameter."""
        return self.make() if number is None else self.make(number)


ACTIVATIONS: dict[str, Function] = {
    "elu": Function(lambda alpha=1.0: Elementwise(nn.ELU(alpha)), "alpha", Range(above=0)),
    "gelu": Function(lambda: Elementwise(nn.GELU())),
    "hard_tanh": Function(lambda bound=1.0: nn.Hardtanh(-bound, bound), "bound", Range(above=0), bounded=True),
    "identity": Function(nn.Identity),
    "leaky_relu": Function(lambda slope=0.01: nn.LeakyReLU(slope), "slope", Range(least=0)),
    "prelu": Function(lambda slope=0.25: PReLU(slope), "initial slope"),
    "relu": Function(nn.ReLU),
    "selu": Function(lambda: Elementwise(nn.SELU())),
    "sigmoid": Function(lambda: Elementwise(nn.Sigmoid()), bounded=True),
    "silu": Function(lambda: Elementwise(nn.SiLU())),
    "softplus": Function(lambda beta=1.0: Elementwise(nn.Softplus(beta)), "beta", Range(above=0)),
    "tanh": Function(lambda: Elementwise(nn.Tanh()), bounded=True),
    "thresholded_relu": Function(lambda theta=1.0: nn.Threshold(theta, 0.0), "theta", Range(least=0)),
}

NON_DECREASING = frozenset(ACTIVATIONS) - {"gelu", "prelu", "silu"}
"""Those for which the largest value of a window is the value of its largest number, whatever training makes of them."""


@dataclass(frozen=True)
class Activation:
    """A function by its name, with its number; None: the default of a function that takes one."""

    name: str
    parameter: float | None = None

    def layer(self) -> nn.Module:
        """A module of its own."""
        return ACTIVATIONS[self.name](self.parameter)


def activation_number(name: str, value: object) -> float:
    """The value itself, if the activation takes it.

    Raises:
        ConfigError: If it is no finite number, or outside of the function's range.
    """
    function = ACTIVATIONS[name]
    if value not in function.takes:
        wanted = f"{function.takes} for {name} (its {function.number})"
        raise ConfigError(refusal("activation.parameter", wanted, value, None))
    return float(value)  # type: ignore[arg-type]
