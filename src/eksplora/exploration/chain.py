"""A chain of one-factor studies, read from `conf/exploration/`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eksplora.config import is_group, parse_override
from eksplora.errors import ConfigError, nearest
from eksplora.untrusted import is_name, parse_json

COLUMNS = ("train", "val", "test", "gap", "seconds")
"""The measured columns of every row."""

CARRIES = ("validation", "reported")
"""Rows that a study may hand on: its own best row on validation data, or the one that the reference carried."""


@dataclass(frozen=True)
class Row:
    """A configuration of a one-factor study.

    Attributes:
        name: What the factor is in it.
        overrides: How it differs from what the studies before carried.
        reported: The reference's numbers, by column.
    """

    name: str
    overrides: Sequence[str]
    reported: Mapping[str, float]


@dataclass(frozen=True)
class OneFactor:
    """A one-factor study.

    Attributes:
        name: Its name.
        says: The factor in words.
        rows: Its configurations, by name.
        carried: The row that the reference carried into the next study.
        overrides: How all its rows are trained; not carried into the next study.
    """

    name: str
    says: str
    rows: Mapping[str, Row]
    carried: str
    overrides: Sequence[str] = ()


@dataclass(frozen=True)
class Budget:
    """Budget of an exploration.

    Attributes:
        name: Its name.
        members: Of every row.
        test_rows: Rows of the test part on which they are measured.
        overrides: What else is changed.
        note: The same in words.
    """

    name: str
    members: int
    test_rows: int
    overrides: Sequence[str]
    note: str


@dataclass(frozen=True)
class Exploration:
    """A chain of one-factor studies and what is claimed of them.

    Attributes:
        name: Its name.
        title: What it is about.
        experiment: The experiment that it varies.
        base: Where the first study starts, as overrides.
        digits: Decimals of the metric.
        budget: How much is trained.
        studies: In the order of the chain.
        claims: By id: `study`, `says`, `holds`.
    """

    name: str
    title: str
    experiment: str
    base: Sequence[str]
    digits: int
    budget: Budget
    studies: Sequence[OneFactor]
    claims: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class WrittenStudy:
    """A study as the file has it."""

    says: str
    rows: dict[str, dict[str, Any]]
    carried: str


@dataclass(frozen=True)
class WrittenBudget:
    """A budget as the file has it."""

    members: int
    test_rows: int
    set: list[str]
    note: str


@dataclass(frozen=True)
class WrittenClaim:
    """A claim as the file has it."""

    study: str
    says: str
    holds: Any


@dataclass(frozen=True)
class WrittenRow:
    """A row as the file has it."""

    set: list[str]
    reported: dict[str, float]


@dataclass(frozen=True)
class Written:
    """The shape of a file of `conf/exploration/`."""

    title: str
    experiment: str
    base: list[str]
    digits: int
    budgets: dict[str, WrittenBudget]
    studies: dict[str, WrittenStudy]
    claims: dict[str, WrittenClaim]


def _check_shape(node: Mapping[str, Any], shape: type, source: str) -> None:
    parse_json(json.dumps(node), shape, source=source, way_out="Correct the file in conf/exploration/.")


def read_exploration(
    name: str, node: Mapping[str, Any], budget: str, begins: Callable[[], None] = lambda: None
) -> Exploration:
    """An exploration from its configuration; `begins` is called when only the claims, which take long, are not checked.

    Raises:
        ConfigError: If the budget is unknown, or a study carries or a claim names what there is not.
    """
    _check_shape(node, Written, f"conf/exploration/{name}.yaml")
    budgets = node["budgets"]
    if budget not in budgets:
        raise ConfigError(f"budget={budget} is none of {name}'s. {nearest(budget, budgets)}")
    studies = [
        OneFactor(
            name=key,
            says=study["says"],
            rows={row: _row(key, row, content) for row, content in study["rows"].items()},
            carried=study["carried"],
            overrides=study.get("set", ()),
        )
        for key, study in node["studies"].items()
    ]
    for study in studies:
        if not is_name(study.name):
            raise ConfigError(f"exploration.studies: '{study.name}' is no name for a folder. Use letters and digits.")
        if study.carried not in study.rows:
            raise ConfigError(
                f"exploration.studies.{study.name}.carried: '{study.carried}' is no row of it. "
                f"{nearest(study.carried, study.rows)}"
            )
    known = [study.name for study in studies]
    for claim, content in node["claims"].items():
        if content["study"] not in known:
            raise ConfigError(f"exploration.claims.{claim}.study: {nearest(content['study'], known)}")
    chosen = budgets[budget]
    exploration = Exploration(
        name=name,
        title=node["title"],
        experiment=node["experiment"],
        base=node["base"],
        digits=node["digits"],
        budget=Budget(budget, chosen["members"], chosen["test_rows"], chosen["set"], chosen["note"]),
        studies=studies,
        claims=node["claims"],
    )
    begins()
    _check_claims(exploration)
    return exploration


def _row(study: str, name: str, content: Mapping[str, Any]) -> Row:
    lacking = [key for key in ("set", "reported") if key not in content]
    if lacking:
        raise ConfigError(
            f"exploration.studies.{study}.rows.{name}: has no {lacking[0]}. Give it, if only as an empty one."
        )
    _check_shape(content, WrittenRow, f"exploration.studies.{study}.rows.{name}")
    return Row(name, content["set"], content["reported"])


def _check_claims(exploration: Exploration) -> None:
    """Refuse claims that cannot be judged, before anything is trained: they are judged on rows that all say the same.

    Raises:
        ConfigError: If a claim has none of the forms, or names what there is not.
    """
    from eksplora.statistics.claim import Judge  # only now: scipy comes with it

    columns = {
        study.name: {row: dict.fromkeys(COLUMNS, (1.0, 1.0)) for row in study.rows} for study in exploration.studies
    }
    others = {f"{study}/{row}": values for study, rows in columns.items() for row, values in rows.items()}
    for name, content in exploration.claims.items():
        try:
            Judge(columns[content["study"]], dict.fromkeys(COLUMNS, "minimize"), 0.05, others)(content["holds"])
        except (ValueError, KeyError) as error:
            raise ConfigError(f"exploration.claims.{name}.holds: {error}") from None


def merged(*lists: Sequence[str]) -> list[str]:
    """Overrides one after the other: a later one of the same key takes the place, another file of a group all its keys.

    Examples:
        >>> merged(["optimizer=sgd", "optimizer.lr=0.1", "model.units=4"], ["optimizer=adam", "model.units=8"])
        ['optimizer=adam', 'model.units=8']
    """
    kept: dict[str, str] = {}
    for text in (text for each in lists for text in each):
        key = parse_override(text).key_or_group
        if is_group(key):
            kept = {other: value for other, value in kept.items() if not other.startswith(f"{key}.")}
            kept = {other: value for other, value in kept.items() if other != key}
        kept[key] = text
    groups = [text for key, text in kept.items() if is_group(key)]
    return groups + [text for text in kept.values() if text not in groups]
