"""Section on the result and the question."""

from collections.abc import Sequence
from typing import Any

from eksplora.drawing.axis import in_order, is_scale, setting
from eksplora.records.details import DetailsRecord
from eksplora.records.estimate import Estimate
from eksplora.records.evaluate import DataRecord, EvaluationRecord
from eksplora.records.results import Results
from eksplora.records.search import SearchRecord, TrialRecord
from eksplora.report.block import Block, Headline, Note, Prose, Section, TableBlock, Tiles, code
from eksplora.report.number import NONE, counted, interval, number

ONE_MEMBER = (
    "Only one member was trained, so the interval leaves out what another training would have given. "
    "`study.n_seeds=8` trains eight."
)

DIRECTIONS = {"minimize": "lower is better", "maximize": "higher is better"}

MOST_VALUES = 8
"""Settings of a key that are listed."""


def section(facts: Results) -> Section:
    """The result in a sentence and in numbers, and the question."""
    if not facts.has_network:
        return _without_network(facts)
    confirmed, evaluated = facts.confirmed, facts.tested
    return Section(
        key="result",
        title="Result",
        says="What the chosen model does on rows that chose nothing, how sure that is, and what had been asked.",
        blocks=[
            Headline(evaluated.headline),
            Prose(confirmed.headline),
            _tiles(evaluated, confirmed.direction),
            *([Note(ONE_MEMBER)] if members_of(facts) == 1 else []),
            *_opened(evaluated.opened),
            _question(facts),
            *space(facts.searched),
        ],
    )


def _without_network(facts: Results) -> Section:
    """The result of a search over a function: it is confirmed, and leaves nothing to open the test part for."""
    searched, confirmed = facts.searched, facts.confirmed
    asked = {
        "experiment": code(confirmed.experiment),
        "compared by": f"{confirmed.metric} ({DIRECTIONS[confirmed.direction]})",
        "search": f"{counted(sum(searched.trials.values()), 'trial')}, {searched.members} each",
        "chosen": code(confirmed.chosen),
        "training data": code(searched.data.get("data.train_features.sha256", "")[:16]),
    }
    return Section(
        key="result",
        title="Result",
        says="What the chosen configuration does on rows that did not judge the search, and what had been asked.",
        blocks=[
            Headline(confirmed.headline),
            Note("A function of the user's own was trained: it leaves no network, so the test part stays closed."),
            TableBlock("What was asked", [{"what": what, "value": value} for what, value in asked.items()]),
            *space(searched),
        ],
    )


def members_of(facts: Results) -> int:
    """Number of the model's members."""
    return int(facts.test_part.members)


def _tiles(evaluated: EvaluationRecord, direction: str) -> Tiles:
    """The objective in numbers."""
    own = evaluated.test[evaluated.metric]
    one, count = own.ensemble, counted(len(own.members), "member")
    return Tiles(
        [
            (
                f"test {evaluated.metric}",
                number(one.mean),
                f"of the mean prediction of {count}, {DIRECTIONS[direction]}",
            ),
            ("95% interval", interval(one.low, one.high), _of_interval(one, evaluated.rows)),
            ("members alone", number(own.over_members.mean), "mean over members"),
            ("test rows", number(evaluated.rows), "none of them was trained on or chose anything"),
        ]
    )


def _of_interval(known: Estimate, rows: int) -> str:
    if known.low is None:
        return "an earlier version gave none" if known.scope is None else f"{counted(rows, 'row')}: too few to say"
    return f"for {known.scope}" if known.scope else "for other rows"


def _opened(count: int) -> list[Block]:
    """A warning where the test part has been looked at before."""
    if count < 2:
        return []
    return [
        Note(
            f"The test part has been opened for {count} confirmed models of this experiment so far. Each further look "
            "makes it less of a test, because what was seen may have led to the next model."
        )
    ]


def _question(facts: Results) -> TableBlock:
    """The request, a line for each part."""
    searched, confirmed, details = facts.searched, facts.confirmed, facts.test_part
    asked = {
        "experiment": code(confirmed.experiment),
        "data": _data(facts.tested.data),
        "kind": _kind(details),
        "compared by": f"{confirmed.metric} ({DIRECTIONS[confirmed.direction]})",
        "search": f"{counted(sum(searched.trials.values()), 'trial')}, {searched.members} each",
        "chosen": code(confirmed.chosen),
        "test rows": number(details.rows),
        "training data": code(searched.data.get("data.train_features.sha256", "")[:16]),
    }
    rows = [{"what": what, "value": value} for what, value in asked.items()]
    return TableBlock("What was asked", rows, "The training data are named by the head of their sha256.")


def _data(data: DataRecord | None) -> str:
    if data is None:
        return NONE
    return f"{data.name} ({data.source}): {data.rows['train']} training and {data.rows['test']} test rows"


def _kind(details: DetailsRecord) -> str:
    if details.kind == "numbers":
        return "regression: a number is predicted"
    if details.kind == "labels":
        return f"several labels per row, of {counted(len(details.classes), 'label')}: {', '.join(details.classes[:10])}"
    names = details.classes
    shown = ", ".join(map(str, names[:10])) + (", ..." if len(names) > 10 else "")
    return f"classification into {counted(len(names), 'class', 'classes')}: {shown}"


def space(searched: SearchRecord) -> list[Block]:
    """The values of each key that the search has tried."""
    keys = keys_of(searched.all_trials)
    if not keys:
        return [Note("The search varied nothing: there is one configuration.")]
    rows = [{"key": code(key), "tried": tried(values), "settings": len(values)} for key, values in keys.items()]
    return [TableBlock("What was searched", rows, "Of a scale the least and the greatest value that was tried.")]


def keys_of(trials: Sequence[TrialRecord]) -> dict[str, list[Any]]:
    """Each searched key with the different values that trials had."""
    found: dict[str, dict[str, Any]] = {}
    for trial in trials:
        for key, value in trial.values.items():
            found.setdefault(key, {})[setting(value)] = value
    return {key: list(values.values()) for key, values in found.items()}


def tried(values: Sequence[Any]) -> str:
    """Settings in a line.

    Examples:
        >>> tried([0.1, 0.2, 0.3, 0.01]), tried(["sgd", "adam"]), tried([128, 16])
        ('0.01 to 0.3', 'adam, sgd', '16, 128')
    """
    if is_scale(values):
        return f"{setting(min(values))} to {setting(max(values))}"
    rest = f" and {len(values) - MOST_VALUES} more" if len(values) > MOST_VALUES else ""
    return ", ".join(in_order(values)[:MOST_VALUES]) + rest
