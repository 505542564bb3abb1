"""Better, worse, or not distinguishable: what the members of two configurations can show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eksplora.errors import nearest
from eksplora.statistics._argument import check_fraction, finite
from eksplora.statistics.correction import holm
from eksplora.statistics.effect import effect_size
from eksplora.statistics.generalization import Method, Sample, Scope, Uncertain, adjusted, uncertain_difference
from eksplora.statistics.interval import Interval, t_interval
from eksplora.statistics.paired import max_t, sign_flip, smallest_p
from eksplora.statistics.power import members_needed
from eksplora.statistics.settling import more, settling

_SIGNS = {"minimize": -1, "maximize": 1}
RESOLUTION = 2.0**-23
"""The largest error of a difference of two 32-bit floats, relative to them: metrics are computed as such."""
ROUNDING = 1e-12
"""Share of the mean size of differences: a mean below it is what adding 64-bit floats leaves of 0."""

HOLM, MAX_T, MIN_P = "Holm", "maxT", "minP"
"""Corrections of comparisons that were planned, of all pairs of some rows, and by their joint distribution."""


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
        interval: Of the difference, simultaneous with those judged together: it excludes 0 exactly where `p` <=
            `alpha`. None where the sample says nothing of its error.
        p: Two-sided; adjusted over the comparisons judged together.
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
        scope: What the verdict is about.
        method: How it was tested.
        num_rows: Rows of the training part; 0 where nothing is said of other rows.
        rows_needed: About how many rows would tell a difference of this size; None where the scope is these rows.
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
    scope: Scope = Scope.THESE_ROWS
    method: Method = Method.SIGN_FLIPS
    num_rows: int = 0
    rows_needed: int | None = None


def compare_all(
    pairs: Sequence[tuple[ArrayLike, ArrayLike]], *, direction: str, alpha: float = 0.05
) -> tuple[Comparison, ...]:
    """Judge comparisons together: any of them claims a difference where there is none with chance `alpha` at most.

    Args:
        pairs: Values of a configuration's members, (members,), and of the same members under the reference, in the same
            order, (members,); of each comparison.
        direction: What is better: `minimize` or `maximize`.
        alpha: Level of significance of all together, in (0, 1).

    Returns:
        A comparison for each pair, in order, with p values adjusted by Holm.

    Raises:
        ValueError: If sides differ in length, are empty or not finite, or an option is out of range.

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
        ValueError: As `compare_all` does.

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


def compare_samples(
    samples: Sequence[Sample],
    pairs: Sequence[tuple[int, int]],
    *,
    direction: str,
    alpha: float = 0.05,
    scope: Scope = Scope.DATA,
    is_planned: bool = False,
    chosen_from: int = 0,
) -> tuple[Comparison, ...]:
    """Judge pairs of samples for a scope, or for the widest one that their members can speak for.

    Args:
        samples: Of configurations with the same members.
        pairs: Numbers of the sample that is judged and of its reference.
        direction: What is better: `minimize` or `maximize`.
        alpha: Level of significance of all that is judged together, in (0, 1).
        scope: The widest scope that is asked for; `these rows` compares seeds alone.
        is_planned: Whether the pairs were chosen before the values were seen: they alone are judged together then, and
            all pairs of the samples otherwise.
        chosen_from: Configurations that the samples were chosen from by their values, where these are more.

    Returns:
        A comparison for each pair asked for, in order.

    Raises:
        ValueError: As `compare_all` does.

    Examples:
        >>> from eksplora.statistics.generalization import Sample
        >>> one = Sample(np.array([1.0, 2.0, 1.5, 2.0]), np.arange(4), ratio=0.25, num_rows=100)
        >>> other = Sample(np.array([3.0, 3.5, 3.5, 4.5]), np.arange(4), ratio=0.25, num_rows=100)
        >>> found = compare_samples([one, other], [(0, 1)], direction="minimize")
        >>> found[0].difference, found[0].verdict.value, str(found[0].scope)
        (-2.0, 'better', 'data like these')
    """
    _check(direction, alpha)
    if not pairs:
        return ()
    if scope is Scope.THESE_ROWS or any(sample.scope is Scope.THESE_ROWS for sample in samples):
        values = [sample.values for sample in samples]
        if not is_planned:
            return compare_rows(values, pairs, direction=direction, alpha=alpha)
        return compare_all([(values[own], values[other]) for own, other in pairs], direction=direction, alpha=alpha)
    together = list(pairs) if is_planned else list(combinations(range(len(samples)), 2))
    found = {pair: _uncertain(samples[pair[0]], samples[pair[1]]) for pair in together}
    among = chosen_from * (chosen_from - 1) // 2
    ps, level = adjusted(list(found.values()), alpha, among=among)
    known = dict(zip(found, zip(found.values(), ps, strict=True), strict=True))
    compared = []
    for own, other in pairs:
        is_turned = (own, other) not in known
        one, p = known[(other, own) if is_turned else (own, other)]
        one = replace(one, mean=-one.mean) if is_turned else one
        differences = samples[own].values - samples[other].values
        compared.append(
            _of_uncertain(one, p, level, differences, samples[own], _SIGNS[direction], alpha, max(among, len(found)))
        )
    return tuple(compared)


