"""Gradients cut to a size, each member's by its own limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import torch
from torch import Tensor

from eksplora.ranges import check_fields, within


@dataclass(frozen=True)
class Clipping:
    """Limits of a member's gradient: its norm, and each number in it (see `conf/clipping/`); None: any.

    Each number x becomes min(max(x, -value), value), then a gradient g becomes g * min(1, norm / |g|). Source: Pascanu,
    Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, algorithm 1, for the norm;
    Mikolov, "Statistical language models based on neural networks", 2012, for the value.

    Raises:
        ConfigError: If a value means nothing.
    """

    norm: float | None = field(default=None, metadata=within(above=0, also="null", usual=1.0))
    value: float | None = field(default=None, metadata=within(above=0, also="null", usual=1.0))

    def __post_init__(self) -> None:
        """Check the values."""
        check_fields(self, "clipping")


class Limits:
    """The limits of a population's members."""

    def __init__(self, each: Sequence[Clipping], device: torch.device) -> None:
        """One entry per member."""
        self._norm = _column([one.norm for one in each], device)
        self._value = _column([one.value for one in each], device)

    def clip(self, gradient: Tensor) -> None:
        """Cut `gradient` (members, parameters) in place: its numbers, then its norms."""
        if self._value is not None:
            # (members, 1) against (members, parameters): each member by its own limit.
            torch.clamp(gradient, -self._value, self._value, out=gradient)
        if self._norm is not None:
            clip_norm(gradient, self._norm)

    def select(self, indices: Tensor) -> None:
        """Go on with the members with these indices."""
        self._norm, self._value = (None if part is None else part[indices] for part in (self._norm, self._value))


def _column(limits: Sequence[float | None], device: torch.device) -> Tensor | None:
    """Limits (members, 1), infinite where a member has none; None where none has."""
    if all(limit is None for limit in limits):
        return None
    return torch.tensor([[inf if limit is None else limit] for limit in limits], device=device)


def clip_norm(gradient: Tensor, longest: Tensor) -> None:
    """Scale each member's gradient down to a Euclidean norm of at most `longest`, in place.

    As `torch.nn.utils.clip_grad_norm_` does for one network (Pascanu et al., "On the difficulty of training recurrent
    neural networks", 2013, algorithm 1).

    Args:
        gradient: (members, parameters).
        longest: (members, 1); infinity leaves a member's gradient as it is.
    """
    norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    # 1e-6 as in torch's function.
    gradient.mul_((longest / (norms + 1e-6)).clamp(max=1.0))
