"""A study from a checked request to its conclusion; `search` and `train` are both studies."""

import contextlib
import os
import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eksplora import build, provenance
from eksplora.errors import ConfigError, EksploraError, StudyError, WorkerError
from eksplora.launch.local import LocalWorkers
from eksplora.report.progress import Progress
from eksplora.schema import SearchConfig, Study
from eksplora.search.proposer import Proposer
from eksplora.search.space import Space, describe, extremes
from eksplora.stage import _conclusion, _past
from eksplora.stage._driver import Driver
from eksplora.stage._interruption import Interruption, interrupted
from eksplora.stage._ledger import Ledger
from eksplora.stage._lock import hold
from eksplora.stage._plan import Plan
from eksplora.stage._record import Record, as_yaml
from eksplora.stage.sync import sync_all
from eksplora.tracker import spool as spools
from eksplora.tracker._base import Tracker
from eksplora.types import Config

WORK = "eksplora.stage._job:run"
"""What a worker runs for each job."""


@dataclass(frozen=True)
class Definition:
    """What makes a study that study: if any of it changes, results would no longer belong together."""

    values: Mapping[str, Any]

    def differences(self, recorded: Mapping[str, Any]) -> list[str]:
        """Each changed key with its recorded and its present value."""
        keys = dict.fromkeys([*recorded, *self.values])
        return [
            f"{key}: {recorded.get(key, 'absent')} -> {self.values.get(key, 'absent')}"
            for key in keys
            if recorded.get(key) != self.values.get(key)
        ]


def run_study(request: build.Request, *, name: str, space: Space, num_trials: int | None, work: str = WORK) -> None:
    """Run a study, or go on with it where it was left.

    Args:
        request: The checked request.
        name: Name of the study: its folder and its MLflow run.
        space: What is searched; empty for one configuration.
        num_trials: Trials in all, over every resumption; None: the whole grid.
        work: What trains a job, as `package.module:function`.

    Raises:
        UserError: For what the user can mend; nothing is left half-written.
        WorkerError: If workers keep dying or too many trials fail.
        Interrupted: After Ctrl-C or SIGTERM; the same command goes on.
    """
    with Interruption() as interruption:
        _run(request, name, space, num_trials, work, interruption)


def _run(
    request: build.Request, name: str, space: Space, num_trials: int | None, work: str, interruption: Interruption
) -> None:
    """Make the study's parts, then run it under its lock."""
    settings: SearchConfig = request.settings
    check_settings(settings.study, num_trials)
    configure = build.Configurator(request.root, request.overrides)
    build.check_space(space, configure)
    sampler = build.sampler_factory(request.config, space)
    plan = make_plan(request, name, num_trials, configure)
    proposer = Proposer(
        space=space,
        sampler=sampler,
        pruner=build.part(request.config, "pruner"),
        direction=plan.direction,
        seed=plan.seed,
        name=name,
        lag=2 * (plan.num_workers - 1),
    )
    if num_trials is None and proposer.num_points is None:
        raise ConfigError("study.n_trials: null means the whole grid and needs sampler=grid. Give a number of trials.")
    base = configure({})
    card = check_data(base, space)
    definition = define(request, base, space, card)
    with hold(plan.folder):
        try:
            _run_locked(request, plan, proposer, definition, base, work, interruption)
        finally:
            if not _has_events(plan.folder / "spool.jsonl"):
                shutil.rmtree(plan.folder, ignore_errors=True)


def _has_events(spool: Path) -> bool:
    return spool.exists() and spool.stat().st_size > 0


def check_settings(study: Study, num_trials: int | None) -> None:
    """Refuse budgets and counts that mean nothing.

    Raises:
        ConfigError: Naming the key.
    """
    least: dict[str, tuple[float | None, float]] = {
        "n_trials": (num_trials, 1),
        "n_members": (study.n_members, 1),
        "workers": (study.workers, 1),
        "threads": (study.threads, 1),
        "max_failures": (study.max_failures, 0),
    }
    for key, (value, bound) in least.items():
        if value is not None and value < bound:
            raise ConfigError(f"study.{key} must be at least {bound}, got {value}. Give a larger number.")
    for key in ("timeout_seconds", "checkpoint_seconds"):
        value = getattr(study, key)
        if value is not None and value <= 0:
            raise ConfigError(f"study.{key} must be positive, got {value:g}. Give a number of seconds.")


