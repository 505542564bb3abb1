"""Our side of the comparison: a training as a study runs it, from the trial's first event until MLflow has it all."""

from dataclasses import dataclass
from pathlib import Path

from eksplora.build import part
from eksplora.counter import derive, fingerprint
from eksplora.errors import EksploraError
from eksplora.stage._job import train
from eksplora.stage._ledger import Trial
from eksplora.stage._record import Record
from eksplora.tracker._base import Tracker
from eksplora.tracker.spool import Spool
from eksplora.types import Config, Decision, EpochReport, Job, Member, MemberResult

MEMBER = Member(index=0, seed=derive(0, "member", 0) % 2**31)
LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Desk:
    """Takes a training's reports and writes what the driver writes, with no process in between."""

    record: Record
    trial: Trial

    def epoch(self, report: EpochReport) -> Decision:
        """Record an epoch."""
        self.record.epoch(self.trial, report)
        self.record.flush_if_due({self.trial.number: self.trial})
        return Decision.GO_ON

    def stop_requested(self) -> bool:
        """Nobody stops a measurement."""
        return False

    def member(self, result: MemberResult) -> None:
        """Record a member's result."""
        self.record.member(self.trial, result)
        self.trial.results[result.member] = result


class TrackedTraining:
    """One training with everything that a study does for it; made outside the clock, run within it."""

    def __init__(self, settings: Config, config: Config, *, name: str, threads: int) -> None:
        """Begin a study of one trial, and let MLflow follow it.

        Args:
            settings: The resolved root `train`.
            config: The resolved configuration of the training.
            name: Name of the study; there is none yet.
            threads: Threads of the training.
        """
        folder = Path(settings["paths"]["mlruns"]) / "studies" / name
        folder.mkdir(parents=True)
        self._trial = Trial(0, {}, config, fingerprint(config), [MEMBER])
        self._spool = Spool(folder / "spool.jsonl")
        self._tracker: Tracker = part(settings, "tracker")
        self._job = Job(
            trial=0,
            config=config,
            members=self._trial.members,
            folder=str(folder / "trials" / "0000"),
            threads=threads,
            checkpoint_seconds=settings["study"]["checkpoint_seconds"],
        )
        self._begin(name, settings)

    def run(self) -> MemberResult:
        """Train, and wait until MLflow has the run.

        Raises:
            EksploraError: If MLflow does not get there.
        """
        desk = Desk(Record(self._spool), self._trial)
        desk.record.trial(self._trial, {})
        train(self._job, desk)
        self._trial.conclude()
        desk.record.trial_end(self._trial, {})
        self._tracker.notify()
        if not self._tracker.finish(LONGEST_WAIT_SECONDS):
            raise EksploraError(f"MLflow did not catch up within {LONGEST_WAIT_SECONDS:g} s ({self._tracker.trouble}).")
        self._spool.close()
        return self._trial.results[MEMBER.index]

    def _begin(self, name: str, settings: Config) -> None:
        self._spool.append(
            "study",
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
        self._spool.append("start", pid=0, workers=1, threads=self._job.threads)
        self._tracker.start(self._spool.path)
