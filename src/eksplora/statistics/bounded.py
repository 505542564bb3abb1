"""Intervals of means that stay within the bounds of their measure."""

from collections.abc import Mapping
from math import exp, inf, sqrt

from scipy import stats

from eksplora.records.estimate import Estimate
from eksplora.statistics._argument import check_fraction
from eksplora.statistics.generalization import Sample, Uncertain, uncertain
from eksplora.statistics.interval import Interval, mean_and_spread

BOUNDS: Mapping[str, tuple[float, float]] = {
    "mae": (0.0, inf),
    "mse": (0.0, inf),
    "rmse": (0.0, inf),
    "accuracy": (0.0, 1.0),
    "binary_accuracy": (0.0, 1.0),
    "auroc": (0.0, 1.0),
    "f1": (0.0, 1.0),
    "r2": (-inf, 1.0),
}
"""Least and greatest value of a measure, by its name; others are taken as unbounded."""


def estimate(sample: Sample, metric: str, level: float = 0.95) -> Estimate:
    """The mean of a sample's members with its interval, for the widest scope that they can speak for.

    Args:
        sample: What the members gave.
        metric: Name of the measure, such as `mae`, with or without the part before a slash.
        level: Of confidence, in (0, 1).
    """
    found = uncertain(sample)
    interval = bounded_interval(found, BOUNDS.get(metric.rpartition("/")[2], (-inf, inf)), level)
    mean, spread = mean_and_spread(sample.values)
    return Estimate(
        mean=mean,
        low=None
        if interval is None
        else min(interval.low, mean),  # folds of unequal size weigh rows a little otherwise
        high=None if interval is None else max(interval.high, mean),
        std=spread,
        n=len(sample.values),
        scope=str(found.scope),
    )


def bounded_interval(found: Uncertain, bounds: tuple[float, float], level: float = 0.95) -> Interval | None:
    """Student's interval on a scale on which the measure has no bound, brought back.

    A measure from 0 to 1 has the score interval, as a share of so many independent rows that the standard error is the
    same (Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927; with effective
    sample size: Korn and Graubard, Survey Methodology 24, 1998). One with a single bound b has Student's interval of
    log |x - b|.

    Args:
        found: A mean with its standard error.
        bounds: The least and the greatest value of the measure; infinite where there is none.
        level: Of confidence, in (0, 1).

    Returns:
        The interval; None where units that are all alike say nothing of their spread.

    Examples:
        >>> import numpy as np
        >>> from eksplora.statistics.generalization import Method, Scope
        >>> all_right = Uncertain(1.0, 0.0, 35, Scope.NEW_ROWS, Method.ROWS, np.ones(36))
        >>> interval = bounded_interval(all_right, (0.0, 1.0))
        >>> round(interval.low, 2), interval.high
        (0.9, 1.0)
    """
    check_fraction(level, "level")
    low, high = bounds
    if found.error is None:
        return None
    reach = float(stats.t.isf((1 - level) / 2, found.freedom)) if found.freedom > 0 else inf
    if (low, high) == (0.0, 1.0) and 0 <= found.mean <= 1:
        return _score(found, reach, level)
    if not found.error:
        return None
    if low == 0.0 and found.mean > 0:
        factor = exp(min(700.0, reach * found.error / found.mean))
        return Interval(found.mean / factor, found.mean * factor, level)
    if high == 1.0 and found.mean < 1:
        factor = exp(min(700.0, reach * found.error / (1 - found.mean)))
        return Interval(1 - (1 - found.mean) * factor, 1 - (1 - found.mean) / factor, level)
    return Interval(found.mean - reach * found.error, found.mean + reach * found.error, level)


def _score(found: Uncertain, reach: float, level: float) -> Interval | None:
    """Wilson's interval; of units that are all alike, as many as there are."""
    mean, spread = found.mean, found.mean * (1 - found.mean)
    if found.error and spread > 0:
        rows = spread / found.error**2
    elif len(found.units) > 1:
        rows = float(len(found.units))
    else:
        return None
    centre = (mean + reach**2 / (2 * rows)) / (1 + reach**2 / rows)
    half = reach / (1 + reach**2 / rows) * sqrt(spread / rows + reach**2 / (4 * rows**2))
    low = 0.0 if mean == 0 else max(0.0, centre - half)  # exactly so, but for rounding
    return Interval(low, 1.0 if mean == 1 else min(1.0, centre + half), level)
