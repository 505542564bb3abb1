"""Predictions for the rows of a test part, of which measures can be taken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation._weights import Array
from eksplora.evaluation.finite import check_finite, if_finite
from eksplora.evaluation.summary import MeasuredRows


@dataclass(frozen=True)
class Predicted:
    """Predictions for the rows of a test part, and how these rows count.

    Attributes:
        each: Those of each member, (members, rows, ...): probabilities of classes or of labels, or numbers.
        dropout: The same of passes of one network with dropout left on, (passes, rows, ...); None where it drops
            nothing.
        groups: The group of each row, (rows,), whose rows are alike; None where each row stands alone.
        weights: Weight of each row in measures, (rows,); None: all alike.

    Raises:
        UserError: If predictions are not finite. Passes with dropout may be: see `passes`.
    """

    each: Array
    dropout: Array | None = None
    groups: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        check_finite(self.each)

    @property
    def ensemble(self) -> Array:
        """The mean over members, (rows, ...)."""
        found: Array = self.each.mean(0)
        return found

    @property
    def passes(self) -> Array | None:
        """Passes with dropout left on, where all of them are finite numbers."""
        return if_finite(self.dropout)

    def rows(self, of_classes: NDArray[np.int64]) -> MeasuredRows:
        """The rows, as far as they decide what can be said of others.

        Args:
            of_classes: How many each class has, (classes,); empty where numbers are predicted.
        """
        return MeasuredRows(self.each.shape[1], of_classes, self.groups, self.weights)
