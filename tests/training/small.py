"""Small trainings, and the bare PyTorch loop that they are compared with."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torchmetrics
from safetensors.torch import load_file
from torch import Tensor, nn

from eksplora.counter import derive
from eksplora.draw import mix64
from eksplora.initialization import glorot_uniform
from eksplora.model.cnn import CNN
from eksplora.model.dropout import Dropout
from eksplora.model.mlp import MLP
from eksplora.scheduler import Constant
from eksplora.training import task
from eksplora.training.batches import epoch_order
from eksplora.training.fit import fit
from eksplora.training.member import MemberState
from eksplora.training.recipe import EarlyStopping, Fold, Recipe
from eksplora.types import Decision, EpochReport, Job, Member, MemberResult, Split, Training

MEMBER = Member(index=0, seed=11)
SPLIT = Split(train=np.arange(0, 70), validation=np.arange(70, 96))  # 70 rows in batches of 16: the last has 6
NEVER = EarlyStopping(patience=None, min_delta=0.0, restore_best_weights=False)

adam = partial(torch.optim.Adam, lr=3e-3)
momentum = partial(torch.optim.SGD, lr=1e-2, momentum=0.9)


def mlp(*, dropout: float = 0.0, normalization: str = "none") -> nn.Module:
    return MLP(
        input_shape=[5],
        num_outputs=1,
        widths=[13, 7],
        activation="tanh",
        output_activation="identity",
        dropout=dropout,
        normalization=normalization,
    )


def cnn(*, dropout: float = 0.0, normalization: str = "none") -> nn.Module:
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
        normalization=normalization,
    )


def rows(shape: list[int], targets: Callable[[Tensor], Tensor]) -> Fold:
    features = torch.randn(96, *shape, generator=torch.Generator().manual_seed(3))
    return Fold(SPLIT, features, targets(features), np.zeros(shape), np.ones(shape))


def numbers(features: Tensor) -> Tensor:
    return (features[:, :1] * 2 + features[:, 1:2] ** 2).float()


def classes(features: Tensor) -> Tensor:
    score = features.flatten(1).mean(1)
    return (score > -0.05).long() + (score > 0.05).long()


NUMBERS, CLASSES = rows([5], numbers), rows([1, 8, 8], classes)


def fold_of(recipe: Recipe) -> Fold:
    return NUMBERS if recipe.task.num_outputs == 1 else CLASSES


def regression(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "network": mlp,
        "task": task.regression(num_outputs=1),
        "loss": nn.MSELoss(),
        "metric": torchmetrics.MeanAbsoluteError(),
        "metric_name": "mae",
        "direction": "minimize",
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
    """A report that lets the training run; `heard` and `results` are what was reported to it."""

    heard: list[EpochReport] = field(default_factory=list)
    results: list[MemberResult] = field(default_factory=list)

    def epochs(self, reports: Sequence[EpochReport]) -> Sequence[Decision]:
        self.heard += reports
        return [self.decide(report) for report in reports]

    def decide(self, report: EpochReport) -> Decision:
        return Decision.GO_ON

    def stop_requested(self) -> bool:
        return False

    def member(self, result: MemberResult) -> None:
        self.results.append(result)

    def split(self, size: int, reason: str) -> None:
        raise AssertionError("nothing was asked to be split")


@dataclass
class Decides(Quiet):
    """Answers an epoch's reports, of all members or of one, with a decision."""

    at: int = 1
    decision: Decision = Decision.STOP
    member_index: int | None = None

    def decide(self, report: EpochReport) -> Decision:
        is_meant = report.epoch == self.at and self.member_index in (None, report.member)
        return self.decision if is_meant else Decision.GO_ON


@dataclass
class StopsAfterChunks(Quiet):
    """Asks for a stop when so many chunks that do not end an epoch were trained."""

    chunks: int = 1

    def stop_requested(self) -> bool:
        self.chunks -= 1
        return self.chunks <= 0


@dataclass(frozen=True)
class Seat:
    """One member of a population to train."""

    recipe: Recipe
    member: Member = MEMBER
    fold: Fold | None = None

    def state(self, folder: Path) -> MemberState:
        training = Training(trial=0, member=self.member, config={}, folder=str(folder / f"member-{self.member.index}"))
        return MemberState(self.recipe, training, self.fold or fold_of(self.recipe))


def seats(recipes: Sequence[Recipe]) -> list[Seat]:
    """Members with seeds of their own."""
    return [Seat(recipe, Member(index=index, seed=11 + index)) for index, recipe in enumerate(recipes)]


def train_together(
    seats: Sequence[Seat], folder: Path, report: Quiet | None = None, *, checkpoint_seconds: float = 1000.0
) -> list[MemberResult]:
    """Results of the members that are over, in the order of their index."""
    report = report or Quiet()
    members = [seat.state(folder) for seat in seats]
    fit(members, Job(0, [], str(folder / "population"), 1, checkpoint_seconds), report)
    return sorted(report.results, key=lambda result: result.member)


def train(
    recipe: Recipe,
    folder: Path,
    report: Quiet | None = None,
    *,
    fold: Fold | None = None,
    member: Member = MEMBER,
    checkpoint_seconds: float = 1000.0,
) -> MemberResult:
    """One member, trained to its end."""
    (result,) = train_together([Seat(recipe, member, fold)], folder, report, checkpoint_seconds=checkpoint_seconds)
    return result


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


