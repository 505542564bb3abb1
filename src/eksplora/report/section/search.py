"""Section on the search."""

from collections.abc import Mapping, Sequence
from typing import Any

from eksplora.drawing.plot import trials as pictures
from eksplora.records.estimate import Compared
from eksplora.records.results import Results
from eksplora.records.search import Pruned, SearchRecord, TrialRecord
from eksplora.report.block import Beside, Block, Heading, Note, Plot, Points, Prose, Section, TableBlock, code
from eksplora.report.number import counted, number, settings
from eksplora.report.section.result import keys_of

Trials = Sequence[TrialRecord]

MOST_TRIALS = 10
"""Best trials in the table."""

MOST_KEYS = 12
"""Keys that are drawn: those that matter most."""


def section(facts: Results) -> Section:
    """History, importance and slices, the best trials, pruning and verdicts."""
    searched = facts.searched
    finished = searched.finished
    counts = ", ".join(f"{count} {status}" for status, count in searched.trials.items())
    return Section(
        key="search",
        title="The search",
        says=(
            f"Study {searched.study}: {counts}; {searched.members} per trial, {searched.metric} of validation "
            "rows. Its values chose the candidates, so they flatter them; what counts is the confirmation above."
        ),
        blocks=[
            *(_pictures(searched, finished) if finished else [Note("No trial finished: there is nothing to draw.")]),
            *_best(searched, finished),
            _pruned(searched.pruned),
            *_verdicts(searched.verdicts),
        ],
    )


def _pictures(searched: SearchRecord, finished: Trials) -> list[Block]:
    metric, direction, importance = searched.metric, searched.direction, searched.importance
    varied = [key for key, values in keys_of(finished).items() if len(values) > 1]
    keys = sorted(varied, key=lambda key: -importance.get(key, 0.0))[:MOST_KEYS]
    return [
        Plot(
            "history",
            "History of the search",
            f"{metric} of {counted(len(finished), 'finished trial')} in their order, and the best so far",
            pictures.history(finished, metric, direction),
            "A dot is a trial, the line the best value so far. If it still gets better at the end, search on.",
            height=340,
        ),
        *(_parallel(finished, keys, metric, direction) if keys else [Note("All trials had the same configuration.")]),
        _importance(importance),
        *_slices(finished, keys, metric, len(varied)),
    ]


def _parallel(finished: Trials, keys: Sequence[str], metric: str, direction: str) -> list[Block]:
    return [
        Plot(
            "parallel",
            "Parallel coordinates",
            f"Each trial as a line through its values of {', '.join(keys)} to its {metric}",
            pictures.parallel(finished, keys, metric, direction),
            "A line is a trial: it goes through its value of each key to its result on the right. Where the best ones "
            "run together, the key matters and that value is good.",
            height=400,
            width=110 * (len(keys) + 1),
        )
    ]


def _importance(shares: Mapping[str, float]) -> Block:
    if not shares:
        return Note(
            "No importance of keys can be computed: it needs four finished trials and a key that all of them vary."
        )
    said = ", ".join(f"{key} {number(value)}" for key, value in shares.items())
    return Plot(
        "key-importance",
        "Importance of keys",
        f"Importance of searched keys: {said}",
        pictures.importance(shares),
        "How much a key decides whether a trial is among the best (PED-ANOVA), in shares of 1. Few trials make it "
        "uncertain.",
        height=90 + 30 * len(shares),
    )


def _slices(finished: Trials, keys: Sequence[str], metric: str, count: int) -> list[Block]:
    plots = [
        Plot(
            f"slice-{place}",
            key,
            f"{metric} of each trial against {key}",
            pictures.slices(finished, key, metric),
            height=260,
        )
        for place, key in enumerate(keys)
    ]
    if not plots:
        return []
    rest = f" Of {count} keys the {MOST_KEYS} that matter most are drawn." if count > MOST_KEYS else ""
    says = f"A dot is a trial. All other keys vary too, so a slope may be another key's doing.{rest}"
    return [Heading("Key by key"), Prose(says), Beside(plots)]


def _best(searched: SearchRecord, finished: Trials) -> list[Block]:
    """The best trials with the spread of their members: an interval of what was chosen by its value would flatter."""
    if not finished:
        return []
    sign = 1 if searched.direction == "minimize" else -1
    own = [one for one in finished if one.repeats is None]  # one that took a result over has no members of its own
    best = sorted(own, key=lambda one: sign * one.objective)[:MOST_TRIALS]
    alone = all(len(one.members) < 2 for one in best)
    caution = "One member a trial: small differences may be chance. " if alone else ""
    says = f"{caution}The values chose this order, so they flatter: the confirmation gives intervals."
    return [TableBlock("Best trials", [_row(one, searched.metric) for one in best], says, is_tall=False)]


def _row(one: TrialRecord, metric: str) -> dict[str, Any]:
    return {
        "trial": one.trial,
        metric: one.value,
        "spread": one.std,
        "members": len(one.members),
        "epochs": one.epochs,
        "seconds": one.seconds,
        "searched values": code(settings(one.values)),
    }


def _pruned(found: Pruned) -> Block:
    if not found.trials:
        return Prose("No trial was pruned: each was trained to its end.")
    return Prose(
        f"{counted(found.trials, 'trial')} looked hopeless and ended early, which saved about "
        f"{counted(found.epochs_saved, 'epoch')} of members, or {number(found.seconds_saved)} seconds."
    )


def _verdicts(verdicts: Sequence[Compared]) -> list[Block]:
    if not verdicts:
        return [Note("No verdicts between trials: they need two members a trial and two trials at least.")]
    return [
        Heading("Verdicts between the best trials"),
        Points(list(dict.fromkeys(f"{one.in_words}." for one in verdicts))),
    ]
