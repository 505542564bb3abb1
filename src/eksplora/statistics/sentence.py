"""A comparison as a sentence, only as strong as its sample, and as stages hand it on."""

from math import floor, log10

from eksplora.records.estimate import Compared, Estimate
from eksplora.statistics.generalization import Method, Scope
from eksplora.statistics.paired import least_pairs
from eksplora.statistics.power import MOST_MEMBERS
from eksplora.statistics.verdict import HOLM, MAX_T, Comparison, Verdict

MOST_TIMES = 20
"""Multiple of the present rows above which their number is not given: nobody collects so many."""


def in_words(comparison: Comparison, *, name: str, reference: str) -> str:
    """One sentence, only as strong as the sample.

    Examples:
        >>> from eksplora.statistics.verdict import compare_all
        >>> (found,) = compare_all([([1, 2, 3, 4, 5, 6], [3, 3, 5, 5, 7, 7])], direction="minimize")
        >>> in_words(found, name="trial-12", reference="baseline")
        'trial-12 is better than baseline on these rows: -1.5 [-2.1, -0.9], p = 0.0312, 6 members'
    """
    shown = _shown_difference(comparison)
    if comparison.smallest_p > comparison.alpha:
        return f"{name} against {reference} on {comparison.scope}: {shown}; {_too_few(comparison)}"
    word = "from" if comparison.verdict is Verdict.NOT_DISTINGUISHABLE else "than"
    sentence = (
        f"{name} is {comparison.verdict} {word} {reference} on {comparison.scope}: "
        f"{shown}, {_shown_p(comparison)}, {_members(comparison)}"
    )
    return f"{sentence}; {_members_needed_in_words(comparison)}" if word == "from" else sentence


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
            scope=str(comparison.scope),
        ),
        p=comparison.p,
        smallest_p=comparison.smallest_p,
        members_needed=comparison.members_needed,
        effect=comparison.effect,
        alpha=comparison.alpha,
        num_comparisons=comparison.num_comparisons,
        correction=comparison.correction,
        scope=str(comparison.scope),
        method=str(comparison.method),
        num_rows=comparison.num_rows,
        rows_needed=comparison.rows_needed,
    )


def _shown_difference(comparison: Comparison) -> str:
    """The difference and its interval, to two digits of the interval's width."""
    interval = comparison.interval
    if interval is None or interval.low == interval.high:
        return f"{comparison.difference:z.3g}"
    decimals = max(0, 1 - floor(log10(interval.high - interval.low)))
    low, middle, high = (f"{end:z.{decimals}f}" for end in (interval.low, comparison.difference, interval.high))
    return f"{middle} [{low}, {high}]"


def _shown_p(comparison: Comparison) -> str:
    shown = f"p = {comparison.p:.3g}" if comparison.p >= 1e-4 else "p < 0.0001"
    together, correction = comparison.num_comparisons, comparison.correction
    what = "pairs" if correction == MAX_T else "comparisons"
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
    if comparison.scope is not Scope.THESE_ROWS:
        return _would_settle(comparison)
    if comparison.members_needed is None:
        return f"no number of members up to {MOST_MEMBERS} would detect a difference of this size"
    return f"about {comparison.members_needed} members would detect a difference of this size"


def _would_settle(comparison: Comparison) -> str:
    """The means that would settle a difference of this size for other rows: members where they can, rows always."""
    if comparison.difference == 0:
        return "the difference is exactly 0"
    rows = comparison.rows_needed
    is_practical = rows is not None and rows <= MOST_TIMES * comparison.num_rows
    by_rows = f"about {rows} rows" if is_practical else f"more than {MOST_TIMES} times these {comparison.num_rows} rows"
    if comparison.members_needed is not None:
        return f"about {comparison.members_needed} members or {by_rows} would detect a difference of this size"
    if comparison.method is Method.RESAMPLED:
        return f"more members cannot detect a difference of this size from these rows; {by_rows} would"
    return f"{by_rows} would detect a difference of this size"
