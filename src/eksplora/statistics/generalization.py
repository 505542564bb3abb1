"""Tests and intervals that hold for data like these: the rows vary, and with them what a network learned.

Members of a study validate on parts of the same rows, so their values depend on each other. Taken as independent they
claim differences between equal learners in half of all studies. The estimators here pay for that dependence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtri

from eksplora.statistics._argument import finite
from eksplora.statistics.paired import smallest_p

NUM_DRAWS = 40_000
"""Draws of the joint distribution of several comparisons: the standard error of an adjusted p of 0.05 is 0.001."""
LEAST_RATIO = 0.4
"""Least ratio of test to training rows; that of five folds is 0.25.

With more folds the factor for common rows would vanish, though networks have more in common. The least is chosen by
simulation: nearly interpolating networks of 100 rows, 5 folds and 2 seeds claim a difference in 5.9% of 2000 null
studies with 0.25 and in 4.7% with 0.4.
"""
_BLOCK = 2**20
"""Normal numbers that are held at once (8 MiB)."""


class Scope(StrEnum):
    """The population that an estimate or a verdict is about."""

    THESE_ROWS = "these rows"  # one cut of the rows, which is kept; seeds vary
    NETWORKS = "new rows, for these networks"  # one seed each: of two networks, not of their configurations
    NEW_ROWS = "new rows, trained on these"  # rows that are judged on vary, those that are learned from are kept
    DATA = "data like these"  # all rows vary, and seeds with them


class Method(StrEnum):
    """Test of a difference."""

    SIGN_FLIPS = "sign flips over seeds"
    ROWS = "paired t over rows"
    GROUPS = "paired t over groups of rows"
    RESAMPLED = "corrected resampled t"
    LEFT_OUT = "jackknife over rows and members"


@dataclass(frozen=True)
class Sample:
    """Results of the members of one configuration. All samples of a comparison have the same members and rows.

    Attributes:
        values: The metric of each member on the rows that it validates on, (members,).
        splits: The split that each member learned from and validates on, (members,).
        ratio: Rows that a member validates on over rows that it learns from, mean over splits; above 0.
        num_rows: Rows of the training part.
        losses: Of each member the part that each row adds to its value, so that the mean over the member's rows is its
            value, (members, rows); not a number where the member does not validate on the row. None for a metric that
            is no mean over rows.
        groups: The group of each row, (rows,): rows of a group are alike and groups are independent, so that groups
            are what is counted; None: rows are independent.
        weights: What each row counts in the metric, (rows,): the mean over a member's rows is a weighted one; None: all
            alike.
    """

    values: NDArray[np.float64]
    splits: NDArray[np.int64]
    ratio: float
    num_rows: int
    losses: NDArray[np.float64] | None = None
    groups: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        finite(self.values, "values")
        if len(self.splits) != len(self.values) or (self.losses is not None and len(self.losses) != len(self.values)):
            raise ValueError(f"a sample of {len(self.values)} members needs a split and losses for each of them.")
        if not self.ratio > 0:
            raise ValueError(f"ratio must be above 0, got {self.ratio}: no row is validated on.")

    @property
    def num_splits(self) -> int:
        """Different cuts of the rows."""
        return len(np.unique(self.splits))

    @property
    def is_partitioned(self) -> bool:
        """Whether each row that is validated on is so by equally many members: by one fold of each repeat."""
        if self.losses is None:
            return False
        times = (~np.isnan(self.losses)).sum(0)
        return bool((times[times > 0] == times.max()).all())

    @property
    def num_repeats(self) -> int:
        """Splits that validate on the same row, where these are the folds of repeats."""
        if self.losses is None:
            return 1
        first = np.flatnonzero(~np.isnan(self.losses).all(0))[0]
        return len(np.unique(self.splits[~np.isnan(self.losses[:, first])]))

    @property
    def scope(self) -> Scope:
        """The widest scope that these members can speak for."""
        if self.num_splits > 1:
            return Scope.DATA
        if self.losses is None:
            return Scope.THESE_ROWS
        return Scope.NEW_ROWS if len(self.values) > 1 else Scope.NETWORKS

    def __sub__(self, other: "Sample") -> "Sample":
        """Member less member, row less row."""
        if len(self.values) != len(other.values) or (self.splits != other.splits).any():
            raise ValueError("values and reference must be of the same members on the same splits.")
        is_by_rows = self.losses is not None and other.losses is not None
        losses = self.losses - other.losses if is_by_rows else None  # type: ignore[operator]
        return replace(self, values=self.values - other.values, losses=losses)

    def by_split(self) -> NDArray[np.float64]:
        """Mean value of the members of each split, (splits,)."""
        return np.array([self.values[self.splits == split].mean() for split in np.unique(self.splits)])

    @property
    def method(self) -> Method:
        """Test of a mean over rows."""
        return Method.ROWS if self.groups is None else Method.GROUPS

    def by_row(self) -> NDArray[np.float64]:
        """Mean loss of each row that is validated on, over the members that do, (rows,)."""
        if self.losses is None:
            raise ValueError("this metric is no mean over rows.")
        rows: NDArray[np.float64] = np.nanmean(self.losses[:, ~np.isnan(self.losses).all(0)], axis=0)
        return rows

    def by_unit(self) -> NDArray[np.float64]:
        """Mean losses of what is independent, whose mean is that of all rows: of rows, or of groups, (units,).

        A group adds the distances of its rows from the mean, times their weights, times groups / sum of all weights:
        the variance of the mean is then that of the units over their number, which is the cluster-robust one. Source:
        Cameron and Miller, "A practitioner's guide to cluster-robust inference", Journal of Human Resources 50, 2015,
        section II; with weights it is that of a ratio (Cochran, Sampling techniques, 3rd edition, 1977, section 6.3).
        """
        rows = self.by_row()
        if self.losses is None or (self.groups is None and self.weights is None):
            return rows
        is_measured = ~np.isnan(self.losses).all(0)
        weights = np.ones(len(rows)) if self.weights is None else self.weights[is_measured]
        groups = np.arange(len(rows)) if self.groups is None else self.groups[is_measured]
        names, of_row = np.unique(groups, return_inverse=True)
        mean = weights @ rows / weights.sum()
        return np.asarray(mean + np.bincount(of_row, weights=weights * (rows - mean)) * (len(names) / weights.sum()))


@dataclass(frozen=True)
class Uncertain:
    """A mean and how uncertain it is.

    Attributes:
        mean: The estimate.
        error: Its standard error; None where the sample says nothing of it.
        freedom: Degrees of freedom of Student's distribution that the error goes with.
        scope: What it is about.
        method: How the error was found.
        units: What was averaged: values of splits or losses of rows, for the correlation with other comparisons.
        skewness: Of the estimate, where it was found.
        seeds: The share of the squared error that more members would lower and more rows would not.
    """

    mean: float
    error: float | None
    freedom: float
    scope: Scope
    method: Method
    units: NDArray[np.float64]
    skewness: float = 0.0
    seeds: float = 0.0

    @property
    def p(self) -> float:
        """Two-sided, of the mean against 0."""
        if self.error is None or self.mean == 0:
            return 1.0
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.freedom)) if self.error else 0.0

    def interval(self, level: float) -> tuple[float, float] | None:
        """Student's interval of the mean."""
        if self.error is None:
            return None
        reach = float(stats.t.isf((1 - level) / 2, self.freedom)) * self.error
        return self.mean - reach, self.mean + reach


