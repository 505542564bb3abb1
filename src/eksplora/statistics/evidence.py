"""Tests of a claim's forms as sentences, and what would decide those that are open."""

from collections.abc import Sequence

from eksplora.statistics.contrast import Contrast
from eksplora.statistics.equivalence import Apart
from eksplora.statistics.generalization import Scope
from eksplora.statistics.judgement import Judgement, judgement, largest
from eksplora.statistics.paired import least_pairs
from eksplora.statistics.verdict import Comparison


def against_zero(
    found: Contrast,
    sentence: str,
    alpha: float,
    *,
    sign: int = 1,
    unit: str = "member",
    refuting: float | None = None,
    beside: Sequence[str] = (),
) -> Judgement:
    """Whether a mean is above zero (shown), below (refuted), or not distinguishable from it.

    Args:
        found: The mean.
        sentence: The same in words.
        alpha: Level of significance.
        sign: -1: it is to be below.
        unit: What its values are of.
        refuting: The p that refutes; None: that of a mean on the other side.
        beside: More evidence.
    """
    count = f"{found.count} {unit}s" if found.count != 1 else f"1 {unit}"
    is_as_said = sign * found.mean > 0
    showing = found.p if is_as_said else 1.0
    against = (1.0 if is_as_said else found.p) if refuting is None else refuting
    words = f"{sentence} (p = {found.p:.3g}, {count})"
    is_open = showing > alpha and against > alpha
    if is_open and found.too_few(alpha):
        words += f"; {count} cannot reach the {alpha:g} level: {least_pairs(alpha)} or more can"
    return judgement(
        [words, *beside],
        shown=showing <= alpha,
        refuted=against <= alpha,
        ps=(showing, against),
        scopes=[found.scope],
        needed=found.needed(alpha) if is_open else (None, None),
    )


def apart_in_words(one: Apart, names: str, within: float, num_pairs: int, alpha: float) -> str:
    """The distance of two rows, beside a margin, as a sentence."""
    is_out = num_pairs * one.outside <= alpha
    said = "more than" if is_out else "at most" if one.inside <= alpha else "perhaps more than"
    shown = "no interval" if one.interval is None else f"[{one.interval[0]:.3g}, {one.interval[1]:.3g}]"
    return f"{names} differ by {one.mean:.3g} {shown}: {said} {within:g}, p = {one.inside:.3g}"


def most_needed(undecided: Sequence[Comparison]) -> tuple[int | None, int | None]:
    """Members and rows that would decide comparisons that are undecided, if those are as they seem to be."""
    members = [
        max(one.members_needed, least_pairs(one.alpha / one.num_comparisons))
        if one.members_needed and one.scope is Scope.THESE_ROWS
        else one.members_needed
        for one in undecided
    ]
    return largest(members), largest([one.rows_needed for one in undecided])
