"""Record of an audit: what a search procedure yields on rows that nothing chose by."""

from dataclasses import dataclass, field

from eksplora.records.estimate import Compared, Estimate
from eksplora.records.record import Record, Values
from eksplora.types import Command, Direction


@dataclass(frozen=True, kw_only=True)
class OuterSplit(Record):
    """A search and its confirmation on inner rows, and what its choice gives on the outer ones.

    Attributes:
        number: Of the outer split, from 1.
        rows: Outer rows.
        inner_rows: Rows of the search, the confirmation and the training of what was chosen.
        chosen: Name of the chosen configuration: `baseline`, or the trial that it was.
        values: What was searched in it.
        found: The best value that the search saw.
        confirmed: The mean that the confirmation saw for its choice.
        outer: The mean of the choice's members on the outer rows.
        own: The same of the experiment's own configuration.
        claimed: What the confirmation said of its choice against the experiment's own; empty where that was the choice,
            and in records of an earlier version.
        studies: The studies behind it by what they are for.
    """

    number: int
    rows: int
    inner_rows: int
    chosen: str
    values: Values
    found: float
    confirmed: float
    outer: float
    own: float
    claimed: str = ""
    studies: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AuditRecord(Record):
    """A search procedure in numbers.

    Attributes:
        experiment: Its experiment.
        headline: What the procedure yields, in a sentence or two.
        metric: The objective.
        direction: Which way it is better.
        alpha: Level of significance.
        members: Networks of each configuration that is measured.
        yields: What the choice of the procedure gives on new rows.
        own: What the experiment's own configuration gives.
        versus_own: The choice against the own configuration.
        worse: Outer splits in which the choice was worse than the own configuration.
        worse_share: Their share of all.
        worse_by: By how much it was worse in those, mean; None: in none.
        claims: Outer splits in which the confirmation claimed that its choice is better than the own configuration.
        claims_held: Those of them in which the choice was better on the outer rows too.
        search_optimism: How much better the best value of the search is than what its choice gives on the outer rows.
        confirm_optimism: The same of the value that the confirmation saw.
        splits: In the order of their numbers.
        provenance: Where the numbers come from.
        command: The command.
    """

    experiment: str
    headline: str
    metric: str
    direction: Direction
    alpha: float
    members: int
    yields: Estimate
    own: Estimate
    versus_own: Compared
    worse: int
    worse_share: Estimate
    worse_by: float | None = None
    claims: int = 0
    claims_held: int = 0
    search_optimism: Estimate
    confirm_optimism: Estimate
    splits: list[OuterSplit]
    provenance: dict[str, str] = field(default_factory=dict)
    command: Command | None = None
