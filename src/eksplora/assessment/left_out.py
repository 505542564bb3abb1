"""The interval of any metric of a model: from its values without parts of the rows and members."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.errors import EksploraError
from eksplora.evaluation.summary import MeasuredRows
from eksplora.records.estimate import Estimate
from eksplora.statistics.bounded import bounds_of
from eksplora.statistics.delivered import FEW_GROUPS, LeftOut, delivered

Value = Callable[..., float]
"""A metric of predictions (rows, columns), their targets (rows, ...) and, where rows have weights, these, (rows,)."""


def of_any(
    value: Value,
    each: NDArray[np.float64],
    targets: NDArray[Any],
    metric: str,
    groups: NDArray[np.int64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> Estimate:
    """A metric of the members' mean prediction, with its interval for new rows.

    Args:
        value: The metric.
        each: What the members predict, (members, rows, columns).
        targets: Classes (rows,), or numbers (rows, targets).
        metric: Its name.
        groups: The group of each row, (rows,); None where each row stands alone.
        weights: What each row counts, (rows,); None: all alike.
    """
    of_classes = np.bincount(targets) if targets.ndim == 1 else np.empty(0, dtype=np.int64)
    rows = MeasuredRows(len(targets), of_classes, groups, weights)
    known = [targets] if weights is None else [targets, weights]
    left_out = left_out_of(value, each, known, rows) if rows.are_enough(metric) else None
    independent = rows.independent(metric)
    return delivered(value(each.mean(0), *known), left_out, bounds_of(metric), rows=rows.count, independent=independent)


def left_out_of(
    value: Value, each: NDArray[np.float64], known: Sequence[NDArray[Any]], rows: MeasuredRows
) -> LeftOut | None:
    """Values of a metric of predictions and what is known of their rows; None where it is not defined for fewer."""
    groups, few = rows.left_out(), rows.left_out(FEW_GROUPS)
    others = [np.delete(each, member, axis=0).mean(0) for member in range(len(each))] if len(each) > 1 else []
    try:
        return LeftOut(
            rows=_without(value, each.mean(0), known, groups),
            members=np.array([value(one, *known) for one in others]),
            both=np.array([_without(value, one, known, few) for one in others]).T,
        )
    except (EksploraError, RuntimeError, ValueError):
        return None


def _without(
    value: Value, prediction: NDArray[np.float64], known: Sequence[NDArray[Any]], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    kept: Sequence[NDArray[np.bool_]] = [groups != number for number in range(int(groups.max()) + 1)]
    return np.array([value(prediction[rows], *(array[rows] for array in known)) for rows in kept])