def compare_found(
    found: Sequence[Uncertain], *, direction: str, members: int, rows: int, alpha: float = 0.05
) -> tuple[Comparison, ...]:
    """Judge differences whose errors are known, such as those of a delivered model, all of them together.

    Args:
        found: Mean differences, all of the same units.
        direction: What is better: `minimize` or `maximize`.
        members: Behind each.
        rows: That they were measured on.
        alpha: Level of significance of all together, in (0, 1).
    """
    _check(direction, alpha)
    ps, level = adjusted(found, alpha)
    unknown = Sample(np.zeros(members), np.zeros(members, dtype=np.int64), ratio=1.0, num_rows=rows)
    sign, count = _SIGNS[direction], len(found)
    return tuple(
        _of_uncertain(one, p, level, unknown.values, unknown, sign, alpha, count)
        for one, p in zip(found, ps, strict=True)
    )


def _uncertain(sample: Sample, reference: Sample) -> Uncertain:
    """The difference of two samples; one that 32-bit floats can make of none is none."""
    found = uncertain_difference(sample, reference)
    resolution = RESOLUTION * float(max(np.abs(sample.values).max(), np.abs(reference.values).max()))
    return replace(found, mean=0.0) if abs(found.mean) <= 2 * resolution else found


def _of_uncertain(
    one: Uncertain,
    p: float,
    level: float,
    differences: NDArray[np.float64],
    sample: Sample,
    sign: int,
    alpha: float,
    num_comparisons: int,
) -> Comparison:
    ends = one.interval(level)
    verdict = _verdict(one.mean * sign, p, alpha)
    settled = settling(one, sample, abs(one.mean), alpha=1 - level)
    needed, rows = more(settled, sample) if verdict is Verdict.NOT_DISTINGUISHABLE else settled
    return Comparison(
        difference=one.mean,
        interval=None if ends is None else Interval(*ends, level=1 - alpha),
        p=p,
        num_pairs=len(differences),
        smallest_p=0.0,
        verdict=verdict,
        members_needed=needed,
        effect=effect_size(differences),
        alpha=alpha,
        num_comparisons=num_comparisons,
        correction=MIN_P,
        scope=one.scope,
        method=one.method,
        num_rows=sample.num_rows,
        rows_needed=rows,
    )


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
    mean = 0.0 if abs(mean) <= ROUNDING * float(np.abs(differences).mean()) else mean
    return Comparison(
        difference=mean,
        interval=_compatible(differences, verdict, mean, alpha, num_comparisons),
        p=p,
        num_pairs=len(differences),
        smallest_p=reachable,
        verdict=verdict,
        members_needed=needed,
        effect=effect_size(differences),
        alpha=alpha,
        num_comparisons=num_comparisons,
    )


def _compatible(
    differences: NDArray[np.float64], verdict: Verdict, mean: float, alpha: float, num_comparisons: int
) -> Interval | None:
    """Student's interval at Bonferroni's level, made to say what the exact test says.

    It reaches 0 where the test shows no difference, and ends at 0 where the test shows one: such an end is not part of
    it. Source: Strassburger and Bretz, "Compatible simultaneous lower confidence bounds for the Holm procedure and
    other Bonferroni-based closed tests", Statistics in Medicine 27, 2008.
    """
    found = t_interval(differences, 1 - alpha / num_comparisons)
    if found is None:
        return None
    low, high = found.low, found.high
    if verdict is Verdict.NOT_DISTINGUISHABLE:
        low, high = min(low, 0.0), max(high, 0.0)
    elif mean > 0:
        low = max(low, 0.0)
    else:
        high = min(high, 0.0)
    return Interval(low, high, 1 - alpha)


def _verdict(gain: float, p: float, alpha: float) -> Verdict:
    if p > alpha:
        return Verdict.NOT_DISTINGUISHABLE
    return Verdict.BETTER if gain > 0 else Verdict.WORSE
