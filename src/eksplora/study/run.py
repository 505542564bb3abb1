"""A study from its specification to its conclusion; every stage that trains is made of studies."""

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eksplora.console.work import Work
from eksplora.errors import ConfigError, EksploraError, WorkerError
from eksplora.events import spool as spools
from eksplora.events.event import Start
from eksplora.files import try_new_folders
from eksplora.launch.launcher import Launcher, Worker
from eksplora.launch.local import LocalLauncher
from eksplora.ranges import check_fields
from eksplora.search.proposer import Proposer
from eksplora.search.space import Space
from eksplora.study import conclusion, resume
from eksplora.study.definition import Definition, define, study_event
from eksplora.study.display import Display
from eksplora.study.driver import Driver
from eksplora.study.interruption import Interruption, interrupted
from eksplora.study.journal import Journal
from eksplora.study.ledger import Ledger
from eksplora.study.lock import hold
from eksplora.study.plan import Plan
from eksplora.study.setup import check_data, make_plan, make_proposer, tracker_of, trials_at_once
from eksplora.study.spec import StudySpec
from eksplora.study.sync import sync_all
from eksplora.tracker.base import Tracker
from eksplora.types import Checked, Config


@dataclass(frozen=True)
class Outcome:
    """Outcome of a study.

    Attributes:
        name: Its full name.
        folder: Its folder, with `spool.jsonl` and `summary/`.
        metric: The objective's name in curves.
        ledger: Its trials.
        is_over: Whether every trial of the budget has its final status; False after a time limit.
    """

    name: str
    folder: Path
    metric: str
    ledger: Ledger
    is_over: bool

    @property
    def provenance(self) -> dict[str, str]:
        """Provenance of its numbers."""
        return dict(spools.study_of(self.folder / "spool.jsonl").provenance)

    def check_over(self) -> None:
        """Refuse to go on with half a study.

        Raises:
            EksploraError: If a time limit has ended it.
        """
        if not self.is_over:
            raise EksploraError(f"{self.name} is not over: study.timeout_seconds ended it. The same command goes on.")


def run_study(spec: StudySpec) -> Outcome:
    """Run a study, or go on with it where it was left.

    Raises:
        UserError: For what the user can fix; nothing is left half-written.
        WorkerError: If workers keep dying, too many trials fail, or not one of them finished.
        Interrupted: After Ctrl-C or SIGTERM; the same command goes on.
    """
    with Interruption() as interruption:
        return _run(spec, interruption)


def _run(spec: StudySpec, interruption: Interruption) -> Outcome:
    """Make the study's parts, then run it under its lock."""
    check_fields(spec.budget, "study")
    proposer = make_proposer(spec, spec.name)
    if spec.num_trials is None and proposer.num_points is None:
        raise ConfigError("study.n_trials: null means the whole grid and needs sampler=grid. Give a number of trials.")
    base = spec.configure({})
    rows = check_data(spec, base)
    definition = define(spec, base, rows.card)
    name = spec.name
    if spec.is_versioned:
        # The proposer is made again: its Optuna study carries the name.
        name = f"{name}-{definition.fingerprint[:8]}"
        proposer = make_proposer(spec, name)
    batch = spec.budget.batch or trials_at_once(spec, proposer, base, rows.members_of(spec.budget.n_seeds))
    plan = make_plan(spec, name, rows, batch)
    if spec.results is not None:
        try_new_folders(spec.results(name))
    with hold(plan.folder):
        try:
            return _run_locked(spec, plan, proposer, definition, base, interruption)
        finally:
            if not _has_events(plan.folder / "spool.jsonl"):
                shutil.rmtree(plan.folder, ignore_errors=True)


def _has_events(spool: Path) -> bool:
    return spool.exists() and spool.stat().st_size > 0


