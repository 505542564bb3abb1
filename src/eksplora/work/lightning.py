"""Work on a member whose model is a LightningModule of a user's own: Lightning's loop runs it, its own steps train it.

What is eksplora's: the rows of its batches and their order, the seed of every step, the report of each epoch, the
driver's decisions, checkpoints after epochs, the weights that are kept.
"""

import re
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from eksplora.config.located import located
from eksplora.config.parts import is_foreign
from eksplora.counter import derive, fingerprint
from eksplora.errors import ConfigError
from eksplora.model.foreign import seed_step, seeded, with_shapes
from eksplora.training import checkpoint
from eksplora.training.batches import epoch_order
from eksplora.training.member import MemberState
from eksplora.training.task import comparable
from eksplora.types import Checked, Config, Decision, EpochReport, Job, Report, Status, Training
from eksplora.work.building import built, one_line
from eksplora.work.measurement import Measured

IDLE = ("augmentation", "clipping", "imbalance", "initialization", "loss", "optimizer", "regularization", "scheduler")
"""Groups that a LightningModule has its own of, or none."""

BATCH_ROWS = 1024
"""Rows of one forward pass of an evaluation."""

NOTICE = (
    "{name} is a LightningModule: its own steps and optimizers train it, one member at a time, and a "
    f"training that is stopped goes on from its last epoch; without effect: {', '.join(IDLE)}"
)


def is_own_module(config: Config) -> bool:
    """Whether the model is a class of LightningModules."""
    target = str(config["model"]["_target_"])
    found = located("model", target) if is_foreign(target) else None
    return isinstance(found, type) and issubclass(found, pl.LightningModule)


# --- rows --------------------------------------------------------------------------------------------------------


class _Rows(Dataset[tuple[Tensor, Tensor]]):
    """Features and targets of row numbers: a batch is one indexing operation."""

    def __init__(self, member: MemberState) -> None:
        fold = member.fold
        self.features = fold.features
        self.targets = fold.for_loss(member.recipe.task.target(fold.targets))

    def __getitem__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.features[rows], self.targets[rows]


class _Batches(Sampler[Tensor]):
    """Row numbers of each batch; the order is a function of the member's seed and the epoch, or that of the rows."""

    def __init__(self, rows: Any, size: int, seed: int | None) -> None:
        self._rows, self._size, self._seed, self._epoch = rows, size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def __iter__(self) -> Iterator[Tensor]:
        rows, size = self._rows, self._size
        ordered = torch.from_numpy(rows) if self._seed is None else epoch_order(rows, self._seed, self._epoch)
        return iter([ordered[first : first + size] for first in range(0, len(ordered), size)])


def _loader(rows: _Rows, batches: _Batches) -> DataLoader[tuple[Tensor, Tensor]]:
    return DataLoader(rows, sampler=batches, batch_size=None)


# --- training ----------------------------------------------------------------------------------------------------


class _Left(Exception):
    """The training was asked to stop inside an epoch."""


