"""An exploration in numbers: pure functions of what its members gave, so that a check can make the same of MLflow's."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

from eksplora.errors import WorkerError
from eksplora.exploration.chain import Exploration, OneFactor
from eksplora.records.estimate import Compared, Estimate
from eksplora.records.exploration import BudgetRecord, ClaimRecord, Decidable, ExplorationRecord, RowRecord, StudyRecord
from eksplora.statistics.bounded import estimate
from eksplora.statistics.claim import Judge, distinct
from eksplora.statistics.contrast import Column, as_one, sample_of_column
from eksplora.statistics.decidable import least_p
from eksplora.statistics.generalization import Sample, Scope
from eksplora.statistics.interval import t_interval
from eksplora.statistics.judgement import Finding, Judgement, judged_together
from eksplora.statistics.sentence import recorded
from eksplora.statistics.verdict import compare_samples
from eksplora.types import Direction


@dataclass(frozen=True)
class RowResult:
    """Result of a row of a study.

    Attributes:
        trial: Its trial.
        status: How its training ended.
        message: Why it did not finish.
        columns: The values of its members by column; empty where it did not finish.
        samples: Of columns whose rows are known: the same values with the losses of rows.
    """

    trial: int
    status: str
    message: str
    columns: Mapping[str, Sequence[float]]
    samples: Mapping[str, Sample] = field(default_factory=dict)

    @property
    def measured(self) -> Mapping[str, Column]:
        """The columns with what is known of their rows."""
        return {**self.columns, **self.samples}


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """Result of a one-factor study.

    Attributes:
        study: Its name.
        id: Its identity.
        base: The row that equals what the studies before handed on.
        rows: By name.
        winner: The row of the best mean, by column.
        handed_on: The row that the next study starts from.
        metric: The objective.
        direction: Which way it is better.
        provenance: Where the numbers come from.
    """

    study: str
    id: str
    base: str
    rows: Mapping[str, RowResult]
    winner: Mapping[str, str]
    handed_on: str = ""
    metric: str
    direction: Direction
    provenance: Mapping[str, str]


COMPARED = ("val", "test")
"""Columns in which rows are compared: that which chooses, and that which the reference reported."""


def columns_of(members: Sequence[Mapping[str, float]], direction: str) -> dict[str, list[float]]:
    """The columns of a row from what each member gave (`train`, `val`, `test`, `seconds`).

    `gap` is how much worse the test part is than the rows learned from, both with the kept weights and dropout off.
    """
    sign = 1 if direction == "minimize" else -1
    columns = {name: [member[name] for member in members] for name in ("train", "val", "test", "seconds")}
    return columns | {"gap": [sign * (member["test"] - member["train"]) for member in members]}


def winners(rows: Mapping[str, RowResult], direction: str) -> dict[str, str]:
    """The row with the best mean, on validation data and on the test part; the first of equal ones."""
    better = min if direction == "minimize" else max
    known = {name: row.columns for name, row in rows.items() if row.columns}
    if not known:
        raise WorkerError("no row finished, so none can be handed on. See the messages of its trials in MLflow.")
    return {on: better(known, key=lambda name: fmean(known[name][on])) for on in COMPARED}


def choices(rows: Mapping[str, RowResult], direction: str, on: str) -> dict[str, int]:
    """Times that each row would have been chosen by one member alone, over all members."""
    better = min if direction == "minimize" else max
    known = {name: row.columns[on] for name, row in rows.items() if row.columns}
    count = min(map(len, known.values()), default=0)
    return dict(Counter(better(known, key=lambda name: known[name][member]) for member in range(count)))


def summarized(
    exploration: Exploration,
    studies: Mapping[str, StudyResult],
    runs: Mapping[str, Mapping[str, str]],
    *,
    carry: str,
    alpha: float,
) -> ExplorationRecord:
    """All numbers of an exploration's pages.

    Args:
        exploration: What was asked.
        studies: By name.
        runs: Per study, MLflow's run ids by ours.
        carry: What a study handed to the next.
        alpha: Level of significance.
    """
    first = next(iter(studies.values()))
    budget = exploration.budget
    return ExplorationRecord(
        exploration=exploration.name,
        title=exploration.title,
        experiment=exploration.experiment,
        budget=BudgetRecord(
            name=budget.name,
            members=budget.members,
            test_rows=budget.test_rows,
            overrides=list(budget.overrides),
            note=budget.note,
        ),
        carry=carry,
        alpha=alpha,
        metric=first.metric,
        direction=first.direction,
        digits=exploration.digits,
        studies={one.name: _study(one, studies[one.name], runs[one.name], alpha) for one in exploration.studies},
        claims=_claims(exploration, studies, first.direction, alpha),
        provenance=dict(first.provenance),
    )


def _study(asked: OneFactor, found: StudyResult, runs: Mapping[str, str], alpha: float) -> StudyRecord:
    return StudyRecord(
        says=asked.says,
        study=found.study,
        id=found.id,
        base=found.base,
        winner=dict(found.winner),
        handed_on=found.handed_on,
        carried_by_reference=asked.carried,
        choices={on: choices(found.rows, found.direction, on) for on in COMPARED},
        rows={name: _row(row, asked.rows[name].reported, found, runs) for name, row in found.rows.items()},
        comparisons={on: _comparisons(found, alpha, on) for on in COMPARED},
    )


def _row(found: RowResult, reported: Mapping[str, float], study: StudyResult, runs: Mapping[str, str]) -> RowRecord:
    """A row: what was reported, and what its members gave, with the runs behind it."""
    key = f"{study.id}/{found.trial}"
    return RowRecord(
        reported=dict(reported),
        status=found.status,
        message=found.message,
        trial=found.trial,
        run=runs.get(key, ""),
        member_runs=[
            runs.get(f"{key}/{member}", runs.get(key, "")) for member in range(len(found.columns.get("val", ())))
        ],
        members={name: list(values) for name, values in found.columns.items()},
        summary={name: _summary(found, name, study.metric) for name in found.columns},
    )


def _summary(found: RowResult, column: str, metric: str) -> Estimate:
    """The mean of a column: for the widest scope where its rows are known, else for other members on these rows."""
    if column in found.samples:
        return estimate(found.samples[column], metric)
    values = found.columns[column]
    values = distinct(values) if column == "seconds" else values
    interval = t_interval(values)
    return Estimate(
        mean=fmean(values),
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        std=stdev(values) if len(values) > 1 else None,
        n=len(values),
    )


def _comparisons(study: StudyResult, alpha: float, on: str) -> dict[str, dict[str, Compared]]:
    """Each row against the best of its column, and each against the base; all pairs of rows judged together."""
    columns = {name: row.measured[on] for name, row in study.rows.items() if row.columns}
    known = dict(zip(columns, as_one([sample_of_column(column) for column in columns.values()]), strict=True))
    found: dict[str, dict[str, Compared]] = {}
    for word, other in {"best": study.winner[on], "base": study.base}.items():
        others = [name for name in known if name != other and other in known]
        places = {name: place for place, name in enumerate(known)}
        pairs = [(places[name], places[other]) for name in others]
        compared = compare_samples(list(known.values()), pairs, direction=study.direction, alpha=alpha)
        for name, one in zip(others, compared, strict=True):
            found.setdefault(name, {})[word] = recorded(one, name=name, reference=other)
    return found


# --- claims ------------------------------------------------------------------------------------------------------


def _claims(
    exploration: Exploration, studies: Mapping[str, StudyResult], direction: str, alpha: float
) -> dict[str, ClaimRecord]:
    """Every claim with what is found of it by itself and of all of them together, and whether it could be decided."""
    judged = {name: _judged(exploration, studies, name, direction, alpha) for name in exploration.claims}
    together = judged_together(list(judged.values()), alpha)
    return {
        name: ClaimRecord(
            study=exploration.claims[name]["study"],
            says=exploration.claims[name]["says"],
            finding=str(one.finding),
            jointly=str(jointly),
            p=one.p,
            evidence=list(one.evidence),
            members_needed=one.members_needed,
            rows_needed=one.rows_needed,
            scopes=list(map(str, one.scopes)),
            decidable=_decidable(exploration, name, alpha, _by_rows(studies)),
        )
        for (name, one), jointly in zip(judged.items(), together, strict=True)
    }


def _by_rows(studies: Mapping[str, StudyResult]) -> list[str]:
    """The columns in which all rows that finished can speak for other rows, too."""
    rows = [row for study in studies.values() for row in study.rows.values() if row.columns]
    return [
        column
        for column in COMPARED
        if rows and all(sample_of_column(row.measured[column]).scope is not Scope.THESE_ROWS for row in rows)
    ]


def _decidable(exploration: Exploration, name: str, alpha: float, by_rows: Sequence[str]) -> Decidable:
    """Whether so many members can show a claim, alone and with the others, and how many can."""
    claim, count = exploration.claims[name], len(exploration.claims)
    rows = len(next(study for study in exploration.studies if study.name == claim["study"]).rows)

    def least(members: int) -> float:
        return least_p(claim["holds"], rows=rows, members=members, by_rows=by_rows)[0]

    own = least(exploration.budget.members)
    enough = next((members for members in range(1, 51) if least(members) <= alpha / count), None)
    return Decidable(least_p=own, alone=own <= alpha, jointly=own <= alpha / count, members=enough)


def _judged(
    exploration: Exploration, studies: Mapping[str, StudyResult], name: str, direction: str, alpha: float
) -> Judgement:
    """Judge a claim; one about a row that did not finish stays open."""
    claim = exploration.claims[name]
    columns = {study: _columns_of(known.rows) for study, known in studies.items()}
    others = {f"{study}/{row}": values for study, rows in columns.items() for row, values in rows.items()}
    own, rows = columns[claim["study"]], studies[claim["study"]].rows
    rivals = rows if _has_form(claim["holds"], "best") else ()
    lacking = [row for row in dict.fromkeys([*_rows_named(claim["holds"]), *rivals]) if row not in own | others]
    known_rows = {
        **rows,
        **{f"{study}/{name}": row for study, known in studies.items() for name, row in known.rows.items()},
    }
    if lacking and all(row in known_rows for row in lacking):
        said = tuple(f"{row} ended as {known_rows[row].status}: {known_rows[row].message}" for row in lacking)
        return Judgement(Finding.NOT_DISTINGUISHABLE, said)
    return Judge(own, _directions(direction), alpha, others)(claim["holds"])


def _columns_of(rows: Mapping[str, RowResult]) -> dict[str, Mapping[str, Column]]:
    return {name: found.measured for name, found in rows.items() if found.columns}


def _directions(direction: str) -> dict[str, str]:
    return {"train": direction, "val": direction, "test": direction, "gap": "minimize", "seconds": "minimize"}


def _has_form(holds: Mapping[str, Any], form: str) -> bool:
    """Whether a claim, or one that it joins, has a form."""
    return form in holds or any(_has_form(part, form) for part in holds.get("all", ()))


def _rows_named(holds: Any) -> list[str]:
    """The rows that a claim names, in any of its forms."""
    if isinstance(holds, Mapping):
        own = [value for key, value in holds.items() if key in ("row", "of")]
        lists = [item for key in ("rows", "than") for item in holds.get(key, ())]
        return [*own, *lists, *(row for value in holds.values() for row in _rows_named(value))]
    return [row for part in holds for row in _rows_named(part)] if isinstance(holds, list) else []
