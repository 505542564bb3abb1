"""A measure in numbers: of each member, and of all together with the interval over rows and members."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation._weights import Array, Measures, once, without
from eksplora.records.estimate import Estimate
from eksplora.records.measure import Measure
from eksplora.statistics.bounded import bounds_of
from eksplora.statistics.delivered import FEW_GROUPS, GROUPS, LeftOut, delivered, groups_of
from eksplora.statistics.interval import mean_and_spread

LEAST_ROWS = 10
"""Fewer say too little of a measure that few rows can dominate. With so many 93% of the intervals cover (simulated)."""
LEAST_OF_A_CLASS = 2
"""Fewer rows of a class say too little of what is measured class by class."""
WITHOUT = ("max_error", "median_ae", "calibration_error")
"""Measures without an interval: the largest error grows with the rows, few rows in a bin add to the calibration error,
and leaving out rows one by one says too little of a median."""
OF_ROWS = ("accuracy", "hamming", "top_2_accuracy", "top_3_accuracy", "binary_accuracy", "subset_accuracy")
"""Shares of all rows: Wilson's interval holds for few rows too."""
BY_CONFIDENCE = ("log_loss", "brier")
"""Measures of classes that are means over all rows, whichever classes these have."""


def counted(rows: int) -> str:
    """Rows as the beginning of a sentence."""
    return "1 row is" if rows == 1 else f"{rows} rows are"


@dataclass(frozen=True)
class MeasuredRows:
    """Rows of a test part, as far as they decide what can be said of other rows.

    Attributes:
        count: All of them.
        of_classes: Those of each class, (classes,); empty where numbers are predicted.
        groups: The group of each, (rows,): rows of a group are alike, so that groups are what is counted; None: rows
            are independent.
        weights: What each counts, (rows,); None: all alike.
    """

    count: int
    of_classes: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None

    @property
    def units(self) -> int:
        """Independent rows, or groups of them; with weights as many rows of equal weight as say as much.

        That number is (sum of weights)^2 / sum of their squares. Source: Kish, Survey sampling, 1965, section 8.2.
        """
        if self.weights is not None:
            of_unit = np.arange(self.count) if self.groups is None else np.unique(self.groups, return_inverse=True)[1]
            each = np.bincount(of_unit, weights=self.weights)
            return int(each.sum() ** 2 / (each**2).sum() + 1e-9)
        return self.count if self.groups is None else len(np.unique(self.groups))

    @property
    def counted(self) -> Array:
        """Weight of each row, (1, rows)."""
        return once(self.count) if self.weights is None else self.weights[None]

    def left_out(self, most: int = GROUPS) -> NDArray[np.int64]:
        """Number of the part that each row is left out with, of at most so many, (rows,)."""
        return groups_of(self.count, most, self.groups)

    def are_enough(self, metric: str, place: int | None = None) -> bool:
        """Whether they can say how far other rows would move a measure, of one class where its place is given."""
        if metric in WITHOUT:
            return False
        if metric in OF_ROWS:
            return self.units > 1
        own = self._classes(place)
        if metric in BY_CONFIDENCE or not len(own):
            return self.units >= LEAST_ROWS
        return bool(np.minimum(own, self.count - own).min() >= LEAST_OF_A_CLASS)

    def bounds(self, metric: str) -> tuple[float, float]:
        """The bounds of a measure."""
        return (0.0, 1.0) if metric == "brier" and len(self.of_classes) == 2 else bounds_of(metric)

    def independent(self, metric: str, place: int | None = None) -> float:
        """Rows that a measure at one of its bounds is as good as a share of.

        A class of m rows against n - m others counts as m (n - m) / n, a mean over classes as their harmonic mean. Of
        groups they are no more than there are groups.
        """
        if metric in OF_ROWS or not len(self.of_classes):
            return float(self.units)
        own = self._classes(place)
        each = own * (self.count - own) / self.count
        return min(float(len(each) ** 2 / (1 / each).sum()), float(self.units)) if each.all() else 0.0

    def _classes(self, place: int | None) -> NDArray[np.int64]:
        """Rows of one class, or of each that has any."""
        return self.of_classes[self.of_classes > 0] if place is None else self.of_classes[[place]]


def summary(members: Sequence[float | None], together: Estimate) -> Measure:
    """A measure in numbers.

    Args:
        members: Its value for each member; None where it is not defined.
        together: Its value for the members' mean prediction.
    """
    known = [value for value in members if value is not None]
    mean, spread = mean_and_spread(known) if known else (None, None)
    return Measure(over_members=Estimate(mean=mean, std=spread, n=len(known)), members=list(members), ensemble=together)


def summaries(each: Array, score: Callable[[Array, Array], Measures], rows: MeasuredRows) -> Any:
    """Measures by name as summaries, or lists of them, one per class.

    Args:
        each: What the members predict, (members, rows, ...).
        score: Measures of predictions (rows, ...) for weights (weightings, rows).
        rows: Those of the test part.
    """
    values = [score(own, rows.counted) for own in each]
    together = score(each.mean(0), rows.counted)
    left_out = _left_out(each, score, rows) if rows.units > 1 else None
    return {
        name: _summaries([one[name][0] for one in values], value[0], name, left_out and left_out(name), rows)
        for name, value in together.items()
    }


def _left_out(each: Array, score: Callable[[Array, Array], Measures], rows: MeasuredRows) -> Callable[[str], LeftOut]:
    """Measures without parts of rows and members, by name; of classes with a last axis for them."""
    groups, few = rows.left_out(), rows.left_out(FEW_GROUPS)
    by_rows = without(partial(score, each.mean(0)), groups, rows.counted)
    # The ensemble without each of its members, (rows, ...)
    others = [np.delete(each, member, axis=0).mean(0) for member in range(len(each))] if len(each) > 1 else []
    by_members = [score(one, rows.counted) for one in others]
    # Rows and members left out together: members times groups values, so there are fewer groups.
    both = [without(partial(score, one), few, rows.counted) for one in others]

    def of(name: str) -> LeftOut:
        empty = by_rows[name][:0]
        return LeftOut(
            rows=by_rows[name],
            members=np.stack([one[name][0] for one in by_members]) if others else empty,
            both=np.stack([one[name] for one in both], axis=1) if others else empty[:, None],
        )

    return of


def _summaries(
    members: Sequence[Any],
    together: Any,
    name: str,
    left_out: LeftOut | None,
    rows: MeasuredRows,
    place: int | None = None,
) -> Any:
    # Measured class by class, (classes,): each class has its own rows, which may be too few.
    if np.ndim(together):
        return [
            _summaries([value[one] for value in members], together[one], name, _of_class(left_out, one), rows, one)
            for one in range(len(together))
        ]
    metric = name.removeprefix("class ")
    known = left_out if rows.are_enough(metric, place) else None
    independent = rows.independent(metric, place)
    return summary(
        [finite(value) for value in members],
        delivered(finite(together), known, rows.bounds(metric), rows=rows.count, independent=independent),
    )


def _of_class(left_out: LeftOut | None, place: int) -> LeftOut | None:
    if left_out is None:
        return None
    return LeftOut(left_out.rows[..., place], left_out.members[..., place], left_out.both[..., place])


def finite(value: Any) -> float | None:
    """A number as JSON has it; None where it is none."""
    return float(value) if np.isfinite(value) else None
