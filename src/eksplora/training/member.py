"""State of one member of a population: what it is trained with, and how far it has come."""

import hashlib
from collections.abc import Mapping
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics import Metric

from eksplora import imbalance
from eksplora.counter import derive
from eksplora.files import write_file
from eksplora.model.foreign import seeded, with_own_dropout, with_shapes
from eksplora.training.checkpoint import WAY_OUT
from eksplora.training.recipe import Fold, Recipe, State
from eksplora.training.stepper import RateSchedule
from eksplora.training.task import comparable
from eksplora.types import Decision, EpochReport, MemberResult, Status, Training

WEIGHTS = "weights.safetensors"

SCALING = ("shift", "scale", "target_shift", "target_scale")
"""Numbers saved with the weights: the fold's numbers that lead from raw features to targets in their unit."""

SAVED = (
    "step",
    "loss_sum",
    "epoch",
    "curves",
    "best_epoch",
    "best_value",
    "best_weights",
    "seconds",
    "message",
    "result",
)
"""Attributes of a member in a checkpoint, besides its status and the state of its metric."""


class MemberState:
    """The state of a member in training.

    Attributes:
        recipe: What it is trained with.
        fold: The rows that it sees.
        trial: Number of its trial.
        identity: Its index, seed and fold.
        is_shared: Whether several devices train it: its metrics are then added up over them.
        status: Its status.
        message: Why it ended early.
        step: Optimizer steps done; when it diverged, the step (from 0) of the first loss that is not finite.
        epoch: Epochs finished.
        curves: Per metric, its value after each finished epoch.
        best_epoch: The epoch (from 1) with the best objective.
        loss_sum: Sum of the training losses of the present epoch's rows so far.
        seconds: Its share of the population's wall time.
        result: What came of it, as plain values; None while it trains.
    """

    def __init__(self, recipe: Recipe, training: Training, fold: Fold) -> None:
        """Start untrained."""
        self.recipe, self.fold = recipe, fold
        self.trial, self.identity, self.folder = training.trial, training.member, Path(training.folder)
        # Clones: torchmetrics gather their state in place, and members share the recipe.
        self.metric, self.validation_metric = recipe.metric.clone(), recipe.metric.clone()
        self.is_shared = False
        self.status, self.message = Status.RUNNING, ""
        self.step = self.epoch = self.best_epoch = 0
        self.best_value: float | None = None
        self.best_weights: dict[str, Tensor] | None = None
        self.curves: dict[str, list[float]] = {}
        self.loss_sum = self.seconds = 0.0
        self.result: dict[str, Any] | None = None

    def network(self) -> nn.Module:
        """The network with the member's initial weights."""
        with seeded(derive(self.identity.seed, "network")):
            network = with_own_dropout(with_shapes(self.recipe.network(), self.fold.features[:1]))
        self.recipe.initialize(network, torch.Generator().manual_seed(derive(self.identity.seed, "initialization")))
        return network

    @property
    def objective(self) -> str:
        """The curve that judges it: of the rows that validate or, where there are none, of those it learns from."""
        return f"{'val' if len(self.fold.split.validation) else 'train'}/{self.recipe.metric_name}"

    def steps_per_epoch(self) -> int:
        """Optimizer steps of one pass over its rows."""
        return -(-len(self.fold.split.train) // self.recipe.batch_size)

    def rate_schedule(self) -> RateSchedule:
        """Schedule of its learning rate."""
        return RateSchedule(self.recipe.schedule, self.steps_per_epoch() * self.recipe.max_epochs, self.history)

    def history(self) -> list[float]:
        """The objective after each finished epoch, such that smaller is better."""
        sign = 1 if self.recipe.direction == "minimize" else -1
        return [sign * value for value in self.curves.get(self.objective, [])]

    def row_probabilities(self) -> NDArray[np.float64] | None:
        """Probabilities of its training rows in a draw; None: an epoch has each once."""
        if self.recipe.imbalance.sampling == "none":
            return None
        return imbalance.row_probabilities(self._classes())

    def class_weights(self) -> Tensor | None:
        """Weight of a row of each class in its loss, (classes,); None: all weigh alike."""
        if self.recipe.imbalance.class_weights == "none":
            return None
        counts = np.bincount(self._classes(), minlength=max(2, self.recipe.task.num_outputs))
        return torch.from_numpy(imbalance.class_weights(counts)).float()

    def _classes(self) -> NDArray[np.int64]:
        """The classes of its rows to learn from, (rows,)."""
        classes: NDArray[np.int64] = self.fold.targets.numpy()[self.fold.split.train].reshape(-1).astype(np.int64)
        return classes

    # --- what happens to it --------------------------------------------------------------------------------------

    def end(self, status: Status, message: str) -> None:
        """End its training."""
        self.status, self.message = status, message

    def update(self, metric: Metric, output: Tensor, target: Tensor, weights: Tensor | None = None) -> None:
        """Add rows, (rows, num_outputs) and their targets, to a metric of the member's, which takes their weights."""
        task, units = self.recipe.task, self.fold.target_units
        # The class's own function: what torchmetrics wraps around it costs ten times its arithmetic here.
        update = metric.update if self.is_shared else partial(type(metric).update, metric)
        known = () if weights is None else (weights,)
        update(comparable(task.prediction(output), units), comparable(task.metric_target(target), units), *known)

    def _value(self, metric: Metric) -> float:
        """Value of a metric over the updates since the last call; resets it."""
        value = metric.compute() if self.is_shared else type(metric).compute(metric)
        metric.reset()
        return float(value)

    def close_epoch(self, validation_loss: float | None) -> EpochReport:
        """Note an epoch: its losses (that of validation is a sum over the rows, if any), and the metrics gathered."""
        name, split = self.recipe.metric_name, self.fold.split
        metrics = {"train/loss": self.loss_sum / len(split.train), f"train/{name}": self._value(self.metric)}
        if validation_loss is not None:
            metrics["val/loss"] = validation_loss / self._validation_weight()
            metrics[f"val/{name}"] = self._value(self.validation_metric)
        self.loss_sum = 0.0
        self.epoch += 1
        for key, value in metrics.items():
            self.curves.setdefault(key, []).append(value)
        return EpochReport(self.trial, self.identity.index, self.epoch, metrics)

    def _validation_weight(self) -> float:
        """Sum of the weights of its rows that validate."""
        rows, weights = self.fold.split.validation, self.fold.weights
        if weights is None:
            return len(rows)
        return float(weights[torch.from_numpy(rows)].double().sum()) * self.fold.weight_factor

    def is_best(self, value: float) -> bool:
        """Whether this value of the objective, of the epoch just closed, is its best so far; noted if so."""
        if not self.recipe.is_better(value, self.best_value, self.recipe.early_stopping.min_delta):
            return False
        self.best_value, self.best_epoch = value, self.epoch
        return True

    def decide(self, metrics: Mapping[str, float], decision: Decision) -> None:
        """End, if the guard, the last epoch, early stopping or the driver says so."""
        patience = self.recipe.early_stopping.patience
        if not all(isfinite(value) for value in metrics.values()):
            self.end(Status.DIVERGED, f"a metric was not finite after step {self.step}")
        elif self.epoch >= self.recipe.max_epochs:
            self.end(Status.FINISHED, "")
        elif patience is not None and self.epoch - self.best_epoch >= patience:
            self.end(Status.FINISHED, f"stopped early: no better epoch since {self.best_epoch}")
        elif decision is Decision.PRUNE:
            self.end(Status.PRUNED, f"pruned after epoch {self.epoch}")
        elif decision is Decision.STOP:
            self.end(Status.INTERRUPTED, "asked to stop")

    # --- its end -------------------------------------------------------------------------------------------------

    def conclude(self, weights: Mapping[str, Tensor], *, device: str, engine: str) -> MemberResult:
        """Write the weights of a finished member, and say what came of it.

        Args:
            weights: Its network's state now; that of the best epoch goes before, where it is kept.
            device: Where it was trained.
            engine: How: `fused` or `single`.

        Raises:
            StorageError: If the weights cannot be written.
        """
        finished, keeps_best = self.status is Status.FINISHED, self.recipe.early_stopping.restore_best_weights
        epoch = self.best_epoch if keeps_best else self.epoch
        path, digest = self._save(self.best_weights or weights) if finished else (None, None)
        result = MemberResult(
            trial=self.trial,
            member=self.identity.index,
            status=self.status,
            value=self.curves[self.objective][epoch - 1] if finished else None,  # epochs count from 1
            best_epoch=epoch,
            epochs=self.epoch,
            step=self.step,
            seconds=self.seconds,
            curves=self.curves,
            weights=path,
            weights_sha256=digest,
            device=device,
            engine=engine,
            message=self.message,
        )
        self.result = {**vars(result), "status": str(result.status)}
        self.best_weights = None
        return result

    def concluded(self) -> MemberResult:
        """Its result, once more: a checkpoint was read in which it was over."""
        assert self.result is not None
        return MemberResult(**{**self.result, "status": Status(self.result["status"])})

    def _save(self, weights: Mapping[str, Tensor]) -> tuple[str, str]:
        """Write weights, with the scaling of the features, as safetensors; returns path and hash."""
        tensors = {f"network.{name}": value.contiguous().cpu() for name, value in weights.items()}
        scaling = {name: getattr(self.fold, name) for name in SCALING}
        scaling |= {} if self.fold.quantiles is None else {"quantiles": self.fold.quantiles}
        tensors |= {name: torch.from_numpy(value).clone() for name, value in scaling.items()}
        tensors |= {"target_log": torch.ones((), dtype=torch.float64)} if self.fold.is_target_log else {}
        content = safetensors.torch.save(tensors)
        write_file(self.folder / WEIGHTS, content, way_out=WAY_OUT)
        return str(self.folder / WEIGHTS), hashlib.sha256(content).hexdigest()

    # --- state ---------------------------------------------------------------------------------------------------

    def state(self) -> State:
        """All that it needs to go on with the same bits."""
        # Metrics leave their state out of `state_dict` by default.
        self.metric.persistent(True)
        saved = {name: getattr(self, name) for name in SAVED}
        return saved | {"status": str(self.status), "metric": self.metric.state_dict()}

    def restore(self, state: State) -> None:
        """Take over a checkpoint's state; an interrupted member goes on."""
        self.metric.persistent(True)
        self.metric.load_state_dict(state["metric"])
        for name in SAVED:
            setattr(self, name, state[name])
        status = Status(state["status"])
        self.status = Status.RUNNING if status is Status.INTERRUPTED else status
        if self.status is Status.RUNNING:
            self.message = ""
