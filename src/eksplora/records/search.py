"""Record of a search for later stages."""

from dataclasses import dataclass, field
from typing import Any

from eksplora.records.estimate import Compared
from eksplora.records.record import Record, Values
from eksplora.types import Command, Direction


@dataclass(frozen=True, kw_only=True)
class TrialRecord(Record):
    """A trial in numbers.

    Attributes:
        trial: Its number.
        status: Its status.
        value: Its objective, the mean over its members; None where it did not finish.
        std: The spread of its members.
        members: The objective of each member; empty where it did not finish.
        epochs: The most that one of its members trained.
        seconds: What its members took together.
        repeats: The trial whose result it took over; None: it was trained itself.
        values: What was searched in it.
    """

    trial: int
    status: str = ""
    value: float | None = None
    std: float | None = None
    members: list[float] = field(default_factory=list)
    epochs: int = 0
    seconds: float = 0.0
    repeats: int | None = None
    values: Values = field(default_factory=dict)

    @property
    def objective(self) -> float:
        """The value of a trial that finished."""
        assert self.value is not None
        return self.value


@dataclass(frozen=True, kw_only=True)
class RankedTrial(Record):
    """A trial as a later stage needs it to make its configuration again; `key` is that configuration's fingerprint."""

    trial: int
    value: float
    key: str
    values: Values


@dataclass(frozen=True, kw_only=True)
class Pruned(Record):
    """Trials that were given up, and about what that saved: their members' epochs, and seconds."""

    trials: int = 0
    epochs_saved: int = 0
    seconds_saved: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SearchRecord(Record):
    """A study in numbers.

    Attributes:
        study: Its name.
        experiment: Its experiment.
        metric: The objective.
        direction: Which way it is better.
        members: How many trainings each trial has, in words.
        num_members: Trainings of each trial.
        trials: Number of trials by status.
        best: The best trial; None where none finished.
        ranked: The best trials, best first.
        all_trials: In the order of their numbers.
        importance: Shares of 1 by searched key; empty where that cannot be computed.
        pruned: What pruning has saved.
        data: Hashes of the data.
        provenance: Where the study comes from.
        command: That which ended the study; an earlier one may have asked for fewer trials.
        verdicts: The best trials against each other and against the experiment's own configuration.
    """

    study: str
    experiment: str = ""
    metric: str = ""
    direction: Direction = "minimize"
    members: str
    num_members: int = 1
    trials: dict[str, int]
    best: TrialRecord | None = None
    ranked: list[RankedTrial]
    all_trials: list[TrialRecord] = field(default_factory=list)
    importance: dict[str, float] = field(default_factory=dict)
    pruned: Pruned = Pruned()
    data: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=dict)
    command: Command | None = None
    verdicts: list[Compared] = field(default_factory=list)

    @property
    def finished(self) -> list[TrialRecord]:
        """The trials that have a value."""
        return [one for one in self.all_trials if one.value is not None]

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """The best trial was a row of the table: its value under the metric's name, what was searched beside it."""
        best = found.get("best")
        if isinstance(best, dict) and isinstance(best.get("members"), int):
            known = {name: best[name] for name in _OF_ROW if name in best}
            others = (*_OF_ROW, "members", found.get("metric"))
            values = {name: value for name, value in best.items() if name not in others}
            found["best"] = {**known, "value": best.get(found.get("metric")), "values": values}
        return found


_OF_ROW = ("trial", "status", "std", "epochs", "seconds", "repeats")
