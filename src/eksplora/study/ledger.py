"""Ledger of a study: the trials, rebuilt from its spool and kept up to date by its driver. Nobody else changes one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from statistics import fmean

from eksplora.events import event as events
from eksplora.study.trial import Key, StudyPopulation, Trial
from eksplora.types import Member, MemberResult, Status

_RESULT_FIELDS = tuple(entry.name for entry in fields(MemberResult))


def _result(body: events.MemberEvent) -> MemberResult:
    """Result of a member; a field that an earlier version did not write has its usual value."""
    known = {name: getattr(body, name) for name in _RESULT_FIELDS}
    return MemberResult(**{name: value for name, value in known.items() if value is not None or name == "value"})


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
    populations: dict[int, StudyPopulation] = field(default_factory=dict)
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
        # `ranked` leaves out trials without a value and repeats.
        candidates = [candidate for candidate in (self.best, trial) if candidate is not None]
        self.best = next(iter(self.ranked(candidates)), None)

    # --- what happens to a trial -------------------------------------------------------------------------------------

    def take(self, result: MemberResult) -> None:
        """Take in the result of a member."""
        self.trials[result.trial].results[result.member] = result

    def note_epochs(self, trial: Trial, member: int, last: int) -> None:
        """Note that the epochs of a member up to `last` are in the spool."""
        trial.spooled[member] = last

    def note_verdict(self, number: int, epoch: int, value: float, *, gives_up: bool) -> None:
        """Note what was reported to the pruner after an epoch, and whether it gives the trial up."""
        trial = self.trials[number]
        trial.reports[epoch] = value
        trial.pruned_at = epoch if gives_up else trial.pruned_at

    def note_death(self, trial: Trial) -> None:
        """Note that a worker died on this trial alone."""
        trial.deaths += 1

    def conclude(self, trial: Trial) -> None:
        """Set status and value from the members' results."""
        statuses = {result.status for result in trial.results.values()}
        # In this order: a trial with a diverged and a pruned member has diverged.
        ended_early = [status for status in (Status.DIVERGED, Status.PRUNED) if status in statuses]
        trial.status = ended_early[0] if ended_early else Status.FINISHED
        values = [result.value for result in trial.results.values() if result.value is not None]
        trial.value = fmean(values) if trial.status is Status.FINISHED else None
        trial.message = next((result.message for result in trial.results.values() if result.message), "")

    def repeat(self, trial: Trial, original: Trial) -> None:
        """Give a trial the end of the one whose configuration it repeats."""
        trial.status, trial.value = original.status, original.value
        trial.message = f"same configuration as trial {original.number}"

    def fail(self, trial: Trial, message: str) -> None:
        """Note that a trial cannot be trained."""
        trial.status, trial.message = Status.FAILED, message

    def interrupt(self) -> None:
        """Mark what runs as interrupted, in memory only: in the spool it is unfinished, and goes on at the next run."""
        for trial in self.with_status(Status.RUNNING):
            trial.status = Status.INTERRUPTED

    def locate(self, here: Callable[[MemberResult], MemberResult]) -> None:
        """Replace each result by the one that `here` makes of it, whose files lie where they are now."""
        for trial in self.trials.values():
            trial.results = {index: here(result) for index, result in trial.results.items()}

    # --- populations -------------------------------------------------------------------------------------------------

    def new_population(self, keys: Sequence[Key], reason: str = "") -> StudyPopulation:
        """Take in a population of these trainings."""
        population = StudyPopulation(self.num_populations, list(keys), reason)
        self.populations[population.number] = population
        self.num_populations += 1
        return population

    def waiting(self, population: StudyPopulation) -> list[Key]:
        """The population's trainings without a result, in trials that are not over."""
        return [
            (number, member)
            for number, member in population.keys
            if not self.trials[number].status.is_final and member not in self.trials[number].results
        ]

    def waiting_trials(self, population: StudyPopulation) -> list[Trial]:
        """The trials of those trainings."""
        return [self.trials[number] for number in dict.fromkeys(number for number, _ in self.waiting(population))]

    def replay(self, bodies: Iterable[events.Body]) -> None:
        """Take over what the spool holds, in its order."""
        for body in bodies:
            match body:
                case events.TrialEvent():
                    self._replay_trial(body)
                case events.Packed():
                    self._replay_packed(body)
                case events.PopulationEvent():
                    population = self.populations[body.population]
                    population.keys, population.is_begun = list(body.trainings), True
                case events.PopulationEnd():
                    self.populations.pop(body.population, None)
                case events.Epochs():
                    self.note_epochs(self.trials[body.trial], body.member, body.first + len(body.times) - 1)
                case events.Judged():
                    for number, epoch, value, gives_up in body.verdicts:
                        self.note_verdict(number, epoch, value, gives_up=gives_up)
                case events.MemberEvent():
                    self.take(_result(body))
                case events.TrialEnd():
                    trial = self.trials[body.trial]
                    trial.status, trial.value, trial.message = body.status, body.value, body.message
                    self.note_end(trial)

    def _replay_trial(self, body: events.TrialEvent) -> None:
        if body.trial not in self.trials:  # written again when it goes on after an interruption
            members = [Member(**vars(one)) for one in body.members]
            self.add(Trial(body.trial, body.searched, body.resolved or {}, body.key, members, body.repeats))

    def _replay_packed(self, body: events.Packed) -> None:
        for number in body.replaced:
            self.populations.pop(number, None)
        for entry in body.populations:
            # Numbers are dense: a gap means that events are missing.
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
        # Sorted by value and number only: trials themselves have no order.
        return [trial for _, _, trial in sorted(done, key=lambda entry: entry[:2])]
