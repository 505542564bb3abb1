"""Our side of the comparison: a population as a study runs it, from the trial's first event until MLflow has it all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eksplora.config import part
from eksplora.counter import derive, fingerprint
from eksplora.errors import EksploraError
from eksplora.events.event import Start, StudyEvent
from eksplora.events.spool import Spool
from eksplora.study.journal import Journal
from eksplora.study.ledger import Ledger
from eksplora.study.trial import StudyPopulation, Trial
from eksplora.tracker.base import Tracker
from eksplora.types import Config, Decision, EpochReport, Job, Member, MemberResult, Training
from eksplora.work.job import train

LONGEST_WAIT_SECONDS = 300.0


def members_of(first: int, number: int) -> list[Member]:
    """Members of a study whose seed is 0: `number` of them, from index `first` on."""
    return [Member(index, derive(0, "member", index) % 2**31) for index in range(first, first + number)]


@dataclass(frozen=True)
class Desk:
    """Takes a population's reports and writes what the driver writes, with no process in between."""

    record: Journal
    trial: Trial

    def epochs(self, reports: Sequence[EpochReport]) -> Sequence[Decision]:
        """Journal an epoch of each member."""
        for report in reports:
            self.record.epoch(self.trial, report)
        self.record.flush_if_due({self.trial.number: self.trial})
        return [Decision.GO_ON] * len(reports)

    def stop_requested(self) -> bool:
        """Nobody stops a measurement."""
        return False

    def member(self, result: MemberResult) -> None:
        """Journal a member's result."""
        self.record.member(self.trial, result)
        self.trial.results[result.member] = result

    def split(self, size: int, reason: str) -> None:
        """A population that is measured is not cut.

        Raises:
            EksploraError: Always.
        """
        raise EksploraError(f"the population cannot be measured whole, at most {size} of its members go ({reason}).")


class TrackedTraining:
    """One population with everything that a study does for it; made outside the clock, run within it."""

    def __init__(self, settings: Config, config: Config, *, name: str, threads: int, members: Sequence[Member]) -> None:
        """Begin a study of one trial, and let MLflow follow it.

        Args:
            settings: The resolved root `train`.
            config: The resolved configuration of the training.
            name: Name of the study; there is none yet.
            threads: Threads of the training.
            members: Whom to train together.
        """
        folder = Path(settings["paths"]["mlruns"]) / "studies" / name
        folder.mkdir(parents=True)
        self._trial = Trial(0, {}, config, fingerprint(config), list(members))
        self._spool = Spool(folder / "spool.jsonl")
        self._tracker: Tracker = part(settings, "tracker")
        weights = folder / "trials" / "0000"
        self._job = Job(
            number=0,
            trainings=[Training(0, member, config, str(weights / f"member-{member.index}")) for member in members],
            folder=str(folder / "populations" / "0000"),
            threads=threads,
            checkpoint_seconds=settings["study"]["checkpoint_seconds"],
        )
        self._begin(name, settings)

    def run(self) -> list[MemberResult]:
        """Train, and wait until MLflow has the runs; the results are in the members' order.

        Raises:
            EksploraError: If a member does not finish, or MLflow does not get there.
        """
        ledger, population = Ledger("", ""), StudyPopulation(0, [])
        desk = Desk(Journal(self._spool, ledger), self._trial)
        population.keys = [(0, training.member.index) for training in self._job.trainings]
        desk.record.trial(self._trial, {})
        desk.record.packed([population])
        desk.record.population(population)
        train(self._job, desk)
        desk.record.population_end(population)
        ledger.conclude(self._trial)
        desk.record.trial_end(self._trial, {})
        self._tracker.notify()
        if not self._tracker.finish(LONGEST_WAIT_SECONDS):
            raise EksploraError(f"MLflow did not catch up within {LONGEST_WAIT_SECONDS:g} s ({self._tracker.problem}).")
        self._spool.close()
        if self._trial.value is None:
            raise EksploraError(f"not every member finished: {self._trial.message}")
        return [self._trial.results[index] for _, index in population.keys]

    def _begin(self, name: str, settings: Config) -> None:
        self._spool.append(
            StudyEvent(
                id=fingerprint(name)[:32],
                name=name,
                experiment=settings["experiment"],
                metric=f"val/{settings['objective']['metric']}",
                direction=settings["objective"]["direction"],
                params={},
                tags={},
                provenance={},
                texts={},
            )
        )
        self._spool.append(Start(0, 1, self._job.threads))
        self._tracker.start(self._spool.path)
