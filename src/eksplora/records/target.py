"""Summary of what is to be predicted, in the card of a table and of images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class TargetSummary:
    """Summary of a target, over the rows that have one.

    Attributes:
        name: The column; of folders `class`.
        low: Least number; None of classes.
        high: Greatest number.
        mean: Their mean.
        skewness: Third standardized moment.
        is_positive: Whether every number is above 0.
        counts: Rows in each class, in the order of the classes; of numbers, in ten equal steps.
    """

    name: str
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    skewness: float | None = None
    is_positive: bool = False
    counts: tuple[int, ...] = ()


def summaries(
    names: Sequence[str], values: NDArray[np.generic], classes: Sequence[str] | None
) -> tuple[TargetSummary, ...]:
    """A summary of each target.

    Args:
        names: Of the targets; of classes there is one.
        values: Classes (rows,) from 0, or numbers (rows, targets).
        classes: Their names; None for numbers.
    """
    if classes is not None:
        counts = np.bincount(values.astype(np.int64), minlength=len(classes))
        return (TargetSummary(name=names[0], counts=tuple(counts.tolist())),)
    return tuple(_of_numbers(name, own.astype(np.float64)) for name, own in zip(names, values.T, strict=True))


def _of_numbers(name: str, values: NDArray[np.float64]) -> TargetSummary:
    low, high, mean, deviation = (float(value) for value in (values.min(), values.max(), values.mean(), values.std()))
    skewness = float((((values - mean) / deviation) ** 3).mean()) if deviation > 0 else 0.0
    counts = tuple(np.histogram(values, bins=10)[0].tolist()) if high > low else (len(values),)
    return TargetSummary(
        name=name, low=low, high=high, mean=mean, skewness=skewness, is_positive=low > 0, counts=counts
    )
