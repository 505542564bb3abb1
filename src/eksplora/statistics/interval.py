"""A mean with its spread and its interval."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from eksplora.records.estimate import Estimate
from eksplora.statistics._argument import check_fraction, finite

_BLOCK = 2**22
"""Numbers that a bootstrap holds at once (32 MiB): resamples of many rows are drawn in batches."""


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


def bootstrap_interval(
    values: ArrayLike,
    *,
    level: float = 0.95,
    seed: int,
    num_draws: int = 10_000,
    statistic: Callable[..., Any] = np.mean,
) -> Interval:
    """The interval of any statistic, from resamples: bias-corrected and accelerated (BCa).

    Source: Efron, "Better bootstrap confidence intervals", Journal of the American Statistical Association 82, 1987;
    computed by `scipy.stats.bootstrap`. It is for many values (rows of a test part): of the mean of 8 normal ones it
    covers 89% at level 95% (measured, 2000 samples), so for members prefer `t_interval`.

    Args:
        values: A sample.
        level: Of confidence, in (0, 1).
        seed: At least 0; decides the resamples.
        num_draws: Resamples.
        statistic: Of a sample; when it takes `axis`, of all resamples at once.

    Returns:
        The interval. Where leaving out a value never changes the statistic (equal values, a median among ties), the
        acceleration is undefined and the ends are the plain percentiles of the resamples.

    Raises:
        ValueError: If there are fewer than two values, or not only finite ones, or the level is no fraction,
            or the statistic of a resample is not finite.

    Examples:
        >>> interval = bootstrap_interval([1, 2, 3, 4] * 25, seed=0)
        >>> round(interval.low, 1), round(interval.high, 1)
        (2.3, 2.7)
    """
    check_fraction(level, "level", usual=0.95)
    sample = finite(values, "values")
    if len(sample) < 2:
        raise ValueError("values must be two or more to be resampled, got 1.")
    low, high = _bootstrapped(sample, level, seed, num_draws, statistic, "BCa")
    # BCa divides by the jackknife's spread.
    if np.isnan(low):
        low, high = _bootstrapped(sample, level, seed, num_draws, statistic, "percentile")
    if not np.isfinite([low, high]).all():
        raise ValueError("statistic must be a finite number for every resample.")
    return Interval(low=low, high=high, level=level)


def _bootstrapped(
    sample: NDArray[np.float64], level: float, seed: int, num_draws: int, statistic: Callable[..., Any], method: str
) -> tuple[float, float]:
    """The ends by a method of scipy's; not a number where the method has none."""
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):  # the acceleration of equal values is 0 / 0
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (sample,),
            statistic,
            n_resamples=num_draws,
            batch=max(1, _BLOCK // len(sample)),
            confidence_level=level,
            method=method,
            rng=np.random.Generator(np.random.PCG64(seed)),
        )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
