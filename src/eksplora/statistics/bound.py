"""Means beside a bound, and shares of rows: where no pairs cancel what is skewed, and rows that agree say little."""

from dataclasses import replace
from math import inf

import numpy as np
from scipy import stats

from eksplora.statistics.bounded import bounded_interval
from eksplora.statistics.contrast import Contrast, combined, contrast, in_numbers
from eksplora.statistics.generalization import Method, Sample, Scope, Uncertain, uncertain
from eksplora.statistics.interval import Interval, t_interval


def value_in_words(sample: Sample) -> str:
    """The mean of a sample with its interval; that of a share of rows stays between 0 and 1 and has a width."""
    if sample.scope is Scope.THESE_ROWS:
        return in_numbers(float(sample.values.mean()), t_interval(sample.values))
    found = uncertain(sample)
    if is_share(sample) or not found.error:
        return in_numbers(found.mean, bounded_interval(found, (0.0, 1.0) if is_share(sample) else (-inf, inf)))
    # The symmetric interval is taken back through the cubic: its upper end gives the lower one of the mean.
    reach, skewness = float(stats.t.isf(0.025, found.freedom)), _skewness(found)
    low, high = (found.mean - found.error * from_symmetric(end, skewness) for end in (reach, -reach))
    return in_numbers(found.mean, Interval(low, high, level=0.95))


def beside_bound(sample: Sample, bound: float, sign: int) -> Contrast:
    """The distance by which the mean of a sample lies above a bound, or below it where `sign` is -1.

    There are no pairs in which skewed losses would cancel. So a share of rows has the standard error of Wilson's
    interval, and other means over rows Hall's correction: with 60 rows Student's t finds the mean of lognormal losses
    to be below itself in 9%, corrected in 5%.
    """
    beyond = contrast(combined([sample], [sign], -sign * bound), least_error=least_error_at(sample, bound))
    found = beyond.found
    if found is None or not found.error or is_share(sample):
        return beyond
    t = to_symmetric(found.mean / found.error, _skewness(found))
    # Where the correction turns the sign, the mean is too near to the bound to be on a side of it.
    p = float(2 * stats.t.sf(abs(t), found.freedom)) if t * found.mean > 0 else 1.0
    return replace(beyond, p=p)


def to_symmetric(t: float, skewness: float) -> float:
    """Hall's cubic of a studentized mean, which takes off most of its skewness.

    t + g t^2 / 3 + g^2 t^3 / 27 + g / 6, where g is the skewness of the mean. Source: Hall, "On the removal of skewness
    by transformation", JRSS B 54, 1992.

    Examples:
        >>> round(to_symmetric(-2.0, 0.1), 3), round(from_symmetric(to_symmetric(-2.0, 0.1), 0.1), 6)
        (-1.853, -2.0)
    """
    return t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6


def from_symmetric(t: float, skewness: float) -> float:
    """The inverse of `to_symmetric`."""
    if abs(skewness) < 1e-6:
        return t
    return float(3 / skewness * (np.cbrt(1 + skewness * (t - skewness / 6)) - 1))


def _skewness(found: Uncertain) -> float:
    """The skewness of a mean over rows, as far as rows make up its error; 0 of another."""
    units = found.units - found.units.mean()
    square = float((units**2).mean())
    if found.method not in (Method.ROWS, Method.GROUPS) or not square:
        return 0.0
    # The skewness of a mean of n is that of one over sqrt(n).
    own = float((units**3).mean()) / square**1.5 / len(units) ** 0.5
    # The third moment of the part that rows make up, over the cube of the whole error; that of seeds is symmetric.
    return float(own * (1 - found.seeds) ** 1.5)


# --- shares of rows ----------------------------------------------------------------------------------------------


def is_share(sample: Sample) -> bool:
    """Whether each member's value is a share of rows: its losses are 0 or 1."""
    if sample.losses is None:
        return False
    known = sample.losses[~np.isnan(sample.losses)]
    return bool(((known == 0) | (known == 1)).all())


def least_error_at(sample: Sample, share: float) -> float:
    """The standard error of a share where it is as given, so that a bound is not passed by rows that all agree.

    It is that of Wilson's interval: sqrt(share * (1 - share) / n), over the members that judge each row.
    """
    if not is_share(sample):
        return 0.0
    return float(np.sqrt(max(0.0, share * (1 - share)) / _judged(sample)))


def least_error_apart(sample: Sample, other: Sample, difference: float) -> float:
    """The least standard error of a difference of two shares that is as given.

    A difference of one row and member is 1, and the mean of its square is then no smaller than that of its size:
    sqrt((d / m - d^2) / n) with m members that judge each row.
    """
    if not (is_share(sample) and is_share(other)):
        return 0.0
    num_rows = len(sample.by_row())
    # Members that judge a row, mean over rows
    times = _judged(sample) / num_rows
    return float(np.sqrt(max(0.0, difference / times - difference**2) / num_rows))


def _judged(sample: Sample) -> float:
    """Losses of all rows and members."""
    assert sample.losses is not None
    return float((~np.isnan(sample.losses)).sum())
