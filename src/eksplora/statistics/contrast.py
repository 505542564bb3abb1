"""Sums of samples with weights: differences, slopes and distances from a bound, and their tests against 0."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eksplora.statistics.bounded import bounded_interval
from eksplora.statistics.generalization import (
    Method,
    Sample,
    Scope,
    Uncertain,
    adjusted,
    uncertain,
    uncertain_effect,
)
from eksplora.statistics.interval import Interval, t_interval
from eksplora.statistics.paired import least_pairs, max_t, sign_flip, smallest_p
from eksplora.statistics.power import members_needed
from eksplora.statistics.settling import more, settling

Column = Sequence[float] | NDArray[np.float64] | Sample
"""The values of a column's members, or their sample where more is known than the values."""


def sample_of_column(column: Column) -> Sample:
    """A sample; of values alone one whose rows are not known."""
    if isinstance(column, Sample):
        return column
    values = np.asarray(column, dtype=np.float64)
    return Sample(values, np.zeros(len(values), dtype=np.int64), ratio=1.0, num_rows=0)


def as_one(samples: Sequence[Sample]) -> list[Sample]:
    """Samples as they can be compared: by rows where all have the losses of the same rows, otherwise by members.

    Rows of a study may differ in the data themselves. Where members of a number have different splits, they are pairs
    of seeds alone.
    """
    first = samples[0]
    if any(len(one.splits) != len(first.splits) or (one.splits != first.splits).any() for one in samples):
        return [sample_of_column(one.values) for one in samples]
    ratio = max(one.ratio for one in samples)
    if all(_has_rows_of(one, first) for one in samples):
        return [replace(one, ratio=ratio) for one in samples]
    return [replace(one, ratio=ratio, losses=None, groups=None, weights=None) for one in samples]


def _has_rows_of(sample: Sample, other: Sample) -> bool:
    """Whether both know the losses of the same rows for each member."""
    own, known = sample.losses, other.losses
    if own is None or known is None or own.shape != known.shape:
        return False
    return bool((np.isnan(own) == np.isnan(known)).all())


def combined(samples: Sequence[Sample], weights: Sequence[float], constant: float = 0.0) -> Sample:
    """The sum of samples of the same members and rows with weights, member by member and row by row.

    Args:
        samples: Of `as_one`.
        weights: One for each.
        constant: What is added to every value.

    Examples:
        >>> one, other = (sample_of_column(values) for values in ([1.0, 2.0], [3.0, 5.0]))
        >>> combined([one, other], [-1, 1]).values.tolist()
        [2.0, 3.0]
    """
    values = np.asarray(sum(w * one.values for w, one in zip(weights, samples, strict=True)) + constant)
    losses = [one.losses for one in samples if one.losses is not None]
    if len(losses) < len(samples):
        return replace(samples[0], values=values, losses=None)
    summed = np.asarray(sum(w * own for w, own in zip(weights, losses, strict=True)) + constant)
    return replace(samples[0], values=values, losses=summed)


@dataclass(frozen=True)
class Contrast:
    """A sum of samples, beside 0.

    Attributes:
        mean: The estimate.
        interval: Of it, 95%; None where the sample says nothing of its error.
        p: Two-sided, of the mean against 0.
        scope: What it is about.
        count: Members.
        sample: The members.
        found: The mean with its error; None where it is judged on these rows, by sign flips.
    """

    mean: float
    interval: Interval | None
    p: float
    scope: Scope
    count: int
    sample: Sample
    found: Uncertain | None = None

    @property
    def in_numbers(self) -> str:
        """The mean with its interval."""
        return _in_numbers(self.mean, self.interval)

    def too_few(self, alpha: float) -> bool:
        """Whether so many members cannot reach a level, whatever they say."""
        return self.found is None and smallest_p(self.count) > alpha

    def needed(self, alpha: float) -> tuple[int | None, int | None]:
        """Members and rows that would show that it is not 0, if it is as it seems to be."""
        if self.found is not None:
            return more(settling(self.found, self.sample, abs(self.mean), alpha=alpha), self.sample)
        if self.too_few(alpha):
            return least_pairs(alpha), None
        needed = members_needed(self.sample.values, alpha=alpha)
        return None if needed is None else max(needed, self.count + 1), None  # those that are there did not suffice


def contrast(sample: Sample, *, least_error: float = 0.0, resolution: float = 0.0) -> Contrast:
    """The mean of a sample, beside 0: for the widest scope that its members can speak for.

    Args:
        sample: Such as a sum of samples.
        least_error: Of its mean over rows.
        resolution: The largest error that 32-bit floats give its mean.
    """
    values = sample.values
    if sample.scope is Scope.THESE_ROWS:
        interval = t_interval(values)
        return Contrast(float(values.mean()), interval, sign_flip(values), sample.scope, len(values), sample)
    found = with_least(uncertain_effect(sample), least_error)
    found = replace(found, mean=0.0) if abs(found.mean) <= 2 * resolution else found
    ends = found.interval(0.95)
    interval = None if ends is None else Interval(*ends, level=0.95)
    return Contrast(found.mean, interval, found.p, found.scope, len(values), sample, found)


def value_in_words(sample: Sample) -> str:
    """The mean of a sample with its interval; that of a share of rows stays between 0 and 1 and has a width."""
    if sample.scope is Scope.THESE_ROWS:
        return _in_numbers(float(sample.values.mean()), t_interval(sample.values))
    found = uncertain(sample)
    if is_share(sample) or not found.error:
        return _in_numbers(found.mean, bounded_interval(found, (0.0, 1.0) if is_share(sample) else (-inf, inf)))
    reach, skewness = float(stats.t.isf(0.025, found.freedom)), _skewness(found)
    low, high = (found.mean - found.error * from_symmetric(end, skewness) for end in (reach, -reach))
    return _in_numbers(found.mean, Interval(low, high, level=0.95))


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
    own = float((units**3).mean()) / square**1.5 / len(units) ** 0.5
    return float(own * (1 - found.seeds) ** 1.5)


def _in_numbers(mean: float, interval: Interval | None) -> str:
    return f"{mean:.4g}" if interval is None else f"{mean:.4g} [{interval.low:.4g}, {interval.high:.4g}]"


def with_least(found: Uncertain, error: float) -> Uncertain:
    """The same with no smaller error; of a mean over rows only."""
    is_by_rows = found.method in (Method.ROWS, Method.GROUPS)
    return replace(found, error=max(found.error, error)) if is_by_rows and found.error is not None else found


def together(contrasts: Sequence[Contrast], alpha: float, resolution: float) -> list[float]:
    """The p of contrasts of the same samples, adjusted: by maxT on these rows, by single-step minP beyond.

    Args:
        contrasts: Their own p are not adjusted.
        alpha: Level of significance of all together.
        resolution: The largest error that 32-bit floats give a value.
    """
    found = [one.found for one in contrasts if one.found is not None]
    if len(found) == len(contrasts):
        return adjusted(found, alpha)[0]
    values = [one.sample.values for one in contrasts]
    return [float(p) for p in max_t(values, resolutions=[resolution] * len(values))]


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
    times = _judged(sample) / num_rows
    return float(np.sqrt(max(0.0, difference / times - difference**2) / num_rows))


def _judged(sample: Sample) -> float:
    """Losses of all rows and members."""
    assert sample.losses is not None
    return float((~np.isnan(sample.losses)).sum())
