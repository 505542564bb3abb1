"""Record of an exploration: one-factor studies, and what stands of the claims about them."""

from dataclasses import dataclass, field
from typing import Any

from eksplora.records.estimate import Compared, Estimate
from eksplora.records.record import Record, Values
from eksplora.types import Direction


@dataclass(frozen=True, kw_only=True)
class BudgetRecord(Record):
    """Budget of an exploration.

    Attributes:
        name: Its name.
        members: Of every row.
        test_rows: Rows of the test part on which they are measured.
        overrides: What else was changed.
        note: The same in words.
    """

    name: str
    members: int
    test_rows: int = 0
    overrides: list[str] = field(default_factory=list)
    note: str


@dataclass(frozen=True, kw_only=True)
class RowRecord(Record):
    """A row of a one-factor study: what was reported, and what its members gave.

    Attributes:
        reported: The reference's numbers, by column.
        status: How its training ended.
        message: Why it did not finish; empty where it did.
        trial: Its trial in the study.
        run: Of the trial in MLflow; empty where nothing is tracked.
        member_runs: Of its members.
        members: The values of the members by column, in the order of their numbers; empty where it did not finish.
        summary: Their means by column.
    """

    reported: dict[str, float]
    status: str
    message: str = ""
    trial: int = 0
    run: str
    member_runs: list[str]
    members: dict[str, list[float]] = field(default_factory=dict)
    summary: dict[str, Estimate]


@dataclass(frozen=True, kw_only=True)
class StudyRecord(Record):
    """A one-factor study.

    Attributes:
        says: The factor in words.
        study: Name of the study.
        id: Its identity.
        base: The row that equals what the studies before handed on.
        winner: The row of the best mean, by column.
        handed_on: The row that the next study starts from.
        carried_by_reference: The row that the reference carried.
        choices: By column, how often each row would have been chosen by one member alone.
        rows: By name.
        comparisons: By column and row: against the `best` row of the column, and against the `base`.
    """

    says: str = ""
    study: str = ""
    id: str = ""
    base: str = ""
    winner: dict[str, str]
    handed_on: str
    carried_by_reference: str = ""
    choices: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict[str, RowRecord]
    comparisons: dict[str, dict[str, dict[str, Compared]]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Decidable(Record):
    """Whether so many members can show a claim, whatever they measure.

    Attributes:
        least_p: The smallest p that they can reach.
        alone: Whether it is small enough at the level.
        jointly: Whether it is at the level over all claims of the page.
        members: Which would be enough for the latter; None: more than 50.
    """

    least_p: float
    alone: bool
    jointly: bool
    members: int | None = None


@dataclass(frozen=True, kw_only=True)
class ClaimRecord(Record):
    """A claim, judged.

    Attributes:
        study: The study that it is about.
        says: The claim in words.
        finding: What is found of it by itself.
        jointly: The same of all claims of the page together; empty: an earlier version did not judge so.
        p: Of what is found; None: an earlier version did not write it.
        evidence: The comparisons that it rests on, a sentence each.
        members_needed: About how many members would decide it; None where none is known.
        rows_needed: About how many rows would; None where it is judged on these rows, or none is known.
        scopes: What its comparisons are about, each once; earlier versions judged on these rows.
        decidable: Whether it could be decided; None: an earlier version did not say.
    """

    study: str = ""
    says: str
    finding: str
    jointly: str = ""
    p: float | None = None
    evidence: list[str] = field(default_factory=list)
    members_needed: int | None = None
    rows_needed: int | None = None
    scopes: list[str] = field(default_factory=list)
    decidable: Decidable | None = None

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """The scope was not written: it was that of seeds alone."""
        return {"scopes": ["these rows"], **found}


@dataclass(frozen=True, kw_only=True)
class ExplorationRecord(Record):
    """An exploration in numbers.

    Attributes:
        exploration: Its name.
        title: What it is about.
        experiment: The experiment that it varies.
        budget: How much was trained.
        carry: What a study handed to the next: `validation` or `reported`.
        alpha: Level of significance.
        metric: The objective.
        direction: Which way it is better.
        digits: Decimals of the metric in tables.
        studies: In the order of the chain.
        claims: By name.
        provenance: Where the numbers come from.
        run: Name of its run in MLflow.
        asked: The file of `conf/exploration/` as it was.
        set: What was changed by hand, as overrides.
        threads: Asked for, of one training; None: the cores were divided among the workers.
        rows_sha256: Hash of the file with the losses of rows; empty: there is none.
    """

    exploration: str
    title: str
    experiment: str = ""
    budget: BudgetRecord
    carry: str
    alpha: float = 0.05
    metric: str
    direction: Direction
    digits: int = 2
    studies: dict[str, StudyRecord]
    claims: dict[str, ClaimRecord]
    provenance: dict[str, str]
    run: str = ""
    asked: Values = field(default_factory=dict)
    set: list[str] = field(default_factory=list)
    threads: int | None = None
    rows_sha256: str = ""