class _Watch(Checkpoint):
    """Reports epochs, does what the driver decides, and writes checkpoints; called after the module's own hooks."""

    def __init__(self, member: MemberState, job: Job, report: Report, identity: str, predicts: bool) -> None:
        self._member, self._report, self._identity, self._predicts = member, report, identity, predicts
        self._folder, self._every = Path(job.folder), job.checkpoint_seconds
        self._since = self._saved_at = time.monotonic()
        self.is_logged = False

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write a checkpoint where it is due: only now have schedulers taken their step after the epoch."""
        if self._member.epoch and time.monotonic() - self._saved_at >= self._every:
            self._save(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write a checkpoint where the same command is to go on."""
        if self._member.status is Status.INTERRUPTED:
            self._save(trainer)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Let all draws of the step be a function of the member's seed and the step's number."""
        seed_step(derive(self._member.identity.seed, "network", trainer.global_step, batch_idx), pl_module.device)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Leave at once when asked to: the same command goes on from the last epoch."""
        self._member.step = trainer.global_step
        if self._report.stop_requested():
            raise _Left

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the epoch: metrics, best weights, the driver's decision, a checkpoint where it is due."""
        member = self._member
        metrics = self._metrics(trainer, pl_module)
        member.epoch += 1
        for name, value in metrics.items():
            member.curves.setdefault(name, []).append(value)
        if member.is_best(metrics[member.objective]) and member.recipe.early_stopping.restore_best_weights:
            member.best_weights = _state(pl_module)
        now = time.monotonic()
        member.seconds, self._since = member.seconds + now - self._since, now
        sound = isfinite(metrics[member.objective])
        report = EpochReport(member.trial, member.identity.index, member.epoch, metrics)
        decision = self._report.epochs([report])[0] if sound else Decision.GO_ON
        member.decide({member.objective: metrics[member.objective]}, decision)
        if member.status is not Status.RUNNING:
            trainer.should_stop = True
        elif trainer.should_stop:
            member.end(Status.FINISHED, "stopped early by its own callback")

    def _metrics(self, trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, float]:
        """Values that the module logged, and the objective: as it was logged, or measured by its `forward`.

        Raises:
            ConfigError: If there is neither.
        """
        logged = {re.sub(r"[^\w./ -]", "_", name): float(value) for name, value in trainer.callback_metrics.items()}
        objective = self._member.objective
        self.is_logged = objective in logged
        if self.is_logged:
            return logged
        if not self._predicts:
            raise ConfigError(
                f"model: {type(module).__name__} logs no '{objective}' (it logs {', '.join(logged) or 'nothing'}), and "
                f"its forward does not return the task's outputs. Log it: self.log('{objective}', value)."
            )
        split = self._member.fold.split
        return logged | {
            objective: _measured(self._member, module, split.validation if len(split.validation) else split.train)
        }

    def _save(self, trainer: pl.Trainer) -> None:
        """Write a checkpoint of Lightning's as a generation of ours, if nothing in it is a pickled object."""
        self._saved_at = time.monotonic()
        self._folder.mkdir(parents=True, exist_ok=True)
        own = self._folder / "lightning.ckpt"
        trainer.save_checkpoint(own)
        try:
            state = torch.load(own, weights_only=True, map_location="cpu")
        except Exception:  # an object of the user's own: the training begins anew where it is interrupted
            return
        finally:
            own.unlink(missing_ok=True)
        plain = {"step": trainer.global_step, "epoch": self._member.epoch, "lightning": state}
        checkpoint.save(self._folder, plain, config_hash=self._identity)

    def state_dict(self) -> dict[str, Any]:
        """The member as far as it has come: part of Lightning's checkpoint."""
        return self._member.state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self._member.restore(state_dict)


def train(training: Training, member: MemberState, job: Job, report: Report) -> None:
    """Train one member, from its last checkpoint or from the start.

    Args:
        training: The member.
        member: Its state; it has trained nothing yet.
        job: Where checkpoints go.
        report: Hears of epochs and of the result.

    Raises:
        ConfigError: If the objective is not to be had from it.
        StorageError: If checkpoints or weights cannot be written.
    """
    if member.fold.weights is not None:
        raise ConfigError(
            "model: the rows of these data have weights, which the steps of a LightningModule do not see. Give its "
            "network as a torch.nn.Module, or data without weights."
        )
    module = network(member)
    identity = fingerprint([member.recipe.config_hash, training.trial, list(vars(training.member).values())])
    predicts = _why_not(module, member) == ""
    watch = _Watch(member, job, report, identity, predicts)
    with suppress(_Left), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        _fit(module, member, watch, checkpoint.load(Path(job.folder), config_hash=identity))
    if member.status is Status.RUNNING:
        member.end(Status.INTERRUPTED, "asked to stop")
    if member.status is not Status.INTERRUPTED:
        result = member.conclude(_state(module), device=module.device.type, engine="single")
        # A logged objective may be another measure than the metric, by which rows would be compared.
        (Measured(report, job, by_rows=not watch.is_logged) if predicts else report).member(result)


def network(member: MemberState) -> pl.LightningModule:
    """The member's module with its own first weights, by the member's seed."""
    with seeded(derive(member.identity.seed, "network")):
        module: pl.LightningModule = with_shapes(member.recipe.network(), member.fold.features[:1])  # type: ignore[assignment]
    return module


