"""The Lightning module of one member: many optimizer steps inside one Lightning batch."""

import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from torch import Tensor
from torch.optim import Optimizer

from eksplora.counter import derive
from eksplora.training import checkpoint
from eksplora.training.batches import TrainingChunks
from eksplora.training.flat import FlatParameters
from eksplora.training.recipe import Recipe, State
from eksplora.types import Decision, EpochReport, Member, Report, Split, Status


class MemberModule(pl.LightningModule):
    """One member's training.

    Lightning calls `training_step` once per chunk of steps (`training.batches`) and keeps epochs, devices, precision
    and strategy. Random draws follow the counter rule: a training stopped anywhere goes on with the same bits.

    Attributes:
        status: How the training stands.
        curves: Per metric, its value after each finished epoch.
        step: Optimizer steps done.
        epoch: Epochs finished.
        best_epoch: The epoch (from 1) with the best objective.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        member: Member,
        split: Split,
        trial: int,
        folder: Path,
        checkpoint_seconds: float,
        report: Report,
        state: State | None,
    ) -> None:
        """Build the network with the member's initial weights, or with those of a checkpoint's state."""
        super().__init__()
        self.automatic_optimization = False
        self.recipe, self.member, self.split, self.trial = recipe, member, split, trial
        self.folder, self.checkpoint_seconds, self.report = folder, checkpoint_seconds, report
        self.network = recipe.network()
        recipe.initialize(self.network, torch.Generator().manual_seed(derive(member.seed, "initialization")))
        self.loss, self.metric, self.validation_metric = recipe.loss, recipe.metric.clone(), recipe.metric.clone()
        self.draws = any(getattr(module, "p", 0) for module in self.network.modules())
        self.status, self.message = Status.RUNNING, ""
        self.epoch = self.chunk = self.step = self.best_epoch = 0
        self.best_value: float | None = None
        self.best_weights: Tensor | None = None
        self.curves: dict[str, list[float]] = {}
        self.seconds = 0.0
        self._state = state
        self._loss_sum = torch.zeros((), dtype=torch.float64)
        if state is not None:
            self._restore(state)
        self.chunks = TrainingChunks(
            split.train, seed=member.seed, batch_size=recipe.batch_size, position=self.position
        )
        self._resumed_at = self._saved_at = time.monotonic()

    def position(self) -> tuple[int, int]:
        """The present epoch (from 0) and the chunks of it that are done."""
        return self.epoch, self.chunk

    # --- Lightning's hooks ---------------------------------------------------------------------------------------

    def configure_optimizers(self) -> Optimizer:
        """The optimizer over one vector of all parameters; called when the network is on its device."""
        self.flat = FlatParameters(self.network)
        self.optimizer = self.recipe.optimizer([self.flat.parameter])
        self.base_lr = float(self.optimizer.param_groups[0]["lr"])
        if self._state is not None:
            self.optimizer.load_state_dict(deepcopy(self._state["optimizer"]))  # it would step the given tensors
        self._state = None
        return self.optimizer

    def on_fit_start(self) -> None:
        """Move the data to the device: a batch is then one indexing operation there."""
        self._devices, self._rank = self.trainer.world_size, self.global_rank  # kept: Lightning's take 1 us a call
        self.features = self.recipe.data.features.to(self.device)
        self.targets = self.recipe.task.target(self.recipe.data.targets).to(self.device)
        self._take_own_sums()
        if self._devices > 1:
            self.trainer.model.require_backward_grad_sync = False  # type: ignore[union-attr]  # we add gradients

    def _take_own_sums(self) -> None:
        """Part from the other devices: tensors that came over to their processes lie in one shared memory."""
        self._loss_sum = self._loss_sum.to(self.device, copy=True)
        self.validation_metric.reset()
        if self._rank > 0:
            self.metric.reset()  # a checkpoint holds the sum over devices: one of them goes on with it

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Zero in place, whatever is asked: Lightning calls this around validation; gradients are views of a vector."""
        self.flat.zero_gradient()

    def on_train_batch_start(self, batch: tuple[Tensor, ...], batch_idx: int) -> int | None:
        """Skip the rest of the epoch once the training is over."""
        return None if self.status is Status.RUNNING else -1

    def training_step(self, chunk: tuple[Tensor, ...], index: int) -> None:
        """Take one optimizer step per index tensor of the chunk."""
        self.network.train()
        losses, outputs, targets = [], [], []
        for rows in chunk:
            own = rows[self._rank :: self._devices]
            loss, output, target = self._take_step(own, len(own) / len(rows))
            losses.append(loss)
            outputs.append(output)
            targets.append(target)
            self.step += 1
        self._account(chunk, torch.stack(losses), torch.cat(outputs), torch.cat(targets))
        self.chunk += 1
        self._maybe_stop()

    def on_validation_epoch_start(self) -> None:
        """Start the sums of the validation part."""
        self._validation_loss = torch.zeros((), dtype=torch.float64, device=self.device)
        self.network.eval()

    def validation_step(self, rows: Tensor, index: int) -> None:
        """Add the rows of one block to the validation loss and metric."""
        own = rows[self._rank :: self._devices]
        target = self.targets[own]
        output = self.network(self.features[own])
        if len(own):  # a block of one row leaves the second device without any; its mean would not be a number
            self._validation_loss += self.loss(output, target).double() * len(own)
        self._update(self.validation_metric, output, target)

    def on_train_epoch_end(self) -> None:
        """Close the epoch: curves, best weights, the driver's decision, a checkpoint when it is due."""
        if self.status is not Status.RUNNING:
            return
        metrics = self._epoch_metrics()
        self.epoch, self.chunk = self.epoch + 1, 0
        for name, value in metrics.items():
            self.curves.setdefault(name, []).append(value)
        self._keep_best(metrics[f"val/{self.recipe.metric_name}"])
        self._decide(metrics)
        if self._wants_checkpoint():
            self.save()

    # --- one step ------------------------------------------------------------------------------------------------

    def _take_step(self, rows: Tensor, share: float) -> tuple[Tensor, Tensor, Tensor]:
        """One forward and backward pass and one update on this device's rows, `share` of the batch.

        Returns:
            This device's part of the batch's mean loss, its outputs (rows, num_outputs) and its targets.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.base_lr * self.recipe.schedule(self.step)
        if self.draws:
            torch.manual_seed(derive(self.member.seed, "step", self.step, self._rank))
        target = self.targets[rows]
        output = self.network(self.features[rows])
        loss = self.loss(output, target) if share == 1 else self.loss(output, target) * share
        self.flat.zero_gradient()
        if len(rows):
            loss.backward()
        if self._devices > 1:
            dist.all_reduce(self.flat.gradient)
        self.optimizer.step()
        return (loss.detach() if len(rows) else torch.zeros_like(self._loss_sum)), output.detach(), target

    def _account(self, chunk: tuple[Tensor, ...], losses: Tensor, output: Tensor, target: Tensor) -> None:
        """Add a chunk's losses (steps,) and outputs to the sums of the epoch; a non-finite loss ends the member."""
        losses = self._sum_over_devices(losses.double())
        sizes = torch.tensor([len(rows) for rows in chunk], device=losses.device)
        self._loss_sum += (losses * sizes).sum()
        finite = torch.isfinite(losses)
        if not finite.all():
            self.step += int(finite.int().argmin()) - len(chunk)
            self._end(Status.DIVERGED, f"the loss was not finite at step {self.step}")
            return
        self._update(self.metric, output, target)

    def _update(self, metric: Callable[[Tensor, Tensor], object], output: Tensor, target: Tensor) -> None:
        task = self.recipe.task
        metric.update(task.prediction(output), task.metric_target(target))  # type: ignore[attr-defined]

    def _sum_over_devices(self, values: Tensor) -> Tensor:
        if self._devices > 1:
            dist.all_reduce(values)
        return values

    # --- the end of an epoch -------------------------------------------------------------------------------------

    def _epoch_metrics(self) -> dict[str, float]:
        """Loss and metric of the epoch; training values are means over the epoch's steps."""
        name, rows = self.recipe.metric_name, self.split
        validation_loss = self._sum_over_devices(self._validation_loss)
        metrics = {
            "train/loss": float(self._loss_sum) / len(rows.train),
            f"train/{name}": float(self.metric.compute()),
            "val/loss": float(validation_loss) / len(rows.validation),
            f"val/{name}": float(self.validation_metric.compute()),
        }
        self._loss_sum.zero_()
        self.metric.reset()
        self.validation_metric.reset()
        return metrics

    def _keep_best(self, value: float) -> None:
        """Note the best epoch, and its weights when they are to be kept."""
        stopping = self.recipe.early_stopping
        if self.recipe.is_better(value, self.best_value, stopping.min_delta):
            self.best_value, self.best_epoch = value, self.epoch
            if stopping.restore_best_weights:
                self.best_weights = self.flat.values()

    def _decide(self, metrics: dict[str, float]) -> None:
        """Report the epoch, then end the member if the guard, the driver or early stopping says so."""
        if not all(value == value and abs(value) != float("inf") for value in metrics.values()):
            self._end(Status.DIVERGED, f"a metric was not finite after step {self.step}")
            return
        decision = self._report(EpochReport(self.trial, self.member.index, self.epoch, metrics))
        patience = self.recipe.early_stopping.patience
        if self.epoch >= self.recipe.max_epochs:
            self._end(Status.FINISHED, "")
        elif patience is not None and self.epoch - self.best_epoch >= patience:
            self._end(Status.FINISHED, f"stopped early: no better epoch since {self.best_epoch}")
        elif decision is Decision.PRUNE:
            self._end(Status.PRUNED, f"pruned after epoch {self.epoch}")
        elif decision is Decision.STOP:
            self._end(Status.INTERRUPTED, "asked to stop")

    def _report(self, report: EpochReport) -> Decision:
        """The first device talks to the driver; the others hear its answer."""
        decision = self.report.epoch(report) if self._rank == 0 else Decision.GO_ON
        return Decision(self._from_first_device(decision))

    def _maybe_stop(self) -> None:
        """Between chunks: stop when asked to, and checkpoint when it is time."""
        if self.status is not Status.RUNNING or self.chunk == self.chunks.num_chunks:
            return  # at the end of an epoch `on_train_epoch_end` does it
        asked = self._from_first_device(self._rank == 0 and self.report.stop_requested())
        if asked:
            self._end(Status.INTERRUPTED, "asked to stop")
        if asked or self._is_checkpoint_due():
            self.save()

    def _from_first_device(self, value: Any) -> Any:
        return value if self._devices == 1 else self.trainer.strategy.broadcast(value)

    def _end(self, status: Status, message: str) -> None:
        self.status, self.message = status, message
        self.trainer.should_stop = True

    # --- state ---------------------------------------------------------------------------------------------------

    def elapsed_seconds(self) -> float:
        """Wall time of the training so far, that before a resumption included."""
        return self.seconds + time.monotonic() - self._resumed_at

    def _wants_checkpoint(self) -> bool:
        """Whether the training goes on, now or at another start, and its state is to be written down."""
        if self.status is Status.RUNNING:
            return self._is_checkpoint_due()
        return self.status is Status.INTERRUPTED

    def _is_checkpoint_due(self) -> bool:
        return bool(self._from_first_device(time.monotonic() - self._saved_at >= self.checkpoint_seconds))

    def save(self) -> None:
        """Write a checkpoint: the first device does, of the sums over all."""
        self._saved_at = time.monotonic()
        with self.metric.sync_context(should_sync=self._devices > 1):
            if self._rank == 0:
                checkpoint.save(self.folder, self.state(), config_hash=self.recipe.config_hash)

    def state(self) -> State:
        """All that the training needs to go on with the same bits: tensors, numbers and strings."""
        self.metric.persistent(True)
        return {
            "epoch": self.epoch,
            "chunk": self.chunk,
            "step": self.step,
            "network": {name: value.clone() for name, value in self.network.state_dict().items()},
            "optimizer": self.optimizer.state_dict(),
            "metric": self.metric.state_dict(),
            "loss_sum": self._loss_sum,
            "curves": self.curves,
            "best_epoch": self.best_epoch,
            "best_value": self.best_value,
            "best_weights": self.best_weights,
            "seconds": self.elapsed_seconds(),
            "status": str(self.status),
            "message": self.message,
        }

    def _restore(self, state: State) -> None:
        """Take over a checkpoint's state; the optimizer's part waits until the optimizer exists."""
        self.network.load_state_dict(state["network"])
        self.metric.persistent(True)
        self.metric.load_state_dict(state["metric"])
        self._loss_sum = state["loss_sum"]
        for name in ("epoch", "chunk", "step", "curves", "best_epoch", "best_value", "best_weights", "seconds"):
            setattr(self, name, state[name])
