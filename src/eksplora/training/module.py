"""The Lightning module of a population: many optimizer steps of many members inside one Lightning batch."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from copy import deepcopy
from math import isfinite
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from torch.optim import Optimizer

from eksplora.training import checkpoint
from eksplora.training.batches import Chunk, EvaluationBatch, EvaluationChunks, TrainingChunks
from eksplora.training.engine import rows_at_once
from eksplora.training.member import SAVED, MemberState
from eksplora.training.observer import Observer
from eksplora.training.population import Population, Trace, present
from eksplora.training.recipe import State
from eksplora.types import Decision, Report, Status


class PopulationModule(pl.LightningModule):
    """The training of a population; a single member is a population of one.

    Lightning calls `training_step` once per chunk of steps (`training.batches`) and keeps epochs, devices, precision
    and strategy. Random draws follow the counter rule: a training stopped anywhere goes on with the same bits.

    Attributes:
        members: All members; those that are over have left the population.
        population: Those that still train.
        step: Optimizer steps done.
        epoch: Epochs finished.
        chunk: Chunks done of the present epoch.
    """

    def __init__(
        self,
        members: Sequence[MemberState],
        *,
        folder: Path,
        identity: str,
        checkpoint_seconds: float,
        report: Report,
        state: State | None,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Build the population from its members, or from a checkpoint's state.

        Args:
            members: Members with equally many steps an epoch.
            folder: Where checkpoints go.
            identity: Fingerprint of what is trained: a checkpoint of something else is not taken.
            checkpoint_seconds: Least time between two checkpoints.
            report: Hears of epochs and results.
            state: What `state()` gave.
            observers: Are shown every step and epoch; on several devices each looks at its own share.
        """
        super().__init__()
        # One Lightning batch is many optimizer steps, which the population takes itself.
        self.automatic_optimization = False
        self.members = sorted(
            members, key=lambda member: -len(member.fold.split.train)
        )  # equal last batches stand together
        self.folder, self.identity, self.checkpoint_seconds, self.report = folder, identity, checkpoint_seconds, report
        self.population = Population(self.members, observers)
        self._observers = tuple(observers)
        self.network = self.population.network
        self.epoch = self.chunk = self.step = 0
        self._state = state
        if state is not None:
            self._restore(state)
        splits, seeds = (
            [member.fold.split for member in self.members],
            [member.identity.seed for member in self.members],
        )
        batch_size = self.members[0].recipe.batch_size
        self.chunks = TrainingChunks(
            [split.train for split in splits],
            seeds,
            [member.row_probabilities() for member in self.members],
            batch_size=batch_size,
            position=self.position,
        )
        validation = [split.validation for split in splits]
        self.validates = all(map(len, validation))
        self._validation_losses: torch.Tensor | None = None
        self.evaluation = EvaluationChunks(
            validation, members=self.training_members, size=rows_at_once(self.members[0])
        )
        # Monotonic: a change of the clock must not move a checkpoint.
        self._spent_at = self._saved_at = time.monotonic()

    def training_members(self) -> list[int]:
        """Indices, among all members, of those that still train."""
        return [index for index, member in enumerate(self.members) if member.status is Status.RUNNING]

    def position(self) -> tuple[list[int], int, int]:
        """The members that still train, the present epoch (from 0) and the chunks of it that are done."""
        return self.training_members(), self.epoch, self.chunk

    # --- Lightning's hooks ---------------------------------------------------------------------------------------

    def configure_optimizers(self) -> Optimizer:
        """The optimizer of all members; called when the network is on its device."""
        population, state = self.population, self._state
        self._devices, self._rank = self.trainer.world_size, self.global_rank  # kept: Lightning's take 1 us a call
        population.place(self.device, self._rank, self._devices)
        if state is not None:
            if len(state["training"]) < len(self.members):
                population.select(state["training"])
            population.network.load_state_dict(state["network"])
            population.stepper.optimizer.load_state_dict(deepcopy(state["optimizer"]))  # it would step these tensors
        self._state = None
        return population.stepper.optimizer

    def on_fit_start(self) -> None:
        """Bring the metrics to the device, and part from the other devices."""
        for member in self.population.members:
            member.is_shared = self._devices > 1
            member.metric.to(self.device)
            member.validation_metric.to(self.device)
            member.validation_metric.reset()  # tensors that came over to several processes lie in one shared memory
            if self._rank > 0:
                member.metric.reset()  # a checkpoint holds the sum over devices: one of them goes on with it
                member.loss_sum = 0.0
        if self._devices > 1:
            self.trainer.model.require_backward_grad_sync = False  # type: ignore[union-attr]  # we add gradients

    def state_dict(self, *args: Any, **values: Any) -> State:  # type: ignore[override]  # torch has overloads
        """Nothing: after a training on several devices Lightning would load it, without members that left, here."""
        return {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Zero in place, whatever is asked: Lightning calls this around validation; gradients are views of a matrix."""
        self.population.stack.zero_gradient()

    def on_train_batch_start(self, batch: Chunk, batch_idx: int) -> int | None:
        """Skip the rest of the epoch once the training is over."""
        return -1 if self.trainer.should_stop else None

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Row numbers stay where they are: they are few, and the population takes them along."""
        return batch

    def training_step(self, chunk: Chunk, index: int) -> None:
        """Take one optimizer step per step of the chunk."""
        steps = present(chunk, self.training_members())
        self._account(self.population.train(steps, self.step))
        self.step += len(steps)
        self.chunk += 1
        self._spend()
        self._retire()
        self._maybe_stop()

    def on_validation_epoch_start(self) -> None:
        """Start the sums of the validation part."""
        members = self.population.members
        self._validation_losses = torch.zeros(len(members), dtype=torch.float64, device=self.device)
        self.network.eval()

    def validation_step(self, batch: EvaluationBatch, index: int) -> None:
        """Add the rows of one batch to the members' validation losses and metrics."""
        losses, seen = self.population.evaluate(batch)
        assert self._validation_losses is not None
        self._validation_losses += losses
        for member, (output, target, weights) in zip(self.population.members, seen, strict=True):
            member.update(member.validation_metric, output, target, weights)

    def on_train_epoch_end(self) -> None:
        """Close the epoch: curves, best weights, the driver's decisions, a checkpoint when it is due."""
        if self.trainer.should_stop:
            return
        self._close_epoch()
        self.epoch, self.chunk = self.epoch + 1, 0
        self._spend()
        self._retire()
        if self._wants_checkpoint():
            self.save()

    # --- what happens to members ---------------------------------------------------------------------------------

    def _account(self, trace: Trace) -> None:
        """Add a chunk's losses and outputs to the sums of the epoch; a non-finite loss ends its member."""
        # (steps, members)
        finite = torch.isfinite(trace.losses)
        # Mean times rows: batches of an epoch may differ in size. (members,)
        sums = (trace.losses * trace.sizes.to(trace.losses.device)).sum(0).tolist()
        steps = len(finite)
        for index, member in enumerate(self.population.members):
            member.step += steps
            member.loss_sum += sums[index]
            if isfinite(sums[index]):
                weights = None if trace.weights is None else trace.weights[index]
                member.update(member.metric, trace.outputs[index], trace.targets[index], weights)
            else:
                # argmin of 0 and 1 is the first 0: the first step whose loss is not finite.
                member.step += int(finite[:, index].int().argmin()) - steps
                member.end(Status.DIVERGED, f"the loss was not finite at step {member.step}")

    def _close_epoch(self) -> None:
        """Note the epoch of each member, then end those that the guard, the driver or early stopping says."""
        members, reports = self.population.members, []
        for index, (member, loss) in enumerate(zip(members, self._summed_validation_losses(), strict=True)):
            report = member.close_epoch(loss)
            reports.append(report)
            is_best = member.is_best(report.metrics[member.objective])
            if is_best and member.recipe.early_stopping.restore_best_weights:
                member.best_weights = self.population.stack.member(index)
        for observer in self._observers:
            observer.on_epoch(reports)
        sound = [report for report in reports if all(map(isfinite, report.metrics.values()))]
        # A member whose metrics are not finite is not put before the pruner: it has diverged.
        decisions = dict(zip(map(id, sound), self._decisions(sound), strict=True))
        for member, report in zip(members, reports, strict=True):
            member.decide(report.metrics, decisions.get(id(report), Decision.GO_ON))

    def _summed_validation_losses(self) -> Sequence[float | None]:
        """Each member's sum over all devices; None where no rows validate."""
        losses = self._validation_losses
        if losses is None:
            return [None] * len(self.population.members)
        if self._devices > 1:
            dist.all_reduce(losses)
        values: list[float | None] = losses.tolist()
        return values

    def _decisions(self, reports: Sequence[Any]) -> list[Decision]:
        """The first device talks to the driver; the others hear its answers."""
        if not reports:
            return []
        answers = self.report.epochs(reports) if self._rank == 0 else []
        return [Decision(answer) for answer in self._from_first_device([str(answer) for answer in answers])]

    def _retire(self) -> None:
        """Let go of members that are over: weights and results go out, the others train on."""
        members = self.population.members
        going_on = [index for index, member in enumerate(members) if not member.status.is_final]
        for index, member in enumerate(members):
            if self._rank == 0 and member.status.is_final:
                engine = "fused" if len(self.members) > 1 else "single"
                result = member.conclude(self.population.stack.member(index), device=self.device.type, engine=engine)
                self.report.member(result)
        if going_on and len(going_on) < len(members):
            self.population.select(going_on)
        if not going_on or any(member.status is Status.INTERRUPTED for member in members):
            self.trainer.should_stop = True  # asked of one, a stop is one of all: they are one checkpoint

    def _maybe_stop(self) -> None:
        """Between chunks: stop when asked to, and checkpoint when it is time."""
        if self.trainer.should_stop or self.chunk == self.chunks.num_chunks:
            return  # at the end of an epoch `on_train_epoch_end` does it
        asked = self._from_first_device(self._rank == 0 and self.report.stop_requested())
        if asked:
            for member in self.population.members:
                member.end(Status.INTERRUPTED, "asked to stop")
            self.trainer.should_stop = True
        if asked or self._is_checkpoint_due():
            self.save()

    def _from_first_device(self, value: Any) -> Any:
        return value if self._devices == 1 else self.trainer.strategy.broadcast(value)

    def _spend(self) -> None:
        """Divide the time since the last call among the members that trained in it."""
        now = time.monotonic()
        members = self.population.members
        for member in members:
            # Members of a population run at once: each is charged an equal share.
            member.seconds += (now - self._spent_at) / len(members)
        self._spent_at = now

    # --- state ---------------------------------------------------------------------------------------------------

    def _wants_checkpoint(self) -> bool:
        """Whether the training goes on, now or at another start, and its state is to be written down."""
        if any(member.status is Status.INTERRUPTED for member in self.members):
            return True
        return not self.trainer.should_stop and self._is_checkpoint_due()

    def _is_checkpoint_due(self) -> bool:
        return bool(self._from_first_device(time.monotonic() - self._saved_at >= self.checkpoint_seconds))

    def save(self) -> None:
        """Write a checkpoint: the first device does, of the sums over all."""
        self._saved_at = time.monotonic()
        with ExitStack() as sums:
            for member in self.population.members:
                sums.enter_context(member.metric.sync_context(should_sync=self._devices > 1))
            if self._rank == 0:
                checkpoint.save(self.folder, self.state(), config_hash=self.identity)

    def state(self) -> State:
        """All that the training needs to go on with the same bits: tensors, numbers and strings."""
        population = self.population
        return {
            "epoch": self.epoch,
            "chunk": self.chunk,
            "step": self.step,
            "training": [self.members.index(member) for member in population.members],
            "members": [member.state() for member in self.members],
            "network": {name: value.clone() for name, value in population.network.state_dict().items()},
            "optimizer": population.stepper.optimizer.state_dict(),
        }

    def _restore(self, state: State) -> None:
        """Take over a checkpoint's state; weights and optimizer wait until they are on their device."""
        for member, saved in zip(self.members, state["members"], strict=True):
            member.restore(saved)
        for name in ("epoch", "chunk", "step"):
            setattr(self, name, state[name])


def is_state(state: State, num_members: int) -> bool:
    """Whether a checkpoint's content has the form of what `PopulationModule.state` gives for so many members."""
    kinds = {
        "epoch": int,
        "chunk": int,
        "step": int,
        "training": list,
        "members": list,
        "network": dict,
        "optimizer": dict,
    }
    if any(type(state.get(name)) is not kind for name, kind in kinds.items()) or len(state["members"]) != num_members:
        return False
    members = [member if isinstance(member, dict) else {} for member in state["members"]]
    are_whole = all({*SAVED, "metric"} <= set(member) and member.get("status") in list(Status) for member in members)
    return are_whole and all(type(index) is int and 0 <= index < num_members for index in state["training"])
