"""Section on the confirmed configurations and their uncertainty."""

from collections.abc import Sequence

from eksplora.drawing.axis import setting
from eksplora.drawing.plot.members import configurations
from eksplora.records.confirm import Configuration
from eksplora.records.results import Results
from eksplora.report.block import Block, Heading, Note, Plot, Points, Prose, Section, TableBlock, between, code
from eksplora.report.number import interval, number, settings


def section(facts: Results) -> Section:
    """The candidates on fresh members, and the verdicts."""
    confirmed = facts.confirmed
    finished = [one for one in confirmed.configurations if one.members]
    return Section(
        key="confirmation",
        title="What was found, and how sure that is",
        says=(
            f"The best configurations of the search and the experiment's own one (baseline), trained again with seeds "
            f"that the search never saw and compared by {confirmed.metric} on rows that did not judge it. "
            f"{_scope(finished)}Where intervals overlap a good deal, the order may be chance."
        ),
        blocks=[
            *_picture(finished, confirmed.metric),
            _table(confirmed.configurations),
            *_optimism(finished, confirmed.metric, confirmed.direction),
            *_verdicts(confirmed.configurations, confirmed.alpha),
        ],
    )


SCOPES = {
    "data like these": "Intervals and verdicts are about data like these: other rows, other splits and other seeds.",
    "new rows, trained on these": "Intervals and verdicts are about new rows, for networks that learned from these; "
    "other rows to learn from are not in them.",
    "new rows, for these networks": "Intervals and verdicts are about new rows, for the one network that each "
    "configuration trained: another seed may differ.",
    "these rows": "Intervals and verdicts are about these rows: they say what other seeds would give, not what other "
    "data would.",
}
"""Scopes in a sentence."""


def _scope(finished: Sequence[Configuration]) -> str:
    """A sentence on what the numbers are about; nothing where an earlier version did not say."""
    scopes = [one.known.scope for one in finished if one.known.scope in SCOPES]
    return f"{SCOPES[str(scopes[0])]} " if scopes else ""


def _picture(finished: Sequence[Configuration], metric: str) -> list[Block]:
    if not finished:
        return [Note("No configuration could be trained to its end.")]
    said = ", ".join(f"{one.name} {number(one.known.mean)}" for one in finished)
    return [
        Plot(
            "configurations",
            "Configurations on fresh members",
            f"Mean {metric} with its interval: {said}",
            configurations(finished, metric),
            "A pale dot is a member, the square their mean with its 95% interval, the open diamond what the search "
            "had said.",
            height=130 + 46 * len(finished),
        )
    ]


def _table(rows: Sequence[Configuration]) -> TableBlock:
    return TableBlock(
        "Configurations in numbers",
        [
            {
                "configuration": code(one.name),
                "mean": one.known.mean if one.members else one.status,
                "95% interval": between(one.known.low, one.known.high),
                "about": one.known.scope,
                "spread": one.known.std,
                "value in the search": one.found_by_search,
                "optimism": one.optimism and one.optimism.mean,
                "searched values": code(settings(one.values)) if one.values else "the experiment's own",
            }
            for one in rows
        ],
        "Spread is the standard deviation over members. Optimism: how much better the search's value was than the mean "
        "of fresh members; below zero it was worse.",
    )


def _optimism(finished: Sequence[Configuration], metric: str, direction: str) -> list[Block]:
    """Optimism: how much worse the best value of the search is on fresh members."""
    found = [one for one in finished if one.optimism is not None]
    if not found:
        return []
    sign = 1 if direction == "minimize" else -1
    one = min(found, key=lambda row: sign * (row.found_by_search or 0.0))
    known = one.optimism
    amount = known.mean or 0.0 if known else 0.0
    verdict = f"optimistic by {number(amount)}" if amount > 0 else f"not optimistic, but short by {number(-amount)}"
    within = f" {interval(known.low, known.high)}" if known and known.low is not None else ""
    return [
        Note(
            f"The search's best was {number(one.found_by_search)}, of {one.name}; fresh members gave "
            f"{number(one.known.mean)} ({metric}) on rows that did not judge the search: its value was "
            f"{verdict}{within}. {_parts_of(one)}The best of many values is chosen for the luck of its seed and of its "
            "rows, too: the second number counts."
        )
    ]


def _parts_of(one: Configuration) -> str:
    """Optimism in its parts: the luck of the search's seeds, of its rows, and of the epochs that members keep."""
    parts = []
    if one.seed_luck is not None and one.row_luck is not None:
        parts.append(
            f"Of that, {number(one.seed_luck)} was the luck of its seeds and {number(one.row_luck)} of its rows"
        )
    if one.epoch_optimism:
        parts.append(
            f"Each member keeps the epoch that is best on the rows that judge it, which flatters all values here by "
            f"about {number(one.epoch_optimism)}"
        )
    if one.variance is not None:
        parts.append(f"The members' values vary by {one.variance}")
    return "".join(f"{part}. " for part in parts)


def _verdicts(rows: Sequence[Configuration], alpha: float) -> list[Block]:
    found = [f"{sentence}." for sentence in verdicts(rows)]
    if not found:
        return [Note("There are no two configurations that finished: nothing to compare.")]
    says = (
        f"Members are compared in pairs (exact sign flips), and a difference counts below {setting(alpha)}, all pairs "
        "of configurations judged together (maxT): so the best may be chosen by these values."
    )
    return [Heading("Verdicts"), Prose(says), Points(found)]


def verdicts(configurations: Sequence[Configuration]) -> list[str]:
    """Verdicts of each configuration against the baseline and against the best, every pair once."""
    to_baseline = [one.versus_baseline for one in configurations]
    to_best = [one.versus_best for one in configurations if one.name != "baseline"]  # the best was compared with it
    return list(dict.fromkeys(known.in_words for known in [*to_baseline, *to_best] if known is not None))
