"""Better, worse, or not distinguishable: what the members of two configurations can show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from math import floor, log10

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eksplora.errors import nearest
from eksplora.records.estimate import Compared, Estimate
from eksplora.statistics._argument import check_fraction, finite
from eksplora.statistics.correction import holm
from eksplora.statistics.effect import effect_size
from eksplora.statistics.interval import Interval, t_interval
from eksplora.statistics.paired import least_pairs, max_t, sign_flip, smallest_p
from eksplora.statistics.power import MOST_MEMBERS, members_needed

_SIGNS = {"minimize": -1, "maximize": 1}
RESOLUTION = 2.0**-23
"""The largest error of a difference of two 32-bit floats, relative to them: metrics are computed as such."""
ROUNDING = 1e-12
"""Of the mean size of differences: a mean below it is what adding 64-bit floats leaves of 0."""

HOLM, MAX_T = "Holm", "maxT"
"""Of comparisons that were planned, and of all pairs of some rows."""


class Verdict(StrEnum):
    """Outcome of a comparison."""

    BETTER = "better"
    WORSE = "worse"
    NOT_DISTINGUISHABLE = "not distinguishable"


@dataclass(frozen=True)
class Comparison:
    """Two configurations, compared member by member.

    Attributes:
        difference: Mean of the values less the reference's.
        interval: Student's of the difference, level 0.95, for this comparison alone; None with a single pair.
        p: Two-sided, by exact sign flips; adjusted over the comparisons judged together.
        num_pairs: Members on each side.
        smallest_p: The least `p` that so many members can reach among so many comparisons. Above `alpha`, this
            comparison could not have shown anything.
        verdict: Better or worse only where `p` <= `alpha`.
        members_needed: About how many members in all would detect a difference of this size, with a chance of 0.8; more
            than `num_pairs` where the verdict is not distinguishable. None where none up to 10 000 would.
        effect: The paired effect size (see `effect.effect_size`); None below three pairs or without spread.
        alpha: Level of significance.
        num_comparisons: Those judged together, this one included.
        correction: How `p` is adjusted for their number.
    """

    difference: float
    interval: Interval | None
    p: float
    num_pairs: int
    smallest_p: float
    verdict: Verdict
    members_needed: int | None
    effect: float | None
    alpha: float
    num_comparisons: int = 1
    correction: str = HOLM


def compare(values: ArrayLike, reference: ArrayLike, *, direction: str, alpha: float = 0.05) -> Comparison:
    """Judge the values of a configuration's members against those of a reference's, one comparison by itself.

    Args:
        values: Of the members, (members,).
        reference: Of the same members under the reference, in the same order, (members,).
        direction: What is better: `minimize` or `maximize`.
        alpha: Level of significance, in (0, 1).

    Raises:
        ValueError: If the sides differ in length, are empty or not finite, or an option is out of range.

    Examples:
        >>> found = compare([1, 2, 3, 4, 5, 6], [3, 3, 5, 5, 7, 7], direction="minimize")
        >>> found.difference, found.p, found.verdict.value
        (-1.5, 0.03125, 'better')
    """
    return compare_all([(values, reference)], direction=direction, alpha=alpha)[0]


def compare_all(
    pairs: Sequence[tuple[ArrayLike, ArrayLike]], *, direction: str, alpha: float = 0.05
) -> tuple[Comparison, ...]:
    """Judge comparisons together: any of them claims a difference where there is none with chance `alpha` at most.

    Args:
        pairs: Values and reference of each comparison, as `compare` takes them.
        direction: What is better: `minimize` or `maximize`.
        alpha: Level of significance of all together, in (0, 1).

    Returns:
        A comparison for each pair, in order, with p values adjusted by Holm.

    Raises:
        ValueError: As `compare` does.

    Examples:
        >>> two = [([1, 2, 3, 4, 5, 6], [3, 3, 5, 5, 7, 7]), ([1, 2, 3, 4, 5, 6], [1, 3, 2, 5, 4, 6])]
        >>> [(found.p, found.verdict.value) for found in compare_all(two, direction="minimize")]
        [(0.0625, 'not distinguishable'), (1.0, 'not distinguishable')]
    """
    _check(direction, alpha)
    samples = [_differences(values, reference) for values, reference in pairs]
    # Exact tests: with few members Student's would lean on normality.
    ps = holm([sign_flip(differences, resolution=resolution) for differences, resolution in samples])
    least = holm([smallest_p(len(differences)) for differences, _ in samples])
    return tuple(
        _comparison(differences, float(p), float(reachable), _SIGNS[direction], alpha, len(samples))
        for (differences, _), p, reachable in zip(samples, ps, least, strict=True)
    )


def compare_rows(
    rows: Sequence[ArrayLike], pairs: Sequence[tuple[int, int]], *, direction: str, alpha: float = 0.05
) -> tuple[Comparison, ...]:
    """Judge pairs of rows, whichever they are: those with the best row, too, which was chosen by the same values.

    All pairs of the rows are judged together, by maxT (see `paired.max_t`): any of them claims a difference where
    there is none with chance `alpha` at most. Holm for the comparisons with the best row alone would not pay for the
    choice: of 5 to 7 equal rows with 8 members it claims a difference in 6 to 10%.

    Args:
        rows: The values of each row's members, (members,), in the same order.
        pairs: Numbers of the row that is judged and of its reference.
        direction: What is better: `minimize` or `maximize`.
        alpha: Level of significance of all pairs together, in (0, 1).

    Returns:
        A comparison for each pair asked for, in order.

    Raises:
        ValueError: As `compare` does.

    Examples:
        >>> found = compare_rows([[1, 2, 3, 4, 5, 6], [3, 3, 5, 5, 7, 7]], [(0, 1)], direction="minimize")
        >>> found[0].p, found[0].verdict.value
        (0.03125, 'better')
    """
    _check(direction, alpha)
    # All pairs, also those that nobody asked for: the best row was chosen among them.
    every = list(combinations(range(len(rows)), 2))
    if not every or not pairs:
        return ()
    samples = {pair: _differences(rows[pair[0]], rows[pair[1]]) for pair in every}
    together = max_t([sample for sample, _ in samples.values()], resolutions=[error for _, error in samples.values()])
    ps = dict(zip(every, together, strict=True))
    found = []
    for own, other in pairs:
        known = (min(own, other), max(own, other))
        # Each pair was computed once, the first row less the second: the other way round the sign changes.
        differences = samples[known][0] * (1 if own < other else -1)
        reachable = smallest_p(len(differences))
        one = _comparison(differences, float(ps[known]), reachable, _SIGNS[direction], alpha, len(every))
        found.append(replace(one, correction=MAX_T))
    return tuple(found)


def in_words(comparison: Comparison, *, name: str, reference: str) -> str:
    """One sentence, only as strong as the sample.

    Examples:
        >>> found = compare([1, 2, 3, 4, 5, 6], [3, 3, 5, 5, 7, 7], direction="minimize")
        >>> in_words(found, name="trial-12", reference="baseline")
        'trial-12 is better than baseline: -1.5 [-2.1, -0.9], p = 0.0312, 6 members'
    """
    shown = _shown_difference(comparison)
    if comparison.smallest_p > comparison.alpha:
        return f"{name} against {reference}: {shown}; {_too_few(comparison)}"
    word = "from" if comparison.verdict is Verdict.NOT_DISTINGUISHABLE else "than"
    sentence = (
        f"{name} is {comparison.verdict} {word} {reference}: {shown}, {_shown_p(comparison)}, {_members(comparison)}"
    )
    return f"{sentence}; {_members_needed_in_words(comparison)}" if word == "from" else sentence


def _check(direction: str, alpha: float) -> None:
    check_fraction(alpha, "alpha")
    if direction not in _SIGNS:
        raise ValueError(f"direction '{direction}' is unknown. {nearest(str(direction), _SIGNS)}")


def _differences(values: ArrayLike, reference: ArrayLike) -> tuple[NDArray[np.float64], float]:
    """The differences of the pairs, (pairs,), and the largest error that 32-bit floats give them."""
    sample, other = finite(values, "values"), finite(reference, "reference")
    if len(sample) != len(other):
        raise ValueError(f"values and reference must be of the same members, got {len(sample)} and {len(other)}.")
    differences = sample - other
    resolution = RESOLUTION * float(max(np.abs(sample).max(), np.abs(other).max()))
    if np.ptp(differences) <= 2 * resolution:  # equal as far as can be known: their spread would be made of rounding
        differences = np.full_like(differences, differences.mean())
    return differences, resolution


def _comparison(
    differences: NDArray[np.float64], p: float, reachable: float, sign: int, alpha: float, num_comparisons: int
) -> Comparison:
    verdict = _verdict(float(differences.mean()) * sign, p, alpha)
    needed = members_needed(differences, alpha=alpha / num_comparisons)  # by Bonferroni: the others need no more
    if needed is not None and verdict is Verdict.NOT_DISTINGUISHABLE:
        needed = max(needed, len(differences) + 1)  # those that are there did not suffice
    mean = float(differences.mean())
    return Comparison(
        difference=0.0 if abs(mean) <= ROUNDING * float(np.abs(differences).mean()) else mean,
        interval=t_interval(differences),
        p=p,
        num_pairs=len(differences),
        smallest_p=reachable,
        verdict=verdict,
        members_needed=needed,
        effect=effect_size(differences),
        alpha=alpha,
        num_comparisons=num_comparisons,
    )


def _verdict(gain: float, p: float, alpha: float) -> Verdict:
    if p > alpha:
        return Verdict.NOT_DISTINGUISHABLE
    return Verdict.BETTER if gain > 0 else Verdict.WORSE


def recorded(comparison: Comparison, *, name: str, reference: str) -> Compared:
    """A comparison as stages hand it on, in numbers and in words."""
    interval = comparison.interval
    return Compared(
        name=name,
        reference=reference,
        verdict=str(comparison.verdict),
        in_words=in_words(comparison, name=name, reference=reference),
        difference=Estimate(
            mean=comparison.difference,
            low=None if interval is None else interval.low,
            high=None if interval is None else interval.high,
            n=comparison.num_pairs,
        ),
        p=comparison.p,
        smallest_p=comparison.smallest_p,
        members_needed=comparison.members_needed,
        effect=comparison.effect,
        alpha=comparison.alpha,
        num_comparisons=comparison.num_comparisons,
        correction=comparison.correction,
    )


def _shown_difference(comparison: Comparison) -> str:
    """The difference and its interval, to two digits of the interval's width."""
    interval = comparison.interval
    if interval is None or interval.low == interval.high:
        return f"{comparison.difference:.3g}"
    decimals = max(0, 1 - floor(log10(interval.high - interval.low)))
    low, middle, high = (f"{end:z.{decimals}f}" for end in (interval.low, comparison.difference, interval.high))
    return f"{middle} [{low}, {high}]"


