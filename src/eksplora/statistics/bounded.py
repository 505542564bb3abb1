"""Intervals of means that stay within the bounds of their measure."""

from collections.abc import Mapping
from math import exp, inf, isfinite, sqrt

import numpy as np
from scipy import stats

from eksplora.records.estimate import Estimate
from eksplora.statistics._argument import check_fraction
from eksplora.statistics.generalization import Sample, Uncertain, uncertain
from eksplora.statistics.interval import Interval, mean_and_spread

_SHARES = (
    *("accuracy", "binary_accuracy", "balanced_accuracy", "hamming", "top_2_accuracy", "top_3_accuracy"),
    *("recall", "precision", "specificity", "f1", "f2", "jaccard", "auroc", "average_precision"),
    *("subset_accuracy", "label_f1", "mean_average_precision"),
)
BOUNDS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("mae", "mse", "rmse", "mape", "msle", "log_loss", "poisson_deviance"), (0.0, inf)),
    **dict.fromkeys(_SHARES, (0.0, 1.0)),
    **dict.fromkeys(("mcc", "kappa"), (-1.0, 1.0)),
    **dict.fromkeys(("r2", "explained_variance"), (-inf, 1.0)),
    "brier": (0.0, 2.0),
}
"""Least and greatest value of a measure, by its name; others are taken as unbounded."""


def bounds_of(metric: str) -> tuple[float, float]:
    """The bounds of a measure by its name, with or without the part before a slash."""
    return BOUNDS.get(metric.rpartition("/")[2], (-inf, inf))


def estimate(sample: Sample, metric: str, level: float = 0.95) -> Estimate:
    """The mean of a sample's members with its interval, for the widest scope that they can speak for.

    Args:
        sample: What the members gave.
        metric: Name of the measure, such as `mae`, with or without the part before a slash.
        level: Of confidence, in (0, 1).
    """
    found = uncertain(sample)
    interval = bounded_interval(found, bounds_of(metric), level)
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


def bounded_interval(
    found: Uncertain, bounds: tuple[float, float], level: float = 0.95, *, independent: float | None = None
) -> Interval | None:
    """Student's interval on a scale on which the measure has no bound, brought back.

    A measure between two bounds has the score interval, as a share of so many independent rows that the standard error
    is the same (Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927; with
    effective sample size: Korn and Graubard, Survey Methodology 24, 1998). One with a single bound b has Student's
    interval of log |x - b|; its end away from b is that with Hall's correction for skewness, where this is farther.

    Args:
        found: A mean with its standard error.
        bounds: The least and the greatest value of the measure; infinite where there is none.
        level: Of confidence, in (0, 1).
        independent: The rows that the measure is as good as a share of, where all units are alike; None: the units.

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
    if isfinite(low) and isfinite(high) and low <= found.mean <= high:
        return _score(found, bounds, reach, level, len(found.units) if independent is None else independent)
    if not found.error:
        return None
    if isfinite(low) and found.mean > low:
        near, far = _from_bound(found.mean - low, found, reach, found.skewness)
        return Interval(low + near, low + far, level)
    if isfinite(high) and found.mean < high:
        near, far = _from_bound(high - found.mean, found, reach, -found.skewness)
        return Interval(high - far, high - near, level)
    return Interval(found.mean - reach * found.error, found.mean + reach * found.error, level)


def _from_bound(distance: float, found: Uncertain, reach: float, skewness: float) -> tuple[float, float]:
    """The ends of a distance from a bound, the nearer first."""
    assert found.error is not None
    # Delta method: the error of log d is that of d over d. exp(700) is still a 64-bit number.
    factor = exp(min(700.0, reach * found.error / distance))
    return distance / factor, max(distance * factor, distance + found.error * _corrected(reach, skewness))


def _corrected(reach: float, skewness: float) -> float:
    """Distance of the upper end from a mean of this skewness, in standard errors: the inverse of Hall's cubic.

    Source: Hall, "On the removal of skewness by transformation", JRSS B 54, 1992, equation 2.4.
    """
    if skewness < 1e-6 or not isfinite(reach):
        return reach
    return float(3 / skewness * (1 - np.cbrt(1 - skewness * (reach + skewness / 6))))


def _score(
    found: Uncertain, bounds: tuple[float, float], reach: float, level: float, independent: float
) -> Interval | None:
    """Wilson's interval; of units that are all alike, as many as are independent."""
    low, width = bounds[0], bounds[1] - bounds[0]
    mean = (found.mean - low) / width
    spread = mean * (1 - mean)
    # Effective sample size: as many independent rows as give a share the same standard error.
    rows = spread * (width / found.error) ** 2 if found.error and spread > 0 else independent
    if rows <= 1 and not found.error:
        return None
    # Wilson's, with Student's t in place of z.
    centre = (mean + reach**2 / (2 * rows)) / (1 + reach**2 / rows)
    half = reach / (1 + reach**2 / rows) * sqrt(spread / rows + reach**2 / (4 * rows**2))
    ends = max(0.0, min(mean, centre - half)), min(1.0, max(mean, centre + half))  # exactly so, but for rounding
    return Interval(low + width * ends[0], low + width * ends[1], level)
