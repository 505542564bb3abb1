"""Work on a member whose training is a function of a user's own: `train(config, seed, split, report) -> value`.

The function runs in a thread of its own, so that a request to stop is heard while it computes.
"""

import inspect
import math
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.base  # noqa: F401  # imported once, before workers are forked
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from eksplora.config import part
from eksplora.config.compatibility import task_of
from eksplora.config.folders import import_own_parts
from eksplora.config.located import located
from eksplora.config.parts import check_part
from eksplora.errors import ConfigError, EksploraError, place_of
from eksplora.records.validation import write_validation
from eksplora.training.recipe import Fold
from eksplora.types import Checked, Config, Decision, EpochReport, Job, Member, MemberResult, Report, Status, Training
from eksplora.work.building import folds_of, one_line
from eksplora.work.measurement import PartRows, validation_of, value_of

ANY_MEMBER = Member(index=0, seed=0)
POLL_SECONDS = 0.1
"""A request to stop is seen at most so late."""

TOLERANCE = 1e-3
"""Greatest relative difference between a returned value and the metric of the returned predictions."""

PARAMETERS = ("config", "seed", "split", "report")
NOTICE = (
    "{name} is a function: it trains each member by itself, and begins anew after a stop; no network comes of it, so "
    "evaluate, explain and predict are not to be had"
)


@dataclass(frozen=True)
class FunctionRows:
    """Rows as a function gets them.

    Attributes:
        features: (rows, ...), float32, scaled by the rows to learn from as `data.scaling` says.
        targets: Classes (rows,), int64; or numbers in their own unit, float32, (rows,), of several targets
            (rows, targets).
        weights: What each row counts, (rows,); None: all alike.
    """

    features: NDArray[np.float32]
    targets: NDArray[Any]
    weights: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class FunctionSplit:
    """The rows of a member.

    Attributes:
        train: Rows to learn from.
        validation: Rows to validate on: no other may decide on the returned value. The rows that an audit holds out,
            where it measures on these.
        task: Name of the task, e.g. `regression`.
        num_classes: Classes; None for numbers.
    """

    train: FunctionRows
    validation: FunctionRows
    task: str
    num_classes: int | None


class Ended(BaseException):
    """Raised in the function by `report`: the trial is given up, or the study stops. Not to be caught."""


def run(kind: str, value: Any, report: Report) -> Checked | None:
    """Serve a worker's request: `job` trains a `Job`, `check` looks at what can be seen without training."""
    if kind == "check":
        return check(value)
    job: Job = value
    torch.set_num_threads(job.threads)
    with threadpool_limits(job.threads):
        for training in job.trainings:
            result = _Call(training, report).result()
            if result is None:
                break  # it begins anew when the same command goes on
            report.member(result)
    return None


def check(config: Config) -> Checked:
    """Find the function, and see that it can be called.

    Raises:
        ConfigError: Naming what is wrong.
    """
    name = config["function"]["_target_"]
    function_of(config)
    folds_of(config, ANY_MEMBER.cut)
    part(config, "task")
    part(config, "metric")
    return Checked(NOTICE.format(name=name))


def function_of(config: Config) -> Callable[..., Any]:
    """The function of a configuration.

    Raises:
        ConfigError: If it is no part of `conf/function/`, cannot be imported, or does not take what it is given.
    """
    node = check_part("function", config["function"])
    import_own_parts()
    found = located("function", node["_target_"])
    wanted = f"def train({', '.join(PARAMETERS)})"
    if not callable(found) or isinstance(found, type):
        raise ConfigError(f"function: {node['_target_']} is a {type(found).__name__}. Give a function: {wanted}.")
    try:
        inspect.signature(found).bind({}, 0, None, None)
    except TypeError:
        said = f"{node['_target_']}{inspect.signature(found)}"
        raise ConfigError(f"function: {said} cannot be called with {', '.join(PARAMETERS)}. Write {wanted}.") from None
    function: Callable[..., Any] = found
    return function


# --- one member --------------------------------------------------------------------------------------------------


