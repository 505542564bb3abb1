"""Small trainings, and the bare PyTorch loop that they are compared with."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torchmetrics
from torch import Tensor, nn

from eksplora.counter import derive
from eksplora.initialization import glorot_uniform
from eksplora.model.cnn import CNN
from eksplora.model.mlp import MLP
from eksplora.scheduler import Constant
from eksplora.training import task
from eksplora.training.batches import epoch_order
from eksplora.training.fit import fit
from eksplora.training.recipe import EarlyStopping, Recipe, TrainingData
from eksplora.types import Decision, EpochReport, Job, Member, MemberResult, Split

MEMBER = Member(index=0, seed=11)
SPLIT = Split(train=np.arange(0, 70), validation=np.arange(70, 96))  # 70 rows in batches of 16: the last has 6
NEVER = EarlyStopping(patience=None, min_delta=0.0, restore_best_weights=False)

adam = partial(torch.optim.Adam, lr=3e-3)
momentum = partial(torch.optim.SGD, lr=1e-2, momentum=0.9)


def mlp(*, dropout: float = 0.0) -> nn.Module:
    return MLP(
        input_shape=[5],
        num_outputs=1,
        widths=[13, 7],
        activation="tanh",
        output_activation="identity",
        dropout=dropout,
    )


def cnn(*, dropout: float = 0.0) -> nn.Module:
    return CNN(
        input_shape=[1, 8, 8],
        num_outputs=3,
        filters=[5],
        kernel=3,
        pool=2,
        padding="valid",
        activation="relu",
        hidden_units=[9],
        dropout=dropout,
        output_activation="identity",
    )


def rows(shape: list[int], targets: Callable[[Tensor], Tensor]) -> TrainingData:
    features = torch.randn(96, *shape, generator=torch.Generator().manual_seed(3))
    return TrainingData(features, targets(features), np.zeros(shape), np.ones(shape))


def numbers(features: Tensor) -> Tensor:
    return (features[:, :1] * 2 + features[:, 1:2] ** 2).float()


def classes(features: Tensor) -> Tensor:
    score = features.flatten(1).mean(1)
    return (score > -0.05).long() + (score > 0.05).long()


def regression(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "network": mlp,
        "task": task.regression(num_outputs=1),
        "loss": nn.MSELoss(),
        "metric": torchmetrics.MeanAbsoluteError(),
        "metric_name": "mae",
        "direction": "minimize",
        "data": rows([5], numbers),
    }
    return _recipe(values | changes)


def classification(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "network": cnn,
        "task": task.classification(num_outputs=3),
        "loss": nn.CrossEntropyLoss(),
        "metric": torchmetrics.classification.MulticlassAccuracy(num_classes=3, average="micro"),
        "metric_name": "accuracy",
        "direction": "maximize",
        "data": rows([1, 8, 8], classes),
    }
    return _recipe(values | changes)


def _recipe(values: dict[str, Any]) -> Recipe:
    rest: dict[str, Any] = {
        "initialize": glorot_uniform,
        "optimizer": adam,
        "schedule": Constant(),
        "trainer": partial(pl.Trainer, accelerator="cpu", devices=1, deterministic=True),
        "max_epochs": 3,
        "batch_size": 16,
        "early_stopping": NEVER,
        "config_hash": "some configuration",
    }
    return Recipe(**rest | values)


@dataclass
class Quiet:
    """A report that lets the training run; `epochs` is what it heard."""

    epochs: list[EpochReport] = field(default_factory=list)

    def epoch(self, report: EpochReport) -> Decision:
        self.epochs.append(report)
        return Decision.GO_ON

    def stop_requested(self) -> bool:
        return False


@dataclass
class Decides(Quiet):
    """Answers one epoch's report with a decision."""

    at: int = 1
    decision: Decision = Decision.STOP

    def epoch(self, report: EpochReport) -> Decision:
        super().epoch(report)
        return self.decision if report.epoch == self.at else Decision.GO_ON


@dataclass
class StopsAfterChunks(Quiet):
    """Asks for a stop when so many chunks that do not end an epoch were trained."""

    chunks: int = 1

    def stop_requested(self) -> bool:
        self.chunks -= 1
        return self.chunks <= 0


def job(folder: Path, *, checkpoint_seconds: float = 1000.0) -> Job:
    return Job(
        trial=0, config={}, members=[MEMBER], folder=str(folder), threads=1, checkpoint_seconds=checkpoint_seconds
    )


def train(
    recipe: Recipe,
    folder: Path,
    report: Quiet | None = None,
    *,
    split: Split = SPLIT,
    member: Member = MEMBER,
    checkpoint_seconds: float = 1000.0,
) -> MemberResult:
    return fit(recipe, member, split, job(folder, checkpoint_seconds=checkpoint_seconds), report or Quiet())


@dataclass
class Bare:
    """What a bare loop gives: per epoch the losses, and what the metric would see."""

    network: nn.Module
    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    train_outputs: list[Tensor] = field(default_factory=list)
    train_targets: list[Tensor] = field(default_factory=list)
    val_outputs: list[Tensor] = field(default_factory=list)
    first_bad_step: int | None = None


def bare_loop(recipe: Recipe, *, split: Split = SPLIT, seed: int = MEMBER.seed) -> Bare:
    """The same training in plain PyTorch: a tensor per layer, one optimizer over them, no chunks."""
    network = recipe.network()
    recipe.initialize(network, torch.Generator().manual_seed(derive(seed, "initialization")))
    optimizer = recipe.optimizer(network.parameters())
    base_lr = optimizer.param_groups[0]["lr"]
    targets = recipe.task.target(recipe.data.targets)
    bare, step = Bare(network), 0
    for epoch in range(recipe.max_epochs):
        network.train()
        seen = []
        for batch in _batches(epoch_order(split.train, seed, epoch), recipe.batch_size):
            optimizer.param_groups[0]["lr"] = base_lr * recipe.schedule(step)
            torch.manual_seed(derive(seed, "step", step, 0))
            output = network(recipe.data.features[batch])
            loss = recipe.loss(output, targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if bare.first_bad_step is None and not torch.isfinite(loss):
                bare.first_bad_step = step
            seen.append((output.detach(), targets[batch], loss.item() * len(batch)))
            step += 1
        bare.train_loss.append(sum(loss for _, _, loss in seen) / len(split.train))
        bare.train_outputs.append(torch.cat([output for output, _, _ in seen]))
        bare.train_targets.append(torch.cat([target for _, target, _ in seen]))
        network.eval()
        with torch.no_grad():
            output = network(recipe.data.features[split.validation])
            bare.val_loss.append(recipe.loss(output, targets[split.validation]).item())
        bare.val_outputs.append(output)
    return bare


def _batches(order: Tensor, size: int) -> Iterator[Tensor]:
    return (order[first : first + size] for first in range(0, len(order), size))


def flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
