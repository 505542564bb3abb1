"""No difference that matters, as a finding: two one-sided tests against a margin stated beforehand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from eksplora.ranges import Range
from eksplora.statistics.bound import least_error_apart
from eksplora.statistics.contrast import combined, with_least
from eksplora.statistics.generalization import Sample, Scope, Uncertain, uncertain, uncertain_effect
from eksplora.statistics.interval import mean_and_spread
from eksplora.statistics.paired import smallest_p
from eksplora.statistics.power import members_needed
from eksplora.statistics.settling import more, settling

LEAST_ALIKE = 3
"""Members with which a margin can be spoken of on these rows: a spread of two is a single number."""


def equivalence_p(differences: ArrayLike, margin: float) -> float:
    """The p of "the mean difference lies outside (-margin, margin)", by two one-sided paired t tests.

    p = max(P(T > (mean + margin) / e), P(T > (margin - mean) / e)) with e = s / sqrt(n) and T of n - 1 degrees of
    freedom. p <= alpha exactly where the t interval of level 1 - 2 alpha lies inside the margin. Source: Schuirmann,
    "A comparison of the two one-sided tests procedure and the power approach", Journal of Pharmacokinetics and
    Biopharmaceutics 15, 1987.

    Args:
        differences: Of the pairs, (pairs,).
        margin: The least difference that would matter, in the unit of the differences; positive.

    Returns:
        In [0, 1]. A single pair shows nothing: 1. Equal differences have no standard error; inside the margin their p
        is the least of a one-sided test of n signs, 1 / 2^n, so that two members that agree by chance are no proof.

    Raises:
        ValueError: If there are no differences, or not only finite ones, or the margin is not positive.

    Examples:
        >>> round(equivalence_p([-1, 0, 1], 3), 3)
        0.018
        >>> round(equivalence_p([-1, 0, 1], 0.5), 3)
        0.239
    """
    Range(above=0, usual=0.1).check(margin, "margin", error=ValueError)
    mean, spread = mean_and_spread(differences)
    num_pairs = np.size(differences)
    if spread is None:
        return 1.0
    if spread == 0:
        # One-sided, so half of the two-sided least p.
        return smallest_p(num_pairs) / 2 if abs(mean) < margin else 1.0
    # The larger of the two one-sided p belongs to the nearer end.
    return float(stats.t.sf((margin - abs(mean)) / (spread / num_pairs**0.5), num_pairs - 1))


@dataclass(frozen=True)
class Apart:
    """Distance of two rows, beside a margin.

    Attributes:
        mean: The difference.
        interval: Of it, at the level that was asked for; None where the sample says nothing of its error.
        inside: The p of "it lies outside of the margin", by two one-sided tests.
        outside: The two-sided p of a difference outside of the margin; 1 where it lies inside.
        scope: What it is about.
        needed: Members and rows that would decide on which side it lies, if it is as it seems to be.
    """

    mean: float
    interval: tuple[float, float] | None
    inside: float
    outside: float
    scope: Scope
    needed: tuple[int | None, int | None]


def apart(sample: Sample, other: Sample, margin: float, *, alpha: float, num_pairs: int = 1) -> Apart:
    """The difference of two samples beside a margin, for the widest scope that their members can speak for.

    For other rows the standard error is that of `uncertain`, and of two shares of rows no smaller than it is where they
    differ by the margin: so few rows that all agree do not show that as few do of others.

    Args:
        sample: Of one row.
        other: Of another, with the same members.
        margin: The least difference that would matter; positive.
        alpha: Level of significance of a claim, in (0, 1).
        num_pairs: Those of the claim: the interval and the members needed are for all together (Bonferroni).

    Examples:
        >>> losses = np.array([[1.0, 2.0, 3.0, 2.0]])
        >>> one, other = (Sample(x.mean(1), np.zeros(1, int), 1.0, 4, x) for x in (losses, losses + [0, 0.1, 0, 0.1]))
        >>> found = apart(one, other, 0.5, alpha=0.05)
        >>> round(found.mean, 2), found.inside < 0.01, found.scope.value
        (-0.05, True, 'new rows, for these networks')
    """
    difference = combined([sample, other], [1, -1])
    found = uncertain_effect(difference)  # of a handful of rows that differ: a wider interval
    interval = found.interval(1 - alpha / num_pairs)
    if difference.scope is Scope.THESE_ROWS:
        values = difference.values
        inside = equivalence_p(values, margin)
        members = _members_needed(values, margin, alpha, num_pairs)
        return Apart(found.mean, interval, inside, _outside(found, margin), difference.scope, (members, None))
    narrow = with_least(uncertain(difference), least_error_apart(sample, other, margin))
    inside = _inside(narrow, margin)
    needed = _needed(narrow, difference, margin, alpha, num_pairs)
    return Apart(found.mean, interval, inside, _outside(found, margin), difference.scope, needed)


def _inside(found: Uncertain, margin: float) -> float:
    """The p of the two one-sided tests."""
    room = margin - abs(found.mean)
    if found.error is None:
        return 1.0
    if found.error == 0:
        return smallest_p(min(1000, len(found.units))) / 2 if room > 0 else 1.0
    return float(stats.t.sf(room / found.error, found.freedom))


def _outside(found: Uncertain, margin: float) -> float:
    room = abs(found.mean) - margin
    if found.error is None or room <= 0:
        return 1.0
    if found.error == 0:
        return smallest_p(min(1000, len(found.units)))
    return float(2 * stats.t.sf(room / found.error, found.freedom))


def _members_needed(values: NDArray[np.float64], margin: float, alpha: float, num_pairs: int) -> int | None:
    """About how many members would decide on which side of its margin a difference lies, if it is as it seems to be.

    Inside: two one-sided tests at alpha, each with the chance 0.9, both with 0.8 at least. Outside: one of the pairs.
    """
    toward = np.copysign(1.0, values.mean()) * values
    if margin > float(toward.mean()):
        needed = members_needed(margin - toward, alpha=min(2 * alpha, 0.99), power=0.9)
    else:
        needed = members_needed(toward - margin, alpha=alpha / num_pairs)
    return None if needed is None else max(needed, len(values) + 1)


def _needed(
    found: Uncertain, sample: Sample, margin: float, alpha: float, num_pairs: int
) -> tuple[int | None, int | None]:
    """The same for other rows: members and rows."""
    room = margin - abs(found.mean)
    if room > 0:
        return more(settling(found, sample, room, alpha=min(2 * alpha, 0.99), power=0.9), sample)
    return more(settling(found, sample, -room, alpha=alpha / num_pairs), sample)