class _Call:
    """A call of the function in a thread; its reports are handed on by the thread that talks to the driver."""

    def __init__(self, training: Training, report: Report) -> None:
        self._training, self._report = training, report
        self._fold = folds_of(training.config, training.member.cut)[training.member.fold]
        self._metric = f"{self._fold.split.measured_as}/{training.config['objective']['metric']}"
        self._curve: list[float] = []
        self._ended: Status | None = None
        self._asked: queue.Queue[Any] = queue.Queue()
        self._answers: queue.Queue[Decision] = queue.Queue()

    def result(self) -> MemberResult | None:
        """Its result; None where a stop was asked for."""
        started = time.monotonic()
        threading.Thread(target=self._work, daemon=True).start()  # left behind by a stop, it ends with this process
        while True:
            if self._report.stop_requested():
                return None
            try:
                kind, value = self._asked.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if kind == "epoch":
                self._answers.put(self._report.epochs([value])[0])
            elif isinstance(value, EksploraError):
                raise value
            else:
                return None if self._ended is Status.INTERRUPTED else self._as_result(value, time.monotonic() - started)

    def _work(self) -> None:
        """Call the function, and hand on what it returns or raises."""
        try:
            self._asked.put(("end", self._called()))
        except Ended:
            self._asked.put(("end", None))
        except EksploraError as error:
            self._asked.put(("end", error))
        except BaseException as error:  # whatever it raises, and sys.exit
            name, said = self._training.config["function"]["_target_"], f"{type(error).__name__}: {one_line(error)}"
            self._asked.put(("end", ConfigError(f"function: {name} raised {said}{place_of(error)}. Correct it.")))

    def _called(self) -> float:
        config, seed = self._training.config, self._training.member.seed
        random.seed(seed)
        np.random.seed(seed % 2**32)  # what the function draws from it, is the seed's
        torch.manual_seed(seed)
        own = {key: value for key, value in config["function"].items() if key != "_target_"}
        returned = function_of(config)(own, seed, split_of(config, self._fold), self._heard)
        return self._value(returned)

    def _heard(self, epoch: int, value: float) -> None:
        """`report(epoch, value)`: the objective on the rows that validate after an epoch, counted from 1."""
        if epoch != len(self._curve) + 1:
            raise ConfigError(
                f"function: report got epoch {epoch} after {len(self._curve)}. Count from 1, without gaps."
            )
        self._curve.append(self._number(value))
        number = EpochReport(self._training.trial, self._training.member.index, epoch, {self._metric: self._curve[-1]})
        if not math.isfinite(self._curve[-1]):
            return  # it is not put before the pruner
        self._asked.put(("epoch", number))
        decision = self._answers.get()
        if decision is not Decision.GO_ON:
            self._ended = Status.PRUNED if decision is Decision.PRUNE else Status.INTERRUPTED
            raise Ended

    def _value(self, returned: Any) -> float:
        """The value of what was returned: a number, or (number or None, predictions of the rows that validate)."""
        value, predictions = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, None)
        if predictions is None:
            return self._number(value)
        measured = self._measured(predictions)
        if value is not None and not math.isclose(
            self._number(value), measured, rel_tol=TOLERANCE, abs_tol=TOLERANCE * 1e-3
        ):
            raise ConfigError(
                f"function: it returned {float(value):.6g}, but {self._metric} of its predictions is {measured:.6g}. "
                "Return None and the predictions, or the objective's own value."
            )
        return measured

    def _number(self, value: Any) -> float:
        """A plain number.

        Raises:
            ConfigError: If it is none.
        """
        plain = value.item() if hasattr(value, "item") and getattr(value, "size", 1) in (1, ()) else value
        if isinstance(plain, bool) or not isinstance(plain, int | float):
            name = self._training.config["function"]["_target_"]
            raise ConfigError(f"function: {name} gave {type(value).__name__} as value. Give the objective, a number.")
        return float(plain)

    def _measured(self, predictions: Any) -> float:
        """The objective of predictions, which are kept for comparisons row by row."""
        config, fold = self._training.config, self._fold
        task, rows = part(config, "task"), fold.split.measured
        wanted = task.metric_target(task.target(fold.targets[torch.from_numpy(rows)]))
        predicted = prediction_of(config, predictions, wanted)
        known = PartRows.of(part(config, "data"), "train")
        write_validation(Path(self._training.folder), validation_of(config, fold.split, known, predicted, wanted))
        return value_of(config, predicted, wanted, known, rows)

    def _as_result(self, value: float | None, seconds: float) -> MemberResult:
        is_pruned = self._ended is Status.PRUNED
        is_finite = value is not None and math.isfinite(value)
        curve = self._curve or ([value] if value is not None else [])
        return MemberResult(
            trial=self._training.trial,
            member=self._training.member.index,
            status=Status.PRUNED if is_pruned else Status.FINISHED if is_finite else Status.DIVERGED,
            value=value if is_finite else None,
            best_epoch=curve.index(value) + 1 if value in curve else len(curve),
            epochs=len(curve),
            step=len(curve),
            seconds=seconds,
            curves={self._metric: curve},
            message="" if is_finite else f"pruned after epoch {len(curve)}" if is_pruned else "the value is not finite",
        )


def split_of(config: Config, fold: Fold) -> FunctionSplit:
    """The rows of a fold as a function gets them: copies, so that it may change them."""
    task = part(config, "task")
    targets = fold.targets if fold.targets.dim() == 1 else task.target(fold.targets)

    def rows(numbers: NDArray[np.int64]) -> FunctionRows:
        own = targets[torch.from_numpy(numbers)].numpy()
        features = fold.features[torch.from_numpy(numbers)].numpy()
        weights = None if fold.weights is None else fold.weights[torch.from_numpy(numbers)].numpy()
        return FunctionRows(features, own.ravel() if own.ndim > 1 and own.shape[1] == 1 else own, weights)

    return FunctionSplit(
        rows(fold.split.train), rows(fold.split.measured), task_of(config), config["data"]["num_classes"]
    )


def prediction_of(config: Mapping[str, Any], given: Any, wanted: Tensor) -> Tensor:
    """Predictions as the metric takes them.

    Args:
        config: The configuration.
        given: Numbers (rows,) or (rows, targets); of classes probabilities (rows, classes), for two classes that of
            class 1 (rows,), or class numbers (rows,), whole.
        wanted: Targets as the metric takes them.

    Raises:
        ConfigError: If there are others.
    """
    array, classes, task = np.asarray(given), config["data"]["num_classes"], task_of(dict(config))
    is_column = array.ndim == 2 and array.shape[1] == 1 and wanted.dim() == 1
    array = array[:, 0] if is_column else array
    if task == "classification" and array.ndim == 1 and array.dtype.kind in "iu":
        array = np.eye(classes)[array]
    if task == "binary" and array.ndim == 2 and array.shape[1] == 2:
        array = array[:, 1]
    shape = (len(wanted), classes) if task == "classification" else tuple(wanted.shape)
    array = array[:, None] if array.ndim == 1 and len(shape) == 2 else array
    if array.dtype.kind not in "fiu" or array.shape != shape:
        raise ConfigError(
            f"function: its predictions are {array.dtype} of shape {list(array.shape)}. Return numbers of shape "
            f"{list(shape)}, a row for each of split.validation."
        )
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
