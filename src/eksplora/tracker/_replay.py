"""Changes of runs made of events: a pure replay of the spool, with no MLflow in it.

study  -> a run                       tags, settings, provenance, files
trial  -> a run under the study       configuration, curves (of its one member, or mean and spread), objective
member -> a run under the trial       only where a trial has several
evaluation -> metrics `test/...` of all of them
report -> the page, a file of the study's run
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksplora.events import event as events
from eksplora.events.spool import Event
from eksplora.tracker._note import study_note, trial_name, trial_note
from eksplora.tracker._run import ID_TAG, MARK_TAG, Change, RunDataset
from eksplora.types import Status

RUN_STATUS = {
    Status.RUNNING: "RUNNING",
    Status.FINISHED: "FINISHED",
    Status.PRUNED: "KILLED",  # as MLflow's own Optuna storage has it
    Status.DIVERGED: "FAILED",
    Status.FAILED: "FAILED",
    Status.INTERRUPTED: "KILLED",
}
"""MLflow's status for each of ours; the tag `status` says it exactly."""


@dataclass
class _Trial:
    """A trial that is not over: what later events of it are read with."""

    members: dict[int, dict[str, int]]  # index -> its seed and fold
    searched: dict[str, Any]
    epochs: dict[int, int] = field(default_factory=dict)  # member -> last epoch that is known
    metrics: dict[str, Any] = field(default_factory=dict)  # of the one member, logged with the trial's own
    running: set[int] = field(default_factory=set)  # members with a run of their own that is open
    engines: set[str] = field(default_factory=set)  # how its members were trained
    reason: str | None = None  # why not with more others
    is_running: bool = True


