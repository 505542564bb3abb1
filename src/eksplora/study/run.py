"""A study from a checked request to its conclusion; every stage that trains is made of studies."""

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from eksplora.config import Configurator, Request, check_space, samples
from eksplora.config.schema import SearchConfig
from eksplora.console.work import Work
from eksplora.errors import ConfigError, EksploraError, WorkerError
from eksplora.events import spool as spools
from eksplora.files import try_new_folders
from eksplora.launch.local import LocalWorkers
from eksplora.launch.signals import cause_of_death
from eksplora.search.proposer import Proposer
from eksplora.search.space import Space
from eksplora.study import conclusion, resume
from eksplora.study.conclusion import fruitless
from eksplora.study.definition import Definition, define, study_event
from eksplora.study.display import Naming, Shown
from eksplora.study.driver import Driver
from eksplora.study.interruption import Interruption, interrupted
from eksplora.study.journal import Record
from eksplora.study.ledger import Ledger
from eksplora.study.lock import hold
from eksplora.study.plan import Plan
from eksplora.study.setup import Rows, check_data, check_settings, make_plan, make_proposer, trials_at_once
from eksplora.study.sync import sync_all
from eksplora.study.tracking import tracker_of
from eksplora.tracker.base import Tracker
from eksplora.types import Config

WORK = "eksplora.work.job:run"
"""What a worker runs for each job."""

Configure = Callable[[Mapping[str, Any]], Config]
"""Values of a trial -> its resolved configuration."""


@dataclass(frozen=True)
class Study:
    """A study to run.

    Attributes:
        name: Its name: its folder and its MLflow run.
        space: What is searched; empty for one configuration.
        num_trials: Trials in all, over every resumption; None: the whole grid.
        work: What trains a job, as `package.module:function`.
        configure: What makes configurations of a space that is known to be good; None: the request's own overrides,
            against which the space is checked.
        depends: What its results depend on besides request and space, as flat keys.
        results: Where a finished study's files go, from its name; None: they stay in the study's own folder.
        is_shown: Whether it ends with its table.
        test_rows: Rows of the test part on which finished members are measured, to be told, not to choose by; 0: none.
        parent: Id and name of the exploration that it is part of.
        reference: The objective of the members of the experiment's own configuration, to compare the best trials with.
        naming: What a person calls the configuration of a trial, from its values; None: trials go by their numbers.
        may_fail: Whether the command goes on when not one trial finishes: what comes after does not rest on it.
    """

    name: str
    space: Space
    num_trials: int | None
    work: str = WORK
    configure: Configure | None = None
    depends: Mapping[str, Any] = field(default_factory=dict)
    results: Callable[[str], Path] | None = None
    is_shown: bool = True
    test_rows: int = 0
    parent: tuple[str, str] | None = None
    reference: Sequence[float] | None = None
    naming: Naming | None = None
    may_fail: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a study.

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


def run_study(request: Request, study: Study) -> Outcome:
    """Run a study, or go on with it where it was left.

    Raises:
        UserError: For what the user can mend; nothing is left half-written.
        WorkerError: If workers keep dying, too many trials fail, or not one of them finished.
        Interrupted: After Ctrl-C or SIGTERM; the same command goes on.
    """
    with Interruption() as interruption:
        return _run(request, study, interruption)


def _run(request: Request, study: Study, interruption: Interruption) -> Outcome:
    """Make the study's parts, then run it under its lock."""
    settings: SearchConfig = request.settings
    check_settings(settings.study, study.num_trials)
    checks: Callable[[], Iterable[tuple[str, Config]]] = list
    configure = study.configure
    if configure is None:
        own = configure = Configurator(request.root, request.overrides)
        check_space(study.space, own)
        checks = partial(samples, study.space, own)
    proposer = make_proposer(request, study.name, study.space)
    if study.num_trials is None and proposer.num_points is None:
        raise ConfigError("study.n_trials: null means the whole grid and needs sampler=grid. Give a number of trials.")
    base = configure({})
    rows = check_data(base, study.space)
    definition = define(request, base, study.space, rows.card, study.depends)
    name = study.name
    if settings.study.versioned:
        name = f"{name}-{definition.fingerprint[:8]}"
        proposer = make_proposer(request, name, study.space)
    plan = _plan(request, study, name, configure, proposer, rows, base)
    if study.results is not None:
        try_new_folders(study.results(name))
    with hold(plan.folder):
        try:
            return _run_locked(request, study, plan, proposer, definition, base, checks, interruption)
        finally:
            if not _has_events(plan.folder / "spool.jsonl"):
                shutil.rmtree(plan.folder, ignore_errors=True)


