"""Sums of samples with weights: differences, slopes and distances from a bound, and their tests against 0."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eksplora.statistics.generalization import (
    Method,
    Sample,
    Scope,
    Uncertain,
    adjusted,
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
        return in_numbers(self.mean, self.interval)

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


def in_numbers(mean: float, interval: Interval | None) -> str:
    """A mean with its interval, where it has one."""
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
