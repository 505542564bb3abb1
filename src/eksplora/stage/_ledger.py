"""What has happened in a study: the trials, rebuilt from its spool and kept up to date by its driver."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

from eksplora.types import Config, EpochReport, Member, MemberResult, Status


@dataclass
class Trial:
    """A trial as its study knows it.

    Attributes:
        number: Its number, from 0.
        values: The searched keys and their values.
        config: The resolved configuration of one training.
        key: Fingerprint of that configuration.
        members: The members to train.
        repeats: The trial whose configuration this one repeats, or None.
        status: How it stands.
        value: The objective: mean over the members; None unless finished.
        results: The results of finished members, by member index.
        spooled: Epochs already in the spool, by member index.
        reports: The objective of the first member after each epoch (from 1).
        pruned_at: The epoch after which the pruner gave the first member up, or None.
        deaths: Times that a worker died on it since the driver started.
    """

    number: int
    values: dict[str, Any]
    config: Config
    key: str
    members: list[Member]
    repeats: int | None = None
    status: Status = Status.RUNNING
    value: float | None = None
    message: str = ""
    results: dict[int, MemberResult] = field(default_factory=dict)
    spooled: dict[int, int] = field(default_factory=dict)
    reports: dict[int, float] = field(default_factory=dict)
    pruned_at: int | None = None
    deaths: int = 0

    @property
    def waiting(self) -> list[Member]:
        """Members that are not trained yet."""
        return [member for member in self.members if member.index not in self.results]

    @property
    def is_trained(self) -> bool:
        """Whether nothing is left to train: every member has a result, or one of them ended early."""
        return not self.waiting or any(result.status is not Status.FINISHED for result in self.results.values())

    def is_pruned_at(self, member: int, epoch: int) -> bool:
        """Whether the pruner gave this member up after this epoch."""
        return member == self.members[0].index and epoch == self.pruned_at

    @property
    def seconds(self) -> float:
        """Training time of all members together."""
        return sum(result.seconds for result in self.results.values())

    @property
    def epochs(self) -> int:
        """Epochs of the member that trained longest."""
        return max((result.epochs for result in self.results.values()), default=0)

    @property
    def spread(self) -> float | None:
        """Sample standard deviation of the objective over members; None with fewer than two."""
        values = [result.value for result in self.results.values() if result.value is not None]
        return stdev(values) if len(values) > 1 else None

    def conclude(self) -> None:
        """Set status and value from the members' results."""
        statuses = {result.status for result in self.results.values()}
        ended_early = [status for status in (Status.DIVERGED, Status.PRUNED) if status in statuses]
        self.status = ended_early[0] if ended_early else Status.FINISHED
        values = [result.value for result in self.results.values() if result.value is not None]
        self.value = fmean(values) if self.status is Status.FINISHED else None
        self.message = next((result.message for result in self.results.values() if result.message), "")

    def curves(self) -> dict[str, list[float]]:
        """Mean of each metric over the members per epoch, and its spread under `<name>_std`; empty for one member."""
        if len(self.results) < 2:
            return {}
        first = next(iter(self.results.values())).curves
        together: dict[str, list[float]] = {}
        for name in first:
            rows = list(zip(*(result.curves[name] for result in self.results.values()), strict=False))
            together[name] = [fmean(row) for row in rows]
            together[f"{name}_std"] = [stdev(row) for row in rows]
        return together


@dataclass
class Ledger:
    """All trials of a study.

    Attributes:
        metric: The objective's name in curves.
        direction: `minimize` or `maximize`.
        trials: The trials by number.
        best: The best finished trial.
        num_over: Trials with a final status.
    """

    metric: str
    direction: str
    trials: dict[int, Trial] = field(default_factory=dict)
    best: Trial | None = None
    num_over: int = 0
    _by_key: dict[str, list[Trial]] = field(default_factory=dict)

    def add(self, trial: Trial) -> None:
        """Take in a new trial."""
        self.trials[trial.number] = trial
        self._by_key.setdefault(trial.key, []).append(trial)

    def note_end(self, trial: Trial) -> None:
        """A trial has its final status: count it and keep the best."""
        self.num_over += 1
        candidates = [candidate for candidate in (self.best, trial) if candidate is not None]
        self.best = next(iter(self.ranked(candidates)), None)

    def replay(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Take over what the spool holds, in its order."""
        for kind, data in events:
            if kind == "trial" and data["trial"] not in self.trials:  # said again when it goes on after an interruption
                members = [Member(**member) for member in data["members"]]
                trial = Trial(data["trial"], data["searched"], data["resolved"], data["key"], members, data["repeats"])
                self.add(trial)
            elif kind == "epochs":
                self._replay_epochs(self.trials[data["trial"]], data)
            elif kind == "member":
                trial = self.trials[data["trial"]]
                trial.results[data["member"]] = MemberResult(
                    **{
                        name: data[name]
                        for name in MemberResult.__dataclass_fields__
                        if name in data and name != "status"
                    },
                    status=Status(data["status"]),
                )
            elif kind == "trial_end":
                trial = self.trials[data["trial"]]
                trial.status, trial.value, trial.message = Status(data["status"]), data["value"], data["message"]
                self.note_end(trial)

    def _replay_epochs(self, trial: Trial, data: Mapping[str, Any]) -> None:
        values = data["curves"][self.metric]
        trial.spooled[data["member"]] = data["first"] + len(values) - 1
        if data["member"] == trial.members[0].index:
            trial.reports |= dict(enumerate(values, start=data["first"]))
            trial.pruned_at = data.get("pruned_at")

    def note_epoch(self, report: EpochReport) -> bool:
        """Note a report; returns whether it is the first member's and new (from a checkpoint on, epochs come again)."""
        trial = self.trials[report.trial]
        if report.member != trial.members[0].index or report.epoch in trial.reports:
            return False
        trial.reports[report.epoch] = report.metrics[self.metric]
        return True

    def original(self, key: str) -> Trial | None:
        """The trial that trained (or trains) this configuration; one that failed by an error may be tried again."""
        candidates = (trial for trial in self._by_key.get(key, []) if trial.repeats is None)
        return next((trial for trial in candidates if trial.status is not Status.FAILED), None)

    def with_status(self, *statuses: Status) -> list[Trial]:
        """The trials that stand so, by number."""
        return [trial for _, trial in sorted(self.trials.items()) if trial.status in statuses]

    def ranked(self, trials: Iterable[Trial]) -> list[Trial]:
        """The finished ones that do not repeat another, best first; equal values in the order of numbers."""
        sign = 1 if self.direction == "minimize" else -1
        done = [
            (sign * trial.value, trial.number, trial)
            for trial in trials
            if trial.value is not None and trial.repeats is None
        ]
        return [trial for _, _, trial in sorted(done, key=lambda entry: entry[:2])]