def uncertain(sample: Sample) -> Uncertain:
    """The mean of a sample, or of the differences of two, for the widest scope that its members can speak for.

    Several splits whose rows are each validated on equally often (k-fold, its repeats too) are judged row by row: the
    variance of the mean is that of the rows' losses over their number (Bayle, Bayle, Janson and Mackey,
    "Cross-validation confidence intervals for test error", NeurIPS 2020), or that of the folds' means where this is
    larger, because a seed moves all rows of its fold together. Repeats with the rows cut anew do not divide the latter:
    divided, near-interpolating networks of 100 rows claim a difference in 10% of null studies. Both are multiplied by
    1 + n_test / n_train, 1.4 at least, for the rows that the folds' networks have in common. Where rows are in groups,
    groups take the place of rows, see `Sample.by_unit`.

    Other splits, and metrics that are no means over rows, get the corrected resampled t: the variance of the splits'
    values times 1 / splits + n_test / n_train (Nadeau and Bengio, "Inference for the generalization error", Machine
    Learning 52, 2003). With one split the rows that were learned from are kept: the variance over validation rows and
    that over seeds add up (crossed random effects).

    Examples:
        >>> found = uncertain(Sample(np.array([1.0, 2.0, 3.0, 2.0]), np.arange(4), ratio=0.25, num_rows=50))
        >>> round(found.mean, 2), round(found.error, 3), found.method.value
        (2.0, 0.577, 'corrected resampled t')
    """
    if sample.num_splits == 1:
        return _of_one_split(sample)
    return _of_folds(sample) if sample.is_partitioned else _resampled(sample)


