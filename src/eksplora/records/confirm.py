"""Record of a confirmation for later stages."""

from dataclasses import dataclass, field
from typing import Any

from eksplora.records.estimate import UNKNOWN, Compared, Estimate, gathered
from eksplora.records.record import Record, Values
from eksplora.types import Command, Direction
from eksplora.untrusted import is_name


@dataclass(frozen=True, kw_only=True)
class Configuration(Record):
    """A configuration on members that the search never saw.

    Attributes:
        name: `baseline`, or the trial that it was.
        status: How its training ended.
        message: Why it did not finish; empty where it did.
        key: Fingerprint of the configuration.
        values: What was searched in it.
        members: The objective of each member; empty where it did not finish.
        estimate: Their mean; None where it did not finish.
        best_epochs: The epoch that each member kept.
        epochs: The most that a member trained.
        seconds: What its members took together.
        found_by_search: The objective that the search saw; None for a baseline that is not among its best.
        optimism: How much better that was than the mean is, with the interval that the mean has.
        seed_luck: The part of it that fresh seeds lose on the search's own rows; None: not of this configuration.
        row_luck: The part that other rows lose more.
        epoch_optimism: How much better members are for their epoch was chosen on the rows that judge them.
        variance: Shares of the members' variance, in words; None where split and seed vary together.
        versus_baseline: The comparison with the experiment's own configuration.
        versus_best: The comparison with the configuration of the best mean.
    """

    name: str
    status: str = ""
    message: str = ""
    key: str
    values: Values
    members: list[float] = field(default_factory=list)
    estimate: Estimate | None = None
    best_epochs: list[int] = field(default_factory=list)
    epochs: int = 0
    seconds: float = 0.0
    found_by_search: float | None = None
    optimism: Estimate | None = None
    seed_luck: float | None = None
    row_luck: float | None = None
    epoch_optimism: float | None = None
    variance: str | None = None
    versus_baseline: Compared | None = None
    versus_best: Compared | None = None

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """The estimate was written among the other keys, and the optimism as `too_good_by`."""
        if "too_good_by" in found:
            found["optimism"] = found.pop("too_good_by")
        if isinstance(found.get("optimism"), int | float):
            found["optimism"] = {"mean": found["optimism"]}
        return gathered(found, "estimate")

    @property
    def known(self) -> Estimate:
        """The estimate of a configuration that finished; without a mean of any other."""
        return self.estimate or UNKNOWN


@dataclass(frozen=True, kw_only=True)
class SearchedStudy(Record):
    """The search that was confirmed: its name, its trials by status, and the members of each in words."""

    study: str
    trials: dict[str, int]
    members: str


@dataclass(frozen=True, kw_only=True)
class FinalModel(Record):
    """The model on all rows. What it learned from says nothing of what it is worth, so no metric is here."""

    key: str
    epochs: int = 0
    seconds: float = 0.0
    seeds: list[int] = field(default_factory=list)
    weights_sha256: list[str]


@dataclass(frozen=True, kw_only=True)
class Comparable(Record):
    """Values in which two models must agree so that their members compare in pairs, and the members' objectives.

    `ratio` is that of rows to validate on to rows to learn from, and `num_rows` those of the training part.
    """

    metric: str
    protocol: Values
    members: list[Values]
    data: dict[str, str]
    values: list[float]
    ratio: float | None = None
    num_rows: int = 0


@dataclass(frozen=True, kw_only=True)
class Registered(Record):
    """A model in the registry: its name and version, whether it is the champion and why, and its run."""

    name: str
    version: str
    alias: str
    why: str
    run: str | None = None


@dataclass(frozen=True, kw_only=True)
class OfModel(Record):
    """A record of a confirmed model.

    Attributes:
        studies: The studies behind it by what they are for; they have folders of their names.
        provenance: Where the model comes from.
        command: The command; None: an earlier version did not write it.
    """

    studies: dict[str, str]
    provenance: dict[str, str] = field(default_factory=dict)
    command: Command | None = None

    def __post_init__(self) -> None:
        if "final" not in self.studies or not all(map(is_name, self.studies.values())):
            raise ValueError(f"studies is {self.studies!r}, it should name the study 'final'")


@dataclass(frozen=True, kw_only=True)
class ConfirmRecord(OfModel):
    """The confirmed configurations, and the model trained on all rows.

    Attributes:
        experiment: Its experiment.
        headline: What was chosen, in a sentence.
        metric: The objective.
        direction: Which way it is better.
        alpha: Level of significance.
        chosen: Name of the chosen configuration.
        configurations: Best first, those that did not finish last.
        search: The search; None: an earlier version did not write it.
        final: The model on all rows.
        comparable: What another model must have in common with it; None: an earlier version did not write it.
        registered: The model in the registry; None where nothing is tracked.
    """

    experiment: str
    headline: str
    metric: str
    direction: Direction
    alpha: float = 0.05
    chosen: str
    configurations: list[Configuration]
    search: SearchedStudy | None = None
    final: FinalModel
    comparable: Comparable | None = None
    registered: Registered | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.configurations:
            raise ValueError("configurations is empty")

    @property
    def best(self) -> Configuration:
        """The chosen configuration."""
        return self.configurations[0]