def _run_locked(
    spec: StudySpec,
    plan: Plan,
    proposer: Proposer,
    definition: Definition,
    base: Config,
    interruption: Interruption,
) -> Outcome:
    """Run a study whose lock is held: past, workers, spool, tracker, driver, conclusion."""
    path = plan.folder / "spool.jsonl"
    ledger = Ledger(plan.metric, plan.spec.direction)
    identity = resume.recall(path, ledger, definition)
    over = resume.is_over(ledger, plan.spec.num_trials, proposer.num_points)
    asked = [("", base), *(spec.checks(spec.space) if identity is None else ())]
    with _workers(spec, plan, asked, over) as workers:
        spool = spools.Spool(path)
        if identity is None:
            spool.append(study_event(spec, plan, definition, base), durable=True)
        # Every start leaves an event: reproductions read the threads that a training had from it.
        spool.append(Start(os.getpid(), plan.num_workers, plan.threads))
        tracker = tracker_of(spec.config)
        tracker.start(path)
        # A daemon: this study does not wait for others' uploads.
        threading.Thread(target=_settle_others, args=(tracker, plan.folder.parent), daemon=True).start()
        total = min(limit for limit in (plan.spec.num_trials, proposer.num_points) if limit is not None)
        with Display(spec.name, plan, ledger, total, spec.naming) as shown:
            driver = Driver(
                plan, ledger=ledger, record=Journal(spool, ledger), proposer=proposer, workers=workers, shown=shown
            )
            error = _drive(driver, interruption)
        if error is None and not spec.may_fail:
            error = conclusion.without_result(ledger, driver.stop_reason)
        results = spec.results(plan.name) if spec.results is not None else None
        presentation = conclusion.Presentation(results=results, is_shown=spec.is_shown, reference=spec.reference)
        conclusion.conclude(spec.command, driver, spool, tracker, error, presentation)
        spool.close()
    over = resume.is_over(ledger, plan.spec.num_trials, proposer.num_points)
    return Outcome(plan.name, plan.folder, plan.metric, ledger, over)


def _settle_others(tracker: Tracker, studies: Path) -> None:
    """Put right what killed drivers of other studies left open in MLflow; what fails now is left to the next start."""
    with contextlib.suppress(EksploraError):
        for _ in sync_all(tracker, studies, counts_runs=False):
            pass


@contextlib.contextmanager
def _workers(spec: StudySpec, plan: Plan, checks: Sequence[tuple[str, Config]], over: bool) -> Iterator[Launcher]:
    """The study's workers, configurations checked in the first; none when nothing is left to train."""
    workers, notice = LocalLauncher(spec.work), ""
    try:
        if not over:
            count = f"{plan.num_workers} worker{'s' * (plan.num_workers > 1)}"
            with Work(spec.name) as starting:
                starting.step(f"starting {count}")
                # The first one waits for the server's imports; the others are forked from it at once.
                first = workers.add_first()
                for name, config in checks:
                    found = _check(workers, first, name, config)
                    if not name:  # the study's own configuration
                        check_idle(spec.space, found)
                        notice = found.notice
            if notice:
                _say(notice)
            for _ in range(plan.num_workers - 1):
                workers.add()
        yield workers
    except BaseException:
        workers.kill()
        raise
    workers.close()


@cache
def _say(notice: str) -> None:
    """Say what is to be known of a configuration, once in a command."""
    print(notice, file=sys.stderr)


def check_idle(space: Space, found: Checked) -> None:
    """Refuse a search over what does nothing.

    Raises:
        ConfigError: Naming the first such key.
    """
    if not any(parameter.key in ("model", "function") for parameter in space):  # another choice may use it
        for parameter in space:
            if parameter.key.partition(".")[0] in found.idle:
                reason = found.notice.partition(":")[0]
                raise ConfigError(
                    f"space.params.{parameter.key}: it would be searched in vain, because {reason}. "
                    f"Search its own keys, and drop this one: ~space.params.{parameter.key}."
                )


def _check(workers: Launcher, first: Worker, name: str, config: Config) -> Checked:
    """Have a worker build a configuration, before anything is written; errors begin with its name."""
    workers.check(first, config)
    while True:
        for message in workers.poll(1.0):
            if message.kind == "refused" and name and isinstance(message.value, ConfigError):
                raise ConfigError(f"{name}: {message.value}")
            if message.kind == "refused":
                raise message.value
            if message.kind == "error":
                reason = message.value.strip().rpartition("\n")[2]
                line = f"the configuration cannot be built ({reason}). HYDRA_FULL_ERROR=1 shows where."
                raise WorkerError(line) from RuntimeError(message.value)
            if message.kind == "died":
                raise WorkerError(f"a worker died while it built the configuration ({message.value}).")
            if message.kind == "done":
                return message.value or Checked()


def _drive(driver: Driver, interruption: Interruption) -> EksploraError | None:
    """Run the driver; errors and interruptions are handed back, the study is concluded first."""
    try:
        with interruption.stops(driver):
            driver.run()
    except EksploraError as error:
        return error
    return interrupted(interruption.number) if interruption.number else None