def _resampled(sample: Sample) -> Uncertain:
    units = sample.by_split()
    error = float(np.sqrt(_variance(units) * (1 / len(units) + sample.ratio)))
    return Uncertain(float(units.mean()), error, len(units) - 1, Scope.DATA, Method.RESAMPLED, units)


def _of_folds(sample: Sample) -> Uncertain:
    rows, folds = sample.by_unit(), sample.by_split()
    # Folds of several repeats are of the same rows: they say no more of other rows than those of one repeat.
    over_rows, over_folds = _variance(rows) / len(rows), _variance(folds) / (len(folds) / sample.num_repeats)
    freedom = len(rows) - 1 if over_rows >= over_folds else len(folds) - sample.num_repeats
    error = float(np.sqrt(max(over_rows, over_folds) * (1 + max(sample.ratio, LEAST_RATIO))))
    return Uncertain(float(rows.mean()), error, freedom, Scope.DATA, sample.method, rows)


def _of_one_split(sample: Sample) -> Uncertain:
    members, count = sample.values, len(sample.values)
    over_seeds = _variance(members) / count if count > 1 else 0.0
    if sample.losses is None:
        error = float(np.sqrt(over_seeds)) if count > 1 else None
        return Uncertain(float(members.mean()), error, count - 1, Scope.THESE_ROWS, Method.SIGN_FLIPS, members)
    rows = sample.by_unit()
    if len(rows) < 2:
        return Uncertain(float(rows.mean()), None, 0, sample.scope, sample.method, rows)
    over_rows = _variance(rows) / len(rows)
    total = over_rows + over_seeds
    squares = over_rows**2 / (len(rows) - 1) + (over_seeds**2 / (count - 1) if count > 1 else 0.0)
    freedom = total**2 / squares if squares else len(rows) - 1  # Satterthwaite's
    error, seeds = float(np.sqrt(total)), over_seeds / total if total else 0.0
    return Uncertain(float(rows.mean()), error, freedom, sample.scope, sample.method, rows, seeds=seeds)


def _variance(units: NDArray[np.float64]) -> float:
    """The sample variance; 0 where all are equal but for rounding."""
    size = float(np.abs(units).max())
    return 0.0 if np.ptp(units) <= 1e-12 * size else float(units.var(ddof=1))


def uncertain_difference(sample: Sample, reference: Sample) -> Uncertain:
    """The mean difference of two samples, see `uncertain_effect`."""
    return uncertain_effect(sample - reference)


def uncertain_effect(sample: Sample) -> Uncertain:
    """The mean of differences, see `with_least_p`."""
    found = uncertain(sample)
    is_by_rows = found.method in (Method.ROWS, Method.GROUPS)
    if found.error and not is_by_rows:
        return found
    return with_least_p(found, int(np.count_nonzero(found.units)))


def with_least_p(found: Uncertain, differing: int) -> Uncertain:
    """The same with no smaller p than the exact sign test of so many rows that differ can reach.

    Student's t is for means of many rows that vary. Where a handful of rows differs (accuracy) it claims too much.
    """
    if found.error is None or found.mean == 0:
        return found
    least = smallest_p(max(1, min(1000, differing)))
    if found.p >= least:
        return found
    reach = float(stats.t.isf(least / 2, found.freedom))
    return replace(found, error=abs(found.mean) / reach if reach else None)  # None: a single row differs


