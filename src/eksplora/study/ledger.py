"""What has happened in a study: the trials, rebuilt from its spool and kept up to date by its driver."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.events import event as events
from eksplora.types import Config, Member, MemberResult, Status

_RESULT_FIELDS = tuple(entry.name for entry in fields(MemberResult))


def _result(body: events.Member) -> MemberResult:
    """What came of a member; a field that an earlier version did not write has its usual value."""
    known = {name: getattr(body, name) for name in _RESULT_FIELDS}
    return MemberResult(**{name: value for name, value in known.items() if value is not None or name == "value"})


Curves = Mapping[str, Sequence[float]]


Key = tuple[int, int]
"""A training: number of its trial, index of its member."""


@dataclass
class Population:
    """Trainings that one worker gets together.

    Attributes:
        number: Its number within the study, from 0.
        keys: Its trainings; fixed once it has begun, since its checkpoints hold them all.
        reason: Why it is a part of a larger one; empty when it is not.
        is_begun: Whether a worker has had it.
        deaths: Times that a worker died on it since the driver started.
    """

    number: int
    keys: list[Key]
    reason: str = ""
    is_begun: bool = False
    deaths: int = 0

    @property
    def members(self) -> dict[int, list[int]]:
        """Its members by trial, both in their order."""
        members: dict[int, list[int]] = {}
        for trial, member in self.keys:
            members.setdefault(trial, []).append(member)
        return members


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
        reports: What the pruner was told: the objective after each epoch (from 1), mean over the members it judges by.
        pruned_at: The epoch after which the pruner gave the trial up, or None.
        deaths: Times that a worker died on this trial alone since the driver started.
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

    def note_verdict(self, epoch: int, value: float, *, gives_up: bool) -> None:
        """Note what the pruner was told after an epoch, and whether it gives the trial up."""
        self.reports[epoch] = value
        self.pruned_at = epoch if gives_up else self.pruned_at

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

    @property
    def test(self) -> dict[str, float]:
        """Mean of each test metric over the members that have it; empty where the test part stayed closed."""
        names = dict.fromkeys(name for result in self.results.values() for name in result.test)
        return {name: fmean(r.test[name] for r in self.results.values() if name in r.test) for name in names}

    def conclude(self) -> None:
        """Set status and value from the members' results."""
        statuses = {result.status for result in self.results.values()}
        ended_early = [status for status in (Status.DIVERGED, Status.PRUNED) if status in statuses]
        self.status = ended_early[0] if ended_early else Status.FINISHED
        values = [result.value for result in self.results.values() if result.value is not None]
        self.value = fmean(values) if self.status is Status.FINISHED else None
        self.message = next((result.message for result in self.results.values() if result.message), "")

    def fail(self, message: str) -> None:
        """Note that it cannot be trained."""
        self.status, self.message = Status.FAILED, message

    def curves(self) -> dict[str, list[float]]:
        """Mean of each metric per epoch over the members that have the epoch, and its spread under `<name>_std`.

        Epochs that fewer than two members have are left out.
        """
        return mean_curves([result.curves for result in self.results.values()])


def mean_curves(members: Sequence[Curves]) -> dict[str, list[float]]:
    """Mean and sample standard deviation of curves, per epoch over those that are long enough, two at least."""
    together: dict[str, list[float]] = {}
    for name in members[0] if len(members) > 1 else ():
        curves = [curve for member in members if (curve := member.get(name))]
        if len(curves) > 1:
            mean, spread = _mean_and_spread(curves)
            together |= {name: mean.tolist(), f"{name}_std": spread.tolist()}
    return together


def _mean_and_spread(curves: Sequence[Sequence[float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    length = sorted(map(len, curves))[-2]
    has_epoch = np.arange(length) < np.array([len(curve) for curve in curves])[:, None]  # (members, epochs)
    values = np.zeros(has_epoch.shape)
    values[has_epoch] = np.concatenate([np.asarray(curve[:length], dtype=np.float64) for curve in curves])
    count = has_epoch.sum(0)
    with np.errstate(invalid="ignore", over="ignore"):  # a diverged member's last values
        mean = values.sum(0) / count
        spread = np.sqrt((np.where(has_epoch, values - mean, 0.0) ** 2).sum(0) / (count - 1))
    return mean, spread


def values_of(trial: Trial) -> list[float]:
    """The objective of a finished trial's members, in their order."""
    return [float(result.value or 0.0) for _, result in sorted(trial.results.items())]


@dataclass
class Ledger:
    """All trials of a study.

    Attributes:
        metric: The objective's name in curves.
        direction: `minimize` or `maximize`.
        trials: The trials by number.
        populations: Those that are not over, by number.
        num_populations: All that there have been.
        best: The best finished trial.
        num_over: Trials with a final status.
    """

    metric: str
    direction: str
    trials: dict[int, Trial] = field(default_factory=dict)
    populations: dict[int, Population] = field(default_factory=dict)
    num_populations: int = 0
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

    def new_population(self, keys: Sequence[Key], reason: str = "") -> Population:
        """Take in a population of these trainings."""
        population = Population(self.num_populations, list(keys), reason)
        self.populations[population.number] = population
        self.num_populations += 1
        return population

    def waiting(self, population: Population) -> list[Key]:
        """The population's trainings without a result, in trials that are not over."""
        return [
            (number, member)
            for number, member in population.keys
            if not self.trials[number].status.is_final and member not in self.trials[number].results
        ]

    def waiting_trials(self, population: Population) -> list[Trial]:
        """The trials of those trainings."""
        return [self.trials[number] for number in dict.fromkeys(number for number, _ in self.waiting(population))]

    def replay(self, bodies: Iterable[events.Body]) -> None:
        """Take over what the spool holds, in its order."""
        for body in bodies:
            match body:
                case events.Trial():
                    self._replay_trial(body)
                case events.Packed():
                    self._replay_packed(body)
                case events.Population():
                    population = self.populations[body.population]
                    population.keys, population.is_begun = list(body.trainings), True
                case events.PopulationEnd():
                    self.populations.pop(body.population, None)
                case events.Epochs():
                    self.trials[body.trial].spooled[body.member] = body.first + len(body.times) - 1
                case events.Judged():
                    for number, epoch, value, gives_up in body.verdicts:
                        self.trials[number].note_verdict(epoch, value, gives_up=gives_up)
                case events.Member():
                    self.trials[body.trial].results[body.member] = _result(body)
                case events.TrialEnd():
                    trial = self.trials[body.trial]
                    trial.status, trial.value, trial.message = body.status, body.value, body.message
                    self.note_end(trial)

    def _replay_trial(self, body: events.Trial) -> None:
        if body.trial not in self.trials:  # written again when it goes on after an interruption
            members = [Member(one.index, one.seed, one.fold) for one in body.members]
            self.add(Trial(body.trial, body.searched, body.resolved or {}, body.key, members, body.repeats))

    def _replay_packed(self, body: events.Packed) -> None:
        for number in body.replaced:
            self.populations.pop(number, None)
        for entry in body.populations:
            assert entry.population == self.num_populations
            self.new_population(entry.trainings, body.reason)

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
