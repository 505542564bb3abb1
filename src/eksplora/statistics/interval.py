"""A mean with its spread and its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from eksplora.records.estimate import Estimate
from eksplora.statistics._argument import check_fraction, finite


@dataclass(frozen=True)
class Interval:
    """A confidence interval, ends included.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: How often such an interval covers the true value, in (0, 1).
    """

    low: float
    high: float
    level: float


def mean_and_spread(values: ArrayLike) -> tuple[float, float | None]:
    """The mean and the sample standard deviation: sqrt(sum((x - mean)^2) / (n - 1)); None for a single value.

    Raises:
        ValueError: If there are no values, or not only finite ones.

    Examples:
        >>> mean_and_spread([1, 2, 3])
        (2.0, 1.0)
        >>> mean_and_spread([2])
        (2.0, None)
    """
    sample = finite(values, "values")
    if np.ptp(sample) == 0:  # the mean of equal floats may be off by a bit, and a spread of 1e-17 is none
        return float(sample[0]), 0.0 if len(sample) > 1 else None
    return float(sample.mean()), float(sample.std(ddof=1))


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval | None:
    """Student's interval of the mean: mean -+ t(n - 1, (1 + level) / 2) * s / sqrt(n).

    It covers as often as it says where the values are normal, and nearly so where their mean is. Source: Student, "The
    probable error of a mean", Biometrika 6, 1908.

    Args:
        values: A sample.
        level: Of confidence, in (0, 1).

    Returns:
        The interval; None for a single value, which says nothing of its spread. Equal values have one of width 0.

    Raises:
        ValueError: If there are no values, or not only finite ones, or the level is no fraction.

    Examples:
        >>> interval = t_interval([1, 2, 3])
        >>> round(interval.low, 2), round(interval.high, 2)
        (-0.48, 4.48)
    """
    check_fraction(level, "level", usual=0.95)
    mean, spread = mean_and_spread(values)
    if spread is None:
        return None
    num_values = np.size(values)
    # isf of the upper tail: ppf(1 - tail) would round levels near 1.
    reach = float(stats.t.isf((1 - level) / 2, num_values - 1)) * spread / num_values**0.5
    return Interval(low=mean - reach, high=mean + reach, level=level)


def estimate(values: Sequence[float | None]) -> Estimate:
    """Mean over members, with its spread and Student's 95% interval.

    Args:
        values: Of each member; None for a member that has none, which does not count.

    Examples:
        >>> found = estimate([1.0, None, 3.0])
        >>> found.mean, round(found.std, 4), found.n
        (2.0, 1.4142, 2)
        >>> estimate([2.0]).low is None
        True
    """
    known = [value for value in values if value is not None]
    interval = t_interval(known) if known else None
    return Estimate(
        mean=fmean(known) if known else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        std=stdev(known) if len(known) > 1 else None,
        n=len(known),
    )
