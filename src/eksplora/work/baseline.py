"""Work on a job of baselines: fit scikit-learn's estimators to the rows that networks would learn from.

An estimator gets what a network gets: features scaled by the rows to learn from, float32, an image as one row of its
pixels; targets scaled where `data.target_scaling` says so; the member's seed. It is judged by the same metric.
"""

import inspect
import json
import math
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.dummy  # imported once, before workers are forked
import sklearn.ensemble
import sklearn.neural_network  # noqa: F401
import torch
import torchmetrics  # noqa: F401
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from eksplora.config import part, protocol_splits
from eksplora.config.compatibility import task_of
from eksplora.data.arrays import TrainingArrays, fold_arrays
from eksplora.data.dataset import Dataset
from eksplora.errors import ConfigError
from eksplora.records.validation import write_validation
from eksplora.types import Config, Cut, Job, Member, MemberResult, Report, Split, Status, Training
from eksplora.work.measurement import PartRows, validation_of, value_of

ANY_MEMBER = Member(index=0, seed=0)
"""Stands for the members of a trial where no particular one is meant."""
POLL_SECONDS = 0.2
"""A request to stop is seen at most so late."""


def run(kind: str, value: Any, report: Report) -> None:
    """Serve a worker's request: `job` fits a `Job`, `check` fits for one pass to see that all goes together."""
    if kind == "check":
        check(value)
        return
    job: Job = value
    torch.set_num_threads(job.threads)
    with threadpool_limits(job.threads):
        for training in job.trainings:
            result = fit_unless_stopped(training, report)
            if result is None:
                return  # there are no checkpoints of it: the same command fits it from the start
            report.member(result)


def fit_unless_stopped(training: Training, report: Report) -> MemberResult | None:
    """Fit one member; None as soon as a stop is asked for, because scikit-learn cannot be asked to end a fit."""
    future: Future[MemberResult] = Future()

    def work() -> None:
        try:
            future.set_result(fit(training))
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()  # left behind by a stop, it ends with this process
    while not report.stop_requested():
        if wait([future], timeout=POLL_SECONDS).done:
            return future.result()
    return None


def fit(training: Training) -> MemberResult:
    """Fit one member; what scikit-learn warns of (a fit that did not converge) is the result's message."""
    started, config, member = time.monotonic(), training.config, training.member
    fold = folds_of(config, member)[member.fold]
    estimator = estimator_of(config, member.seed)
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        _fitted(config, estimator, fold)
    keep_validation(training, estimator, fold)
    name = config["objective"]["metric"]
    parts = {"train": fold.split.train, "val": fold.split.validation}
    curves = {f"{part}/{name}": [score(config, estimator, fold, rows)] for part, rows in parts.items()}
    value = curves[f"val/{name}"][0]
    return MemberResult(
        trial=training.trial,
        member=member.index,
        status=Status.FINISHED if math.isfinite(value) else Status.DIVERGED,
        value=value if math.isfinite(value) else None,
        best_epoch=1,
        epochs=1,
        step=int(getattr(estimator, "n_iter_", 1)),
        seconds=time.monotonic() - started,
        curves=curves,
        message=" ".join(dict.fromkeys(_one_line(warning.message) for warning in noted)),
    )


def _fitted(config: Config, estimator: Any, fold: TrainingArrays) -> None:
    """Fit an estimator to the rows to learn from, with their weights where they have some.

    Raises:
        ConfigError: If it cannot take weights.
    """
    weights = PartRows.of(dataset_of(config), "train").weights_at(fold.split.train)
    known = {} if weights is None else {"sample_weight": weights}
    if known and "sample_weight" not in inspect.signature(estimator.fit).parameters:
        raise ConfigError(
            f"baseline: {type(estimator).__name__} takes no weights of rows, which these data have. "
            "Choose another baseline."
        )
    estimator.fit(features_of(fold, fold.split.train), learned(fold), **known)


