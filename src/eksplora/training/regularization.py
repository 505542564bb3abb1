"""Penalties on the weights of a population's members, and a bound on their length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from eksplora.ranges import check_fields, within


@dataclass(frozen=True)
class Regularization:
    """Penalties and bounds on a member's weights (see `conf/regularization/`).

    The penalty l1 * sum |w| + l2 * sum w**2 over all weights, biases and factors of normalizations left out, is part of
    what is differentiated, as Keras' `kernel_regularizer` is; the recorded losses are without it. Source: Goodfellow,
    Bengio and Courville, "Deep learning", 2016, section 7.1.

    After each step the weights into a unit are scaled down to a Euclidean norm of at most `max_norm`. Source: Srebro
    and Shraibman, "Rank, trace-norm and max-norm", COLT 2005; Srivastava et al., "Dropout", JMLR 2014, section 5.1.

    Raises:
        ConfigError: If a value means nothing.
    """

    l1: float = field(default=0.0, metadata=within(least=0, usual=0.0))
    l2: float = field(default=0.0, metadata=within(least=0, usual=0.0))
    max_norm: float | None = field(default=None, metadata=within(above=0, also="null", usual=3.0))

    def __post_init__(self) -> None:
        """Check the values."""
        check_fields(self, "regularization")


class Penalties:
    """Adds the gradient of each member's penalty to its gradient."""

    def __init__(self, each: Sequence[Regularization], is_weight: Tensor) -> None:
        """One entry per member; `is_weight` (parameters,) is 1 where a penalty applies, else 0."""
        # The gradient of l2 * w**2 is 2 * l2 * w.
        numbers = is_weight.new_tensor([[one.l1, 2 * one.l2] for one in each])
        self._is_weight = is_weight
        # (members, 1), or None where no member has the penalty: most trainings pay nothing.
        self._l1, self._l2 = (part[:, None] if part.any() else None for part in numbers.unbind(1))

    def add(self, gradient: Tensor, weights: Tensor) -> None:
        """Change `gradient`, that of `weights`, both (members, parameters), in place."""
        if self._l1 is not None:
            gradient.addcmul_(weights.sign(), self._l1 * self._is_weight)
        if self._l2 is not None:
            gradient.addcmul_(weights, self._l2 * self._is_weight)

    def select(self, indices: Tensor) -> None:
        """Go on with the members with these indices."""
        self._l1, self._l2 = (None if part is None else part[indices] for part in (self._l1, self._l2))


def bound(weights: Iterable[Tensor], longest: Tensor) -> None:
    """Scale the weights into each unit down to a Euclidean norm of at most `longest`, in place.

    Args:
        weights: Of each layer, (members, outputs, inputs, ...).
        longest: (members,); infinity leaves a member's weights as they are.

    Examples:
        >>> weights = torch.tensor([[[3.0, 4.0], [0.3, 0.4]]])
        >>> bound([weights], torch.tensor([1.0]))
        >>> weights
        tensor([[[0.6000, 0.8000],
                 [0.3000, 0.4000]]])
    """
    for weight in weights:
        norms = torch.linalg.vector_norm(weight.flatten(2), dim=2)  # (members, outputs)
        factors = torch.where(norms > longest[:, None], longest[:, None] / norms, 1.0)
        # (members, outputs, 1, ...): one factor for all weights into a unit
        weight.mul_(factors.view(*factors.shape, *(1 for _ in weight.shape[2:])))