def _shown_p(comparison: Comparison) -> str:
    shown = f"p = {comparison.p:.3g}" if comparison.p >= 1e-4 else "p < 0.0001"
    together, correction = comparison.num_comparisons, comparison.correction
    what = "comparisons" if correction == HOLM else "pairs"
    return shown if together == 1 else f"{shown} ({correction}, {together} {what})"


def _members(comparison: Comparison) -> str:
    return "1 member" if comparison.num_pairs == 1 else f"{comparison.num_pairs} members"


def _too_few(comparison: Comparison) -> str:
    together = comparison.num_comparisons
    is_planned = comparison.correction == HOLM and together > 1
    among, level = (
        (f" among {together} comparisons", comparison.alpha / together) if is_planned else ("", comparison.alpha)
    )
    return (
        f"{_members(comparison)} cannot reach the {comparison.alpha:g} level{among} "
        f"(least p {comparison.smallest_p:.3g}): {least_pairs(level)} or more can"
    )


def _members_needed_in_words(comparison: Comparison) -> str:
    if comparison.difference == 0:
        return "the difference is exactly 0, which more members cannot distinguish from no difference"
    if comparison.members_needed is None:
        return f"no number of members up to {MOST_MEMBERS} would detect a difference of this size"
    return f"about {comparison.members_needed} members would detect a difference of this size"
