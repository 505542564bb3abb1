"""The test part, and what a model says of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation.summary import MeasuredRows
from eksplora.inference.ensemble import Ensemble


@dataclass(frozen=True)
class TestPart:
    """The test part and what a model says of it.

    Attributes:
        ensemble: The model.
        each: What its members predict, (members, rows, columns).
        targets: Classes (rows,), or numbers (rows, targets).
        groups: The group of each row, (rows,); None where each row stands alone.
        weights: What each row counts, (rows,); None: all alike.
    """

    __test__ = False  # no test of pytest's

    ensemble: Ensemble
    each: NDArray[np.float64]
    targets: NDArray[Any]
    groups: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None

    @property
    def rows(self) -> MeasuredRows:
        """Its rows, as far as they decide what can be said of others."""
        targets = self.targets
        of_classes = np.bincount(targets) if targets.ndim == 1 else np.empty(0, dtype=np.int64)
        return MeasuredRows(len(targets), of_classes, self.groups, self.weights)

    @property
    def beside(self) -> list[NDArray[Any]]:
        """The arrays that go with its predictions row by row: targets, and weights where there are any."""
        return [self.targets] if self.weights is None else [self.targets, self.weights]

    def of_rows(self, targets: NDArray[Any], weights: NDArray[np.float64] | None = None) -> "TestPart":
        """The part with other arrays in the place of `beside`, such as those of some of its rows."""
        return replace(self, targets=targets, weights=weights)