def bare_loop(
    recipe: Recipe, *, fold: Fold | None = None, seed: int = MEMBER.seed, precision: torch.dtype | None = None
) -> Bare:
    """The same training in plain PyTorch: a tensor per layer, one optimizer over them, no chunks."""
    fold = fold or fold_of(recipe)
    member = Seat(recipe, Member(index=0, seed=seed), fold).state(Path())
    network = recipe.network()
    recipe.initialize(network, torch.Generator().manual_seed(derive(seed, "initialization")))
    optimizer = recipe.optimizer(network.parameters())
    base_lr = optimizer.param_groups[0]["lr"]
    targets = recipe.task.target(fold.targets)
    shift, scale = (torch.from_numpy(part).float() for part in (fold.target_shift, fold.target_scale))
    wanted = (targets - shift) / scale if fold.scales_targets else targets
    total, history = member.steps_per_epoch() * recipe.max_epochs, list[float]()
    autocast = nullcontext if precision is None else partial(torch.autocast, "cpu", precision)
    bare, step = Bare(network), 0
    for epoch in range(recipe.max_epochs):
        network.train()
        seen = []
        order = epoch_order(fold.split.train, seed, epoch, member.row_probabilities())
        for batch in _batches(order, recipe.batch_size):
            optimizer.param_groups[0]["lr"] = base_lr * recipe.schedule(step, total, history)
            set_keys(network, seed, step)
            with autocast():
                features, share = augmented(recipe, fold.features[batch], seed, step)
                output = network(features)
                loss = _mixed_loss(recipe.loss, output, wanted[batch], share)
            optimizer.zero_grad()
            (loss + penalty(recipe, network)).backward()
            if recipe.clipping.value is not None:
                nn.utils.clip_grad_value_(network.parameters(), recipe.clipping.value)
            if recipe.clipping.norm is not None:
                nn.utils.clip_grad_norm_(network.parameters(), recipe.clipping.norm)
            optimizer.step()
            if recipe.regularization.max_norm is not None:
                for weight in weights(network):
                    weight.data = torch.renorm(weight.data, 2, 0, recipe.regularization.max_norm)
            if bare.first_bad_step is None and not torch.isfinite(loss):
                bare.first_bad_step = step
            seen.append((output.detach() * scale + shift, targets[batch], loss.item() * len(batch)))
            step += 1
        bare.train_loss.append(sum(loss for _, _, loss in seen) / len(fold.split.train))
        bare.train_outputs.append(torch.cat([output for output, _, _ in seen]))
        bare.train_targets.append(torch.cat([target for _, target, _ in seen]))
        network.eval()
        with torch.no_grad(), autocast():
            output = network(fold.features[fold.split.validation])
            bare.val_loss.append(recipe.loss(output, wanted[fold.split.validation]).item())
        bare.val_outputs.append(output * scale + shift if fold.scales_targets else output)
        if recipe.schedule.reads_history:
            metric, validation = recipe.metric.clone(), targets[fold.split.validation]
            metric.update(recipe.task.prediction(bare.val_outputs[-1]), recipe.task.metric_target(validation))
            history.append(metric.compute().item() * (1 if recipe.direction == "minimize" else -1))
    return bare


def weights(network: nn.Module) -> list[nn.Parameter]:
    """What is neither a bias nor a factor of a normalization."""
    return [parameter for parameter in network.parameters() if parameter.dim() > 1]


def penalty(recipe: Recipe, network: nn.Module) -> Tensor:
    """What regularization adds to the loss."""
    l1 = sum((weight.abs().sum() for weight in weights(network)), torch.zeros(()))
    l2 = sum((weight.square().sum() for weight in weights(network)), torch.zeros(()))
    return recipe.regularization.l1 * l1 + recipe.regularization.l2 * l2


def augmented(recipe: Recipe, features: Tensor, seed: int, step: int) -> tuple[Tensor, Tensor | None]:
    """A batch (rows, ...) as augmentation makes it for this member and step, and each row's own share of the loss."""
    if recipe.augmentation is None:
        return features, None
    key = mix64(torch.tensor([derive(seed, "augmentation")]) + mix64(torch.tensor(step)))
    changed, share = recipe.augmentation(features[None], key)
    return changed[0], share


def _mixed_loss(loss: nn.Module, output: Tensor, target: Tensor, share: Tensor | None) -> Tensor:
    own: Tensor = loss(output, target)
    return own if share is None else share[0] * own + (1 - share[0]) * loss(output, target.flip(0))


def set_keys(network: nn.Module, seed: int, step: int) -> None:
    """Give each dropout layer the key of this step's mask: a function of the member's seed, the layer and the step."""
    layers = [module for module in network.modules() if isinstance(module, Dropout)]
    for number, layer in enumerate(layers):
        layer.key = mix64(torch.tensor(derive(seed, "dropout", number)) + mix64(torch.tensor(step)))


def _batches(order: Tensor, size: int) -> Iterator[Tensor]:
    return (order[first : first + size] for first in range(0, len(order), size))


def flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def load(result: MemberResult) -> dict[str, Tensor]:
    """The network's state as it was stored."""
    assert result.weights is not None, result.message
    stored = load_file(result.weights)
    return {key.removeprefix("network."): value for key, value in stored.items() if key.startswith("network.")}
