"""The parts of a study from its request: checked settings, checked data, the proposer and the plan."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eksplora.config import Request, completed, part, sampler_factory
from eksplora.config.schema import Study
from eksplora.console.work import begin
from eksplora.errors import ConfigError
from eksplora.search.space import Space, extremes
from eksplora.study.packing import filling_batch, learning_batch
from eksplora.study.plan import Plan
from eksplora.types import Config

if TYPE_CHECKING:  # Optuna comes with it, and settings are checked before anything slow is imported
    from eksplora.search.proposer import Proposer


def check_settings(study: Study, num_trials: int | None) -> None:
    """Refuse budgets and counts that mean nothing.

    Raises:
        ConfigError: Naming the key.
    """
    least: dict[str, tuple[float | None, float]] = {
        "n_trials": (num_trials, 1),
        "n_members": (study.n_members, 1),
        "batch": (study.batch, 1),
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


def begin_study(request: Request) -> None:
    """Say that a command begins that trains, if it can.

    Raises:
        ConfigError: If its budget means nothing.
    """
    check_settings(request.settings.study, request.settings.study.n_trials)
    begin(request.root, request.settings.experiment)


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def make_proposer(request: Request, name: str, space: Space) -> "Proposer":
    """The proposer of a study.

    With a batch of one, two results per further worker are not waited for: all have work while it is decided. With a
    larger batch it is one batch per further worker.
    """
    from eksplora.search.proposer import Proposer

    study: Study = request.settings.study
    batch, workers = study.batch or learning_batch(space), study.workers or num_cores()
    return Proposer(
        space=space,
        sampler=sampler_factory(request.config, space),
        pruner=part(request.config, "pruner"),
        direction=request.settings.objective.direction,
        seed=study.seed,
        name=name,
        batch=batch,
        lag=max(batch, 2) * (workers - 1),
    )


def trials_at_once(request: Request, proposer: "Proposer", base: Config, num_splits: int) -> int:
    """Trials that are proposed at once when `study.batch` is null."""
    if proposer.has_memory or is_judged(request):
        return proposer.batch
    study: Study = request.settings.study
    return filling_batch(base, study.n_members * num_splits, study.workers or num_cores())


def is_judged(request: Request) -> bool:
    """Whether a pruner is at work."""
    return request.choices.get("pruner") != "none"


def make_plan(
    request: Request,
    name: str,
    num_trials: int | None,
    configure: Callable[[Mapping[str, Any]], Config],
    rows: "Rows",
    batch: int,
    *,
    test_rows: int,
) -> Plan:
    """The plan of a study: one worker per core but no more than trainings, and the cores divided among them."""
    study: Study = request.settings.study
    most = num_cores() if num_trials is None else num_trials * study.n_members * len(rows.sizes)
    workers = study.workers or max(1, min(num_cores(), most))
    return Plan(
        name=name,
        folder=Path(request.settings.paths.mlruns) / "studies" / name,
        experiment=request.settings.experiment,
        metric=f"{'val' if rows.validates else 'train'}/{request.settings.objective.metric}",
        direction=request.settings.objective.direction,
        seed=study.seed,
        num_trials=num_trials,
        num_seeds=study.n_members,
        sizes=rows.sizes,
        batch=batch,
        num_workers=workers,
        threads=study.threads or max(1, num_cores() // workers),
        timeout_seconds=study.timeout_seconds,
        max_failures=study.max_failures,
        checkpoint_seconds=study.checkpoint_seconds,
        is_judged=is_judged(request),
        test_rows=test_rows,
        configure=configure,
        tags={key: request.choices[key] for key in ("sampler", "pruner") if key in request.choices},
    )


@dataclass(frozen=True)
class Rows:
    """The data as a study uses them.

    Attributes:
        card: The data's card.
        sizes: Rows to learn from in each of the protocol's splits.
        validates: Whether every split has rows that validate.
    """

    card: Mapping[str, Any]
    sizes: Sequence[int]
    validates: bool


def check_data(base: Config, space: Space) -> Rows:
    """Prepare the data when needed, and check protocol and batch sizes against them.

    Raises:
        ConfigError: If a batch is larger than the rows to learn from, or trials are to be compared and no
            row validates.
        DataError: If data are missing or altered.
    """
    from eksplora.data.arrays import check_batch_size

    data = {"batch_size": "full"} | base["data"]  # a baseline states none
    dataset = part({"data": data}, "data")
    card: dict[str, Any] = dataset.prepare()
    _, targets = dataset.open("train")
    splits = completed(base, "protocol", targets=targets)
    sizes, validates = [len(split.train) for split in splits], all(len(split.validation) for split in splits)
    if space and not validates:
        raise ConfigError("protocol=full: no row validates, so trials cannot be compared. Choose holdout or kfold.")
    searched = [value for parameter in space if parameter.key == "data.batch_size" for value in extremes(parameter)]
    for size in [data["batch_size"], *searched]:
        check_batch_size(size, min(sizes))
    return Rows(card, sizes, validates)