def _plan(
    request: Request,
    study: Study,
    name: str,
    configure: Configure,
    proposer: Proposer,
    rows: Rows,
    base: Config,
) -> Plan:
    batch = request.settings.study.batch or trials_at_once(request, proposer, base, len(rows.sizes))
    return make_plan(request, name, study.num_trials, configure, rows, batch, test_rows=study.test_rows)


def _has_events(spool: Path) -> bool:
    return spool.exists() and spool.stat().st_size > 0


def _run_locked(
    request: Request,
    study: Study,
    plan: Plan,
    proposer: Proposer,
    definition: Definition,
    base: Config,
    checks: Callable[[], Iterable[tuple[str, Config]]],
    interruption: Interruption,
) -> Outcome:
    """Run a study whose lock is held: past, workers, spool, tracker, driver, conclusion."""
    path = plan.folder / "spool.jsonl"
    ledger = Ledger(plan.metric, plan.direction)
    identity = resume.recall(path, ledger, definition)
    over = resume.is_over(ledger, plan.num_trials, proposer.num_points)
    asked = [("", base), *(checks() if identity is None else ())]
    with _workers(study, plan, asked, over) as workers:
        spool = spools.Spool(path)
        if identity is None:
            spool.append("study", durable=True, **study_event(request, plan, definition, base, study.parent))
        spool.append("start", pid=os.getpid(), workers=plan.num_workers, threads=plan.threads)
        tracker = tracker_of(request.config)
        tracker.start(path)
        threading.Thread(target=_settle_others, args=(tracker, plan.folder.parent), daemon=True).start()
        total = min(limit for limit in (plan.num_trials, proposer.num_points) if limit is not None)
        with Shown(study.name, plan, ledger, total, study.naming) as shown:
            driver = Driver(plan, ledger=ledger, record=Record(spool), proposer=proposer, workers=workers, shown=shown)
            error = _drive(driver, interruption)
        if error is None and not study.may_fail:
            error = fruitless(ledger, driver.stop_reason)
        results = study.results(plan.name) if study.results is not None else None
        ending = conclusion.Ending(results=results, is_shown=study.is_shown, reference=study.reference)
        conclusion.conclude(request, driver, spool, tracker, error, ending)
        spool.close()
    over = resume.is_over(ledger, plan.num_trials, proposer.num_points)
    return Outcome(plan.name, plan.folder, plan.metric, ledger, over)


def _settle_others(tracker: Tracker, studies: Path) -> None:
    """Put right what killed drivers of other studies left open in MLflow; what fails now is left to the next start."""
    with contextlib.suppress(EksploraError):
        for _ in sync_all(tracker, studies, counts_runs=False):
            pass


@contextlib.contextmanager
def _workers(study: Study, plan: Plan, checks: Sequence[tuple[str, Config]], over: bool) -> Iterator[LocalWorkers]:
    """The study's workers, configurations checked in the first; none when nothing is left to train."""
    workers = LocalWorkers(study.work)
    try:
        if not over:
            count = f"{plan.num_workers} worker{'s' * (plan.num_workers > 1)}"
            with Work(study.name) as starting:
                starting.step(f"starting {count}")
                first = workers.add_first()
                for name, config in checks:
                    _check(workers, first, name, config)
            for _ in range(plan.num_workers - 1):
                workers.add()
        yield workers
    except BaseException:
        workers.kill()
        raise
    workers.close()


def _check(workers: LocalWorkers, first: Any, name: str, config: Config) -> None:
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
                told = f"the configuration cannot be built ({reason}). HYDRA_FULL_ERROR=1 shows where."
                raise WorkerError(told) from RuntimeError(message.value)
            if message.kind == "died":
                raise WorkerError(f"a worker died while it built the configuration ({cause_of_death(message.value)}).")
            if message.kind == "done":
                return


def _drive(driver: Driver, interruption: Interruption) -> EksploraError | None:
    """Run the driver; errors and interruptions are handed back, the study is concluded first."""
    try:
        with interruption.stops(driver):
            driver.run()
    except EksploraError as error:
        return error
    return interrupted(interruption.number) if interruption.number else None