def _fit(module: pl.LightningModule, member: MemberState, watch: _Watch, state: dict[str, Any] | None) -> None:
    recipe, split, rows = member.recipe, member.fold.split, _Rows(member)
    trainer = recipe.trainer(
        logger=False,
        callbacks=[watch],
        enable_checkpointing=True,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    own = None
    if state is not None:
        own = Path(watch._folder) / "resumed.ckpt"
        # Where its loop goes on is set here: its own record of it is of the middle of an epoch's end.
        torch.save({name: value for name, value in state["lightning"].items() if name != "loops"}, own)
        _go_on(trainer, state["epoch"], state["step"])
    try:
        trainer.fit(
            module,
            _loader(rows, _Batches(split.train, recipe.batch_size, member.identity.seed)),
            _loader(rows, _Batches(split.validation, BATCH_ROWS, None)) if len(split.validation) else None,
            ckpt_path=own,
            weights_only=True,
        )
    finally:
        if own is not None:
            own.unlink(missing_ok=True)


def _go_on(trainer: pl.Trainer, epochs: int, steps: int) -> None:
    """Have Lightning's loop begin after so many epochs and optimizer steps."""
    loop = trainer.fit_loop
    for progress in (loop.epoch_progress.current, loop.epoch_progress.total):
        progress.ready = progress.completed = progress.started = progress.processed = epochs  # type: ignore[attr-defined]
    inner = loop.epoch_loop
    inner.automatic_optimization.optim_progress.optimizer.step.total.completed = steps
    inner.manual_optimization.optim_step_progress.total.completed = steps
    inner._batches_that_stepped = steps


def _state(module: pl.LightningModule) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


@torch.no_grad()
def _measured(member: MemberState, module: pl.LightningModule, rows: Any) -> float:
    """The objective's metric on some rows, by the module's `forward`, in the targets' unit."""
    fold, task, metric = member.fold, member.recipe.task, member.validation_metric
    was_training = module.training
    module.eval()
    metric.reset()
    for first in range(0, len(rows), BATCH_ROWS):
        chosen = torch.from_numpy(rows[first : first + BATCH_ROWS])
        output = module(fold.features[chosen].to(module.device)).cpu()
        predicted, wanted = task.prediction(fold.in_unit(output)), task.target(fold.targets[chosen])
        metric.update(
            comparable(predicted, fold.target_units), comparable(task.metric_target(wanted), fold.target_units)
        )
    module.train(was_training)
    value = float(metric.compute())
    metric.reset()
    return value


# --- what is checked before a study ------------------------------------------------------------------------------


def _why_not(module: pl.LightningModule, member: MemberState) -> str:
    """Reason for which a module's `forward` does not give the task's outputs; empty where it does."""
    rows = member.fold.features[:2]
    try:
        with torch.no_grad(), seeded(0):
            output = module.eval()(rows)
    except Exception as error:
        return f"its forward raises: {one_line(error)}"
    finally:
        module.train()
    wanted = (len(rows), member.recipe.task.num_outputs)
    if isinstance(output, Tensor) and tuple(output.shape) == wanted and output.is_floating_point():
        return ""
    found = f"shape {list(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
    return f"its forward returns {found}, the task wants {list(wanted)}"


def check(config: Config, member: MemberState) -> Checked:
    """Build the module and its optimizers, and say what cannot be had with it.

    Raises:
        ConfigError: If it cannot be built, or several devices are to share it.
    """
    name = str(config["model"]["_target_"])
    if config["trainer"]["devices"] not in (1, "auto"):
        raise ConfigError(f"trainer.devices: {name} is a LightningModule, which trains on one device here. Choose 1.")
    module = built("model", lambda: network(member))
    for hook in ("training_step", "configure_optimizers"):
        if getattr(type(module), hook) is getattr(pl.LightningModule, hook):
            raise ConfigError(f"model: {name} has no {hook}. Write it, or derive the class from torch.nn.Module.")
    why = _why_not(module, member)
    also = f"; for confirm's model, evaluate, predict and explain it would need outputs: {why}" if why else ""
    return Checked(NOTICE.format(name=name) + also, IDLE)
