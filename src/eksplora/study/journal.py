"""Journal of a study: everything that happens goes into its spool before anything else is done with it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import yaml

from eksplora.config import flatten
from eksplora.events import event as events
from eksplora.events.spool import Spool
from eksplora.study.ledger import Ledger
from eksplora.study.trial import StudyPopulation, Trial
from eksplora.types import Config, EpochReport, MemberResult


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes a value out wherever it stands: what is read back may have no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


FLUSH_SECONDS = 2.0
"""Reports of a long training reach the spool, and so the curves in MLflow, at most so late."""


def as_yaml(config: Mapping[str, Any]) -> str:
    """A configuration as YAML text, keys in their order."""
    return str(yaml.dump(dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True))


class Journal:
    """Writes a study's events; epochs are gathered, so that a fast training costs one event."""

    def __init__(self, spool: Spool, ledger: Ledger) -> None:
        """Write to `spool`, and note in the ledger which epochs are there."""
        self.spool, self._ledger = spool, ledger
        self._pending: dict[tuple[int, int], list[tuple[EpochReport, int]]] = {}
        self._flushed_at = time.monotonic()

    def trial(self, trial: Trial, tags: Mapping[str, str]) -> None:
        """A trial begins; it is on the disk when its population or its end is."""
        self.spool.append(
            events.TrialEvent(
                trial=trial.number,
                params=_parameters(trial.config),
                searched=trial.values,
                resolved=trial.config,
                config=as_yaml(trial.config),
                key=trial.key,
                members=[events.TrialMember(**vars(one)) for one in trial.members],
                tags=dict(tags),
                repeats=trial.repeats,
            )
        )

    def packed(self, populations: Iterable[StudyPopulation], *, replaced: Sequence[int] = (), reason: str = "") -> None:
        """Trainings were put together, or populations cut into others: in one event, so never half of it."""
        entries = [events.PackedPopulation(one.number, one.keys) for one in populations]
        self.spool.append(events.Packed(entries, list(replaced), reason), durable=True)

    def population(self, population: StudyPopulation) -> None:
        """A population goes to a worker for the first time; from now on its trainings stay together."""
        self.spool.append(events.PopulationEvent(population.number, population.keys))

    def population_end(self, population: StudyPopulation) -> None:
        """All of a population's results are in, or nobody waits for them any more."""
        self.spool.append(events.PopulationEnd(population.number))

    def judged(self, verdicts: Sequence[tuple[int, int, float, bool]]) -> None:
        """Record the pruner's decisions: (trial, epoch, objective, whether it gives the trial up)."""
        self.spool.append(events.Judged(verdicts))

    def epoch(self, trial: Trial, report: EpochReport) -> None:
        """An epoch ended; written with others.

        Epochs that came before (the training goes on from a checkpoint) are known; after a gap (the checkpoint was
        newer than the spool) the member's result brings the curves whole. A trial that is over takes none.
        """
        if trial.status.is_final:
            return
        gathered = self._pending.setdefault((report.trial, report.member), [])
        # Only the epoch that comes next is written: no epoch twice, and no gap.
        if report.epoch == trial.spooled.get(report.member, 0) + len(gathered) + 1:
            gathered.append((report, _now()))

    def flush_if_due(self, trials: Mapping[int, Trial]) -> None:
        """Write gathered epochs when they have waited long enough."""
        if time.monotonic() - self._flushed_at > FLUSH_SECONDS:
            self._flushed_at = time.monotonic()
            for number, member in list(self._pending):
                self.flush(trials[number], member)

    def member(self, trial: Trial, result: MemberResult) -> None:
        """A member ended; epochs that no report brought (they came before a checkpoint, then a kill) are added."""
        self.flush(trial, result.member)
        self._write_missing(trial, result)
        self.spool.append(events.MemberEvent(**{entry.name: getattr(result, entry.name) for entry in fields(result)}))

    def trial_end(self, trial: Trial, artifacts: Mapping[str, str]) -> None:
        """A trial is over."""
        for member in trial.members:
            self.flush(trial, member.index)
        metrics: dict[str, float] = {
            "seconds": trial.seconds,
            "epochs": trial.epochs,
            "members": len(trial.results),
            **trial.test,
        }
        spread = {"objective_std": trial.spread} if trial.spread is not None else {}
        self.spool.append(
            events.TrialEnd(
                trial=trial.number,
                status=trial.status,
                value=trial.value,
                metrics=(metrics if trial.results else {}) | spread,
                message=trial.message,
                curves=trial.curves(),
                artifacts=dict(artifacts),
            ),
            durable=True,
        )

    def flush(self, trial: Trial, member: int) -> None:
        """Write the gathered epochs of a member now."""
        reports = self._pending.pop((trial.number, member), [])
        if not reports:
            return
        curves: dict[str, list[float]] = {}
        for report, _ in reports:
            for name, value in report.metrics.items():
                curves.setdefault(name, []).append(value)
        self._write(trial, member, reports[0][0].epoch, curves, [moment for _, moment in reports])

    def _write_missing(self, trial: Trial, result: MemberResult) -> None:
        done = trial.spooled.get(result.member, 0)
        missing = {name: list(values[done:]) for name, values in result.curves.items()}
        if done < result.epochs:
            self._write(trial, result.member, done + 1, missing, [_now()] * (result.epochs - done))

    def _write(self, trial: Trial, member: int, first: int, curves: dict[str, list[float]], times: list[int]) -> None:
        last = first + len(times) - 1
        self.spool.append(events.Epochs(trial.number, member, first, curves, times))
        self._ledger.note_epochs(trial, member, last)


def _parameters(config: Config) -> dict[str, Any]:
    """The flat configuration, without the bookkeeping of how parts are built."""
    return {key: value for key, value in flatten(config).items() if not key.endswith("._partial_")}


def _now() -> int:
    # milliseconds, as MLflow has them
    return time.time_ns() // 1_000_000