def tested(config: Config, seed: int) -> NDArray[np.float64]:
    """Predictions of the test part by an estimator that was fitted to all rows of the training part, (rows, columns).

    Args:
        config: Its data, task and baseline.
        seed: Of an estimator that draws at random.
    """
    dataset = dataset_of(config)
    every = np.arange(dataset.rows("train"))
    (fold,) = fold_arrays(dataset, [Split(train=every, validation=every[:0])])
    estimator = estimator_of(config, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _fitted(config, estimator, fold)
    features = np.array(dataset.open("test")[0])
    rows = np.arange(len(features))
    found = predicted(config, estimator, replace(fold, features=fold.scaled(features)), rows)
    return found.reshape(len(rows), -1).astype(np.float64)


def keep_validation(training: Training, estimator: Any, fold: TrainingArrays) -> None:
    """Write what an estimator predicts for the rows that it validates on, as for a network."""
    rows = fold.split.validation
    if not len(rows):
        return
    task, config = part(training.config, "task"), training.config
    wanted = task.metric_target(task.target(torch.from_numpy(fold.targets[rows])))
    numbers = torch.from_numpy(predicted(config, estimator, fold, rows))
    part_rows = PartRows.of(dataset_of(config), "train")
    write_validation(Path(training.folder), validation_of(config, fold.split, part_rows, numbers, wanted))


def dataset_of(config: Config) -> Dataset:
    """Data set of a configuration; a baseline takes all rows at once, so its configuration has no size of a batch."""
    dataset: Dataset = part({"data": config["data"] | {"batch_size": 1}}, "data")
    return dataset


def folds_of(config: Config, member: Member = ANY_MEMBER) -> tuple[TrainingArrays, ...]:
    """The folds that a configuration's protocol makes for a member; kept: the next trial wants the same."""
    data = {"data": config["data"] | {"batch_size": 1}, "protocol": config["protocol"]}
    return _folds(json.dumps(data), member.cut)


@lru_cache(maxsize=1)
def _folds(text: str, cut: Cut) -> tuple[TrainingArrays, ...]:
    config = json.loads(text)
    dataset = part(config, "data")
    splits = protocol_splits(config, dataset, cut)
    return fold_arrays(dataset, splits)


def features_of(fold: TrainingArrays, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scaled features of some rows, an image as one row of its pixels."""
    return fold.features[rows].reshape(len(rows), -1)


def estimator_of(config: Config, seed: int) -> Any:
    """The estimator of a configuration; one that draws at random gets the seed."""
    estimator = part(config, "baseline")
    return estimator.set_params(random_state=seed) if "random_state" in estimator.get_params() else estimator


def learned(fold: TrainingArrays) -> NDArray[Any]:
    """The targets to learn: classes as they are; numbers scaled, a single column flat, as scikit-learn wants them."""
    targets = fold.targets[fold.split.train]
    if targets.ndim == 1:
        return targets
    scaled = fold.target_scaling.scaled(targets)
    return scaled.ravel() if scaled.shape[1] == 1 else scaled


def score(config: Config, estimator: Any, fold: TrainingArrays, rows: NDArray[np.int64]) -> float:
    """The objective's metric on some rows."""
    task = part(config, "task")
    targets = task.metric_target(task.target(torch.from_numpy(fold.targets[rows])))
    numbers = torch.from_numpy(predicted(config, estimator, fold, rows))
    return value_of(config, numbers, targets, PartRows.of(dataset_of(config), "train"), rows)


def predicted(config: Config, estimator: Any, fold: TrainingArrays, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Input of the metric, float32.

    Returns:
        Probabilities (rows, classes), for `task=binary` of class 1, (rows,); or numbers (rows, targets) in their unit.
    """
    if fold.targets.ndim > 1:
        return fold.target_scaling.in_unit(estimator.predict(features_of(fold, rows)).reshape(len(rows), -1))
    probabilities = np.zeros((len(rows), config["data"]["num_classes"]), dtype=np.float32)
    probabilities[:, estimator.classes_] = estimator.predict_proba(
        features_of(fold, rows)
    )  # it knows those it has seen
    return probabilities[:, 1] if task_of(config) == "binary" else probabilities


def check(config: Config) -> None:
    """Fit for one pass and judge the fit.

    Raises:
        ConfigError: Naming the part whose value cannot be used.
    """
    fold, estimator = folds_of(config)[0], estimator_of(config, 0)
    if "max_iter" in estimator.get_params():
        estimator.set_params(max_iter=min(estimator.max_iter, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one pass does not converge
        with _names("baseline"):
            _fitted(config, estimator, fold)
        with _names("objective"):
            score(config, estimator, fold, fold.split.validation)


@contextmanager
def _names(key: str) -> Iterator[None]:
    """Turn what is raised inside into an error that names the key."""
    try:
        yield
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{key}: {_one_line(error)} See the files in conf/{key}/ for what it takes.") from error


def _one_line(error: Warning | Exception | str) -> str:
    return " ".join(str(error).split())