def make_plan(request: build.Request, name: str, num_trials: int | None, configure: build.Configurator) -> Plan:
    """The plan of a study; cores are divided among its workers."""
    study: Study = request.settings.study
    cores = len(os.sched_getaffinity(0))
    most = num_trials if num_trials is not None else cores
    num_workers = study.workers or max(1, min(cores, most))
    return Plan(
        name=name,
        folder=Path(request.settings.paths.mlruns) / "studies" / name,
        experiment=request.settings.experiment,
        direction=request.settings.objective.direction,
        seed=study.seed,
        num_trials=num_trials,
        num_members=study.n_members,
        num_workers=num_workers,
        threads=study.threads or max(1, cores // num_workers),
        timeout_seconds=study.timeout_seconds,
        max_failures=study.max_failures,
        checkpoint_seconds=study.checkpoint_seconds,
        is_judged=request.choices.get("pruner") != "none",
        configure=configure,
        tags={key: request.choices[key] for key in ("sampler", "pruner") if key in request.choices},
    )


def check_data(base: Config, space: Space) -> dict[str, Any]:
    """Prepare the data when needed, and check every batch size against the rows to learn from.

    Returns:
        The data's card.
    """
    from eksplora.data._arrays import check_batch_size

    dataset = build.part(base, "data")
    card: dict[str, Any] = dataset.prepare()
    _, targets = dataset.open("train")
    rows = len(build.part(base, "protocol")(targets=targets).train)
    searched = [value for parameter in space if parameter.key == "data.batch_size" for value in extremes(parameter)]
    for size in [base["data"]["batch_size"], *searched]:
        check_batch_size(size, rows)
    return card


def define(request: build.Request, base: Config, space: Space, card: Mapping[str, Any]) -> Definition:
    """Everything on which the study's results depend, as flat keys that a user can recognize."""
    values = build.flatten({key: value for key, value in base.items() if key != "paths"})
    ignored = {"data.root", "data.source_dir", "data.url"}
    values = {key: value for key, value in values.items() if key not in ignored}
    values |= {f"space.params.{parameter.key}": describe(parameter) for parameter in space}
    values |= build.flatten({key: request.config[key] for key in ("sampler", "pruner")})
    values |= {"study.seed": request.settings.study.seed, "study.n_members": request.settings.study.n_members}
    values |= {f"data.{name}.sha256": entry["sha256"] for name, entry in card["arrays"].items()}
    facts = provenance.collect(build.CONF.parent)
    values |= {key: facts[key] for key in ("code.sha256", "version.torch", "version.pytorch-lightning")}
    return Definition(values)


def _run_locked(
    request: build.Request,
    plan: Plan,
    proposer: Proposer,
    definition: Definition,
    base: Config,
    work: str,
    interruption: Interruption,
) -> None:
    """Run a study whose lock is held: past, workers, spool, tracker, driver, conclusion."""
    path = plan.folder / "spool.jsonl"
    metric = f"val/{request.settings.objective.metric}"
    ledger = Ledger(metric, plan.direction)
    identity = _past.recall(path, ledger, definition)
    over = _past.is_over(ledger, plan.num_trials, proposer.num_points)
    with _workers(work, plan, base, over) as workers:
        spool = spools.Spool(path)
        if identity is None:
            spool.append("study", durable=True, **_study_event(request, plan, proposer, definition, base, metric))
        spool.append("start", pid=os.getpid(), workers=plan.num_workers, threads=plan.threads)
        tracker = build.part(request.config, "tracker")
        tracker.start(path)
        threading.Thread(target=_settle_others, args=(tracker, plan.folder.parent), daemon=True).start()
        total = min(limit for limit in (plan.num_trials, proposer.num_points) if limit is not None)
        with Progress(title=plan.name, total=total, done=ledger.num_over, metric=metric) as progress:
            driver = Driver(
                plan, ledger=ledger, record=Record(spool), proposer=proposer, workers=workers, progress=progress
            )
            error = _drive(driver, interruption)
        _conclusion.conclude(request, driver, spool, tracker, error)


def _settle_others(tracker: Tracker, studies: Path) -> None:
    """Put right what killed drivers of other studies left open in MLflow; what fails now is left to the next start."""
    with contextlib.suppress(EksploraError):
        for _ in sync_all(tracker, studies):
            pass


@contextlib.contextmanager
def _workers(work: str, plan: Plan, base: Config, over: bool) -> Iterator[LocalWorkers]:
    """The study's workers, the base configuration checked in the first; none when nothing is left to train."""
    workers = LocalWorkers(work)
    try:
        if not over:
            first = workers.add()
            _check_base(workers, first, base)
            for _ in range(plan.num_workers - 1):
                workers.add()
        yield workers
    except BaseException:
        workers.kill()
        raise
    workers.close()


def _check_base(workers: LocalWorkers, first: Any, base: Config) -> None:
    """Have a worker build the base configuration, before anything is written."""
    workers.check(first, base)
    while True:
        for message in workers.poll(1.0):
            if message.kind == "refused":
                raise message.value
            if message.kind == "error":
                raise WorkerError(f"the configuration cannot be built: {message.value}")
            if message.kind == "died":
                raise WorkerError(f"a worker died while starting (exit code {message.value}).")
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


def _study_event(
    request: build.Request, plan: Plan, proposer: Proposer, definition: Definition, base: Config, metric: str
) -> dict[str, Any]:
    """The first event of a spool: what the study is, and where it comes from."""
    root = build.CONF.parent
    space = {key: value for key, value in definition.values.items() if key.startswith("space.")}
    settings = {
        key: value
        for key, value in build.flatten(request.config).items()
        if key.startswith(("study.", "sampler.", "pruner.")) and not key.endswith("._partial_")
    }
    return {
        "id": uuid.uuid4().hex,
        "name": plan.name,
        "experiment": plan.experiment,
        "metric": metric,
        "direction": plan.direction,
        "params": settings | space | build.flatten({key: base[key] for key in ("objective", "trainer", "protocol")}),
        "tags": dict(plan.tags),
        "provenance": {**provenance.collect(root), **_data_hashes(definition), "threads": str(plan.threads)},
        "texts": {
            "space.yaml": as_yaml({key.removeprefix("space.params."): value for key, value in space.items()}),
            "config.yaml": as_yaml(request.config),
            "changes.diff": provenance.diff(root),
        },
        "definition": dict(definition.values),
    }


def _data_hashes(definition: Definition) -> dict[str, str]:
    """The hashes of the prepared arrays, by name."""
    return {
        key: str(value)
        for key, value in definition.values.items()
        if key.startswith("data.") and key.endswith(".sha256")
    }


__all__ = ["StudyError", "run_study"]