class Replay:
    """Folds a study's events, in order, into changes of its runs.

    `fold` takes an event, `take` hands over what has changed since the last `take`.
    """

    def __init__(self, *, folder: Path) -> None:
        """`folder` is the spool's: paths of artifacts are relative to it."""
        self._folder = folder
        self._changes: dict[str, Change] = {}
        self._trials: dict[int, _Trial] = {}
        self._names: dict[int, str] = {}
        self._known: events.StudyEvent | None = None
        self._keys: set[str] = set()
        self._best: float | None = None
        self._num_ended = 0
        self._is_driven = False
        self._time = 0

    @property
    def study(self) -> events.StudyEvent:
        """The first event.

        Raises:
            ValueError: Before it.
        """
        if self._known is None:
            raise ValueError("an event comes before the study's own")
        return self._known

    def fold(self, event: Event) -> None:
        """Take one event; kinds that a newer version may write are passed over."""
        self._time = event.time
        match event.body:
            case events.StudyEvent() as body:
                self._fold_study(body, event.time)
            case events.Start() as body:
                self._fold_start(body, event.time)
            case events.TrialEvent() as body:
                self._fold_trial(body, event.time)
            case events.Packed() as body:
                self._fold_packed(body)
            case events.Epochs() as body:
                self._fold_epochs(body, event.time)
            case events.MemberEvent() as body:
                self._fold_member(body, event.time)
            case events.TrialEnd() as body:
                self._fold_trial_end(body, event.time)
            case events.Stop() as body:
                self._fold_stop(body, event.time)
            case events.Evaluation() as body:
                self._fold_evaluation(body, event.time)
            case events.ReportEvent() as body:  # the study's run shows the page: the registry has its model
                self._add_files(self._study_change(event.time), body.artifacts)

    def take(self) -> list[Change]:
        """The changes since the last call, parents before their children."""
        changes = list(self._changes.values())
        self._changes = {}
        return changes

    def mark(self, offset: int) -> Change:
        """Mark in the study's run of how much MLflow has: `offset` bytes of the spool, in all runs until now."""
        change = self._new_change(self.study.id, self.study.name, self._time)
        change.add_tags({MARK_TAG: f"{offset} bytes, {len(self._keys)} runs"})
        return change

    def settle(self) -> None:
        """Nobody drives the study: what is still open was interrupted, at the time of the last event."""
        self._interrupt_trials(self._time)
        if self._is_driven:
            self._set_status(self._study_change(self._time), Status.INTERRUPTED, self._time)

    def _fold_study(self, body: events.StudyEvent, time: int) -> None:
        self._known, self._is_driven = body, True
        change = self._study_change(time)
        change.add_tags({**self._origin(), **body.tags} | {"experiment": body.experiment, "metric": body.metric})
        change.add_tags({"direction": body.direction, "mlflow.note.content": study_note(body, self._folder)})
        change.add_params(body.params)
        change.texts.update(body.texts)
        change.dataset = self._dataset()
        self._set_status(change, Status.RUNNING, time)

    def _fold_start(self, body: events.Start, time: int) -> None:
        """A driver begins: whatever an earlier one left open is not running (yet)."""
        self._interrupt_trials(time)
        self._is_driven = True
        change = self._study_change(time)
        change.add_tags({"workers": body.workers, "threads": body.threads})
        self._set_status(change, Status.RUNNING, time)

    def _fold_trial(self, body: events.TrialEvent, time: int) -> None:
        number = body.trial
        self._names[number] = trial_name(number, body.searched)
        change = self._trial_change(number, time)
        self._set_status(change, Status.RUNNING, time)
        if number in self._trials:  # goes on after an interruption: its configuration is known and the same
            self._trials[number].is_running = True
            return
        members = {member.index: {"seed": member.seed, "fold": member.fold} for member in body.members}
        self._trials[number] = _Trial(members=members, searched=body.searched)
        seed = next(iter(members.values()))["seed"] if len(members) == 1 else None
        change.add_tags({**self._origin(), **body.tags} | {"seed": seed, "repeats": body.repeats})
        change.add_tags({"mlflow.note.content": trial_note(body)})
        change.add_params(body.params)
        change.texts["config.yaml"] = body.config
        change.dataset = self._dataset()

    def _fold_packed(self, body: events.Packed) -> None:
        """Populations were cut: their trials say why."""
        for population in body.populations if body.reason else ():
            for number, _ in population.trainings:
                if number in self._trials:
                    self._trials[number].reason = body.reason

    def _fold_epochs(self, body: events.Epochs, time: int) -> None:
        """Add epochs to curves; those trained again after a kill are the same (the counter rule)."""
        trial = self._trials[body.trial]
        known = trial.epochs.get(body.member, 0)
        skip = max(0, known + 1 - body.first)
        trial.epochs[body.member] = max(known, body.first + len(body.times) - 1)
        change = self._member_change(body.trial, body.member, body.times[0] if body.times else time)
        for key, values in body.curves.items():
            change.add_curve(key, values[skip:], body.times[skip:], body.first + skip)

    def _fold_member(self, body: events.MemberEvent, time: int) -> None:
        trial, status = self._trials[body.trial], body.status
        change = self._member_change(body.trial, body.member, time)
        change.add_tags({"device": body.device, "engine": body.engine, "weights_sha256": body.weights_sha256})
        change.add_tags({"engine_reason": trial.reason})
        trial.engines |= {body.engine} if body.engine is not None else set()
        numbers = {"best_epoch": body.best_epoch, "epochs": body.epochs, "step": body.step, "seconds": body.seconds}
        metrics: dict[str, float | None] = dict(numbers) if status.is_final else {}
        if len(trial.members) == 1:
            trial.metrics = metrics
            return
        change.add_metrics(metrics | dict(body.test) | {"objective": _finite(body.value)}, time)
        self._add_message(change, body.message, status)
        self._set_status(change, status, time)
        trial.running.discard(body.member)

    def _fold_trial_end(self, body: events.TrialEnd, time: int) -> None:
        number, status, value = body.trial, body.status, _finite(body.value)
        change, trial = self._trial_change(number, time), self._trials[number]
        trial.is_running = False
        self._set_status(change, status, time)
        change.add_tags({"engine": ", ".join(sorted(trial.engines)) or None, "engine_reason": trial.reason})
        self._add_files(change, body.artifacts)
        self._add_message(change, body.message, status)
        if not status.is_final:
            return
        for key, values in body.curves.items():
            change.add_curve(key, values, [time] * len(values), 1)
        change.add_metrics(trial.metrics | dict(body.metrics) | {"objective": value}, time)
        del self._trials[number]
        if status is Status.FINISHED and value is not None:
            self._add_progress(value, number, time)

    def _fold_stop(self, body: events.Stop, time: int) -> None:
        self._interrupt_trials(time)
        self._is_driven = False
        change = self._study_change(time)
        change.add_metrics(body.metrics, time)
        change.add_tags({**body.tags, "message": body.message})
        self._add_files(change, body.artifacts)
        self._set_status(change, body.status, time)
        if body.best_trial is not None:
            self._add_files(self._trial_change(body.best_trial, time), body.best_artifacts)

    def _fold_evaluation(self, body: events.Evaluation, time: int) -> None:
        """The test part was opened for a trial of a study that is over."""
        number = body.trial
        for change in (self._study_change(time), self._trial_change(number, time)):
            change.add_metrics(body.metrics, time)
            self._add_files(change, body.artifacts)
        for member, metrics in enumerate(body.members) if len(body.members) > 1 else ():
            self._named_member_change(number, member, time, {}).add_metrics(metrics, time)

    def _add_progress(self, value: float, trial: int, time: int) -> None:
        """The study's own curves: the objective over the trial's number, the best so far over the trials that ended."""
        better = min if self.study.direction == "minimize" else max
        self._best = value if self._best is None else better(value, self._best)
        change = self._study_change(time)
        change.add_metrics({"trial/objective": value}, time, step=trial)
        shown = {"trial/best": self._best, f"best/{self.study.metric}": self._best}
        change.add_metrics(shown, time, step=self._num_ended)
        self._num_ended += 1

    def _add_message(self, change: Change, message: str, status: Status) -> None:
        """Add why a run ended, where that is final: the last line as a tag, a failure's traceback as an artifact."""
        if message and status.is_final:
            change.add_tags({"message": message.strip().rpartition("\n")[2]})
            if status is Status.FAILED:
                change.texts["error.txt"] = message

    def _add_files(self, change: Change, artifacts: Mapping[str, str]) -> None:
        change.files.update(artifacts)

    def _interrupt_trials(self, time: int) -> None:
        for number, trial in self._trials.items():
            for member in sorted(trial.running):
                self._set_status(self._member_change(number, member, time), Status.INTERRUPTED, time)
            if trial.is_running:
                self._set_status(self._trial_change(number, time), Status.INTERRUPTED, time)
            trial.running, trial.is_running = set(), False

    def _set_status(self, change: Change, status: Status, time: int) -> None:
        change.add_tags({"status": status.value})
        change.end(RUN_STATUS[status], None if status is Status.RUNNING else time)

    def _change(self, key: str, name: str, time: int, parent: str | None, tags: Mapping[str, object]) -> Change:
        if key not in self._changes:
            change = self._new_change(key, name, time, parent)
            change.add_tags({ID_TAG: key, "study": self.study.name, **tags})
            change.add_tags({"mlflow.source.name": "eksplora", "mlflow.source.type": "LOCAL"})
            self._changes[key] = change
            self._keys.add(key)
        return self._changes[key]

    def _new_change(self, key: str, name: str, time: int, parent: str | None = None) -> Change:
        return Change(key=key, name=name, time=time, origin=self._folder, parent=parent)

    def _study_change(self, time: int) -> Change:
        key = None
        if self.study.parent:
            identity, name = self.study.parent
            key = self._parent_change(identity, name, time).key
        return self._change(self.study.id, self.study.name, time, key, {"kind": "study"})

    def _parent_change(self, key: str, name: str, time: int) -> Change:
        """The run of what the study is part of, exploration or audit; each of its studies may be the first to need it.

        Its key begins with its kind.
        """
        if key not in self._changes:
            self._changes[key] = self._new_change(key, name, time)
            tags = {ID_TAG: key, "kind": key.partition("-")[0], "experiment": self.study.experiment}
            self._changes[key].add_tags({**tags, "mlflow.source.name": "eksplora", "mlflow.source.type": "LOCAL"})
            self._changes[key].end("FINISHED", time)
        return self._changes[key]

    def _trial_change(self, number: int, time: int) -> Change:
        study = self.study.id
        tags = {"kind": "trial", "trial": number}
        return self._change(f"{study}/{number}", self._names[number], time, study, tags)

    def _member_change(self, number: int, member: int, time: int) -> Change:
        """The run that shows a member: its own among several, otherwise the trial's."""
        trial = self._trials[number]
        if len(trial.members) == 1:
            return self._trial_change(number, time)
        origin = trial.members[member]
        change = self._named_member_change(number, member, time, origin)
        if member not in trial.running:  # begins, or goes on after an interruption
            trial.running.add(member)
            change.add_params(trial.searched | origin)
            change.add_tags(self._origin())
            self._set_status(change, Status.RUNNING, time)
        return change

    def _named_member_change(self, number: int, member: int, time: int, origin: Mapping[str, object]) -> Change:
        parent = self._trial_change(number, time)
        tags = {"kind": "member", "trial": number, "member": member, **origin}
        return self._change(f"{parent.key}/{member}", f"{self._names[number]}-member-{member}", time, parent.key, tags)

    def _dataset(self) -> RunDataset | None:
        """The data, as far as the record knows it: earlier versions did not say."""
        known = self.study.dataset
        if known is None:
            return None
        return RunDataset(known.name, known.digest, known.rows, tuple(known.columns.items()), tuple(known.warnings))

    def _origin(self) -> dict[str, object]:
        """Provenance of the numbers; MLflow shows the commit in a column of its own."""
        provenance: dict[str, object] = dict(self.study.provenance)
        return provenance | {"mlflow.source.git.commit": provenance.get("git.commit")}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