def adjusted(found: Sequence[Uncertain], alpha: float, *, among: int = 0, seed: int = 0) -> tuple[list[float], float]:
    """Adjusted p of comparisons that are judged together, and the level of the intervals that go with them.

    The p of the comparisons depend on each other, since they share rows and configurations. Their joint distribution
    where nothing differs is that of normal numbers with the correlation of the comparisons' units, drawn. An adjusted p
    is the chance that the smallest of all p is as small (single-step minP: Westfall and Young, Resampling-Based
    Multiple Testing, 1993, section 2.5). An interval excludes 0 exactly where its adjusted p is at most `alpha`.

    Args:
        found: The comparisons, all of the same units.
        alpha: Level of significance of all together, in (0, 1).
        among: Comparisons that these were chosen from by their values; where they are more, Bonferroni's bound pays
            for the choice, since the others are not here.
        seed: Decides the draws, from numpy's raw stream: the same in every version.

    Returns:
        The adjusted p in order; the confidence level of each single interval, 1 - alpha for one comparison.

    Examples:
        >>> one = uncertain(Sample(np.array([1.0, 2.0, 3.0, 2.0]), np.arange(4), ratio=0.25, num_rows=50))
        >>> ps, level = adjusted([one], 0.05)
        >>> ps[0] == one.p, level
        (True, 0.95)
    """
    ps = [one.p for one in found]
    if among > len(found):
        return [min(1.0, p * among) for p in ps], 1 - alpha / among
    if len(found) == 1:
        return ps, 1 - alpha
    smallest = np.sort(_smallest_ps(np.stack([one.units for one in found]), seed))  # (draws,)
    # Counted with the observation itself, so that no adjusted p is 0 (Phipson and Smyth 2010).
    counts = np.searchsorted(smallest, ps, side="right")
    together = [max(p, (1 + float(count)) / (1 + len(smallest))) for p, count in zip(ps, counts, strict=True)]
    most = int(np.floor(alpha * (1 + len(smallest)))) - 1  # draws that may be as small where a p is at most alpha
    return together, 1 - float(min(smallest[most], alpha))


def _smallest_ps(units: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The smallest two-sided p of correlated comparisons where nothing differs, drawn, (draws,)."""
    factor = _factor(units)
    stream, rank = np.random.PCG64(seed), factor.shape[1]
    smallest, block = [], max(1, _BLOCK // max(rank, len(units)))
    for start in range(0, NUM_DRAWS, block):
        count = min(block, NUM_DRAWS - start)
        # numpy promises PCG64's raw stream for ever, but not what Generator.normal makes of it.
        uniform = (stream.random_raw(count * rank) >> np.uint64(11)) * 2.0**-53 + 2.0**-54
        scores = ndtri(uniform).reshape(count, rank) @ factor.T  # (draws, comparisons)
        smallest.append(2 * stats.norm.sf(np.abs(scores).max(1)))
    return np.concatenate(smallest)


def _factor(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """A with A A' the correlation of the comparisons, (comparisons, rank); comparisons without spread stand alone."""
    centred = units - units.mean(1, keepdims=True)
    lengths = np.sqrt((centred**2).sum(1))
    is_flat = lengths <= 1e-12 * np.abs(units).max(1, initial=0.0) + 1e-300
    correlation = np.eye(len(units))
    scaled = centred[~is_flat] / lengths[~is_flat, None]
    correlation[np.ix_(~is_flat, ~is_flat)] = scaled @ scaled.T
    values, vectors = np.linalg.eigh(correlation)
    kept = values > 1e-10 * values.max()
    factor = vectors[:, kept] * np.sqrt(values[kept])
    return np.asarray(factor / np.sqrt((factor**2).sum(1, keepdims=True)))


@dataclass(frozen=True)
class Shares:
    """Sources of the variance of members' values (Bouthillier et al., MLSys 2021).

    Attributes:
        split: Variance of the splits' true means.
        seed: Variance between members of one split.
    """

    split: float
    seed: float

    def in_words(self) -> str:
        """The shares in words, such as `the split 63%, the seed 37%`."""
        total = self.split + self.seed
        share = self.split / total if total else 0.0
        return f"the split {share:.0%}, the seed {1 - share:.0%}"


def variance_shares(sample: Sample) -> Shares | None:
    """The variance of members' values as that of splits and that of seeds within a split.

    One-way random effects by the analysis of variance: seed = mean square within splits; split = (mean square between
    splits - seed) / members of a split, at least 0. Source: Searle, Casella and McCulloch, Variance Components, 1992,
    section 3.6.

    Returns:
        None where a split has a single member, splits differ in the number of members, or there is one split.
    """
    numbers, counts = np.unique(sample.splits, return_counts=True)
    each = int(counts[0])
    if len(numbers) < 2 or each < 2 or (counts != each).any():
        return None
    table = np.stack([sample.values[sample.splits == number] for number in numbers])  # (splits, members of each)
    within = float(table.var(axis=1, ddof=1).mean())
    between = each * float(table.mean(1).var(ddof=1))
    return Shares(split=max(0.0, (between - within) / each), seed=within)
