"""Everything that one training needs, as built objects and plain values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from eksplora.augmentation import Augmentation
from eksplora.augmentation.foreign import OwnAugmentation
from eksplora.imbalance import Imbalance
from eksplora.ranges import check_choice, check_fields, within
from eksplora.scheduler import Schedule
from eksplora.training.clipping import Clipping
from eksplora.training.regularization import Regularization
from eksplora.training.task import Task
from eksplora.types import Split

ENGINES = ("auto", "fused", "single")


@dataclass(frozen=True)
class EarlyStopping:
    """Early stopping: a member may end before its last epoch (see `conf/early_stopping/`).

    It ends after the `patience`th epoch in a row whose objective is not better than the best one by more than
    `min_delta`. Source: Goodfellow, Bengio and Courville, "Deep learning", 2016, section 7.8, algorithm 7.1; Prechelt,
    "Early stopping - but when?", in: Neural networks: tricks of the trade, 1998.

    Raises:
        ConfigError: If a value means nothing.
    """

    patience: int | None = field(metadata=within(least=1, is_whole=True, also="null", usual=10))
    min_delta: float = field(metadata=within(least=0, usual=0.0))
    restore_best_weights: bool

    def __post_init__(self) -> None:
        """Check the values."""
        check_fields(self, "early_stopping")


def _balanced_as_it_is() -> Imbalance:
    return Imbalance(class_weights="none", sampling="none")


def _no_shift() -> NDArray[np.float64]:
    return np.zeros(())


def _no_scale() -> NDArray[np.float64]:
    return np.ones(())


@dataclass(frozen=True)
class Fold:
    """The rows of the training part, as the members of one fold see them.

    Attributes:
        split: Which rows they learn from and validate on.
        features: (rows, ...), float32, scaled.
        targets: (rows, ...), as stored.
        shift: What was subtracted from raw features, broadcastable over one row.
        scale: What they were then divided by.
        target_shift: What is subtracted from targets before the loss sees them, broadcastable over one row.
        target_scale: What they are then divided by.
        is_target_log: Whether log(1 + target) takes the place of a target before both.
        target_units: Those in which metrics measure several targets, (targets,); None: their own.
        weights: What each row counts, (rows,); None: all alike.
        quantiles: Those by which raw features became normal numbers first, (quantiles, columns); None: they did not.
    """

    split: Split
    features: Tensor
    targets: Tensor
    shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    target_shift: NDArray[np.float64] = field(default_factory=_no_shift)
    target_scale: NDArray[np.float64] = field(default_factory=_no_scale)
    is_target_log: bool = False
    target_units: Tensor | None = None
    weights: Tensor | None = None
    quantiles: NDArray[np.float64] | None = None

    @property
    def scales_targets(self) -> bool:
        """Whether the loss sees other numbers than those that are stored."""
        return bool(self.is_target_log or self.target_shift.any() or (self.target_scale != 1).any())

    @property
    def weight_factor(self) -> float:
        """Factor that makes the mean weight of the rows to learn from 1."""
        if self.weights is None:
            return 1.0
        # So that a learning rate means the same whatever the unit of the weights.
        return 1 / float(self.weights[torch.from_numpy(self.split.train)].double().mean())

    def for_loss(self, targets: Tensor) -> Tensor:
        """Targets (rows, ...) as a loss sees them."""
        if not self.scales_targets:
            return targets
        known = targets.log1p() if self.is_target_log else targets
        return (known - torch.from_numpy(self.target_shift).float()) / torch.from_numpy(self.target_scale).float()

    def in_unit(self, outputs: Tensor) -> Tensor:
        """Outputs (rows, num_outputs) in the unit of the stored targets."""
        if not self.scales_targets:
            return outputs
        scale, shift = torch.from_numpy(self.target_scale).float(), torch.from_numpy(self.target_shift).float()
        numbers = outputs * scale + shift
        return numbers.expm1() if self.is_target_log else numbers


@dataclass(frozen=True)
class Recipe:
    """A training without its member.

    Attributes:
        network: Builds an untrained network.
        initialize: Draws the initial weights of a network from a generator.
        task: The meaning of outputs and targets.
        loss: (outputs, targets) -> mean over the rows.
        metric: The objective's metric; cloned for each use.
        metric_name: Its name in curves, e.g. `mae`.
        direction: `minimize` or `maximize`.
        optimizer: Builds the optimizer from its parameters.
        schedule: How the learning rate goes.
        trainer: Builds the Lightning trainer; takes further keyword arguments.
        engine: `auto`, `fused` or `single`.
        population: Most members that train together; None: a rule decides.
        max_epochs: Passes over the training rows.
        batch_size: Rows of one step.
        config_hash: Fingerprint of the configuration.
        regularization: What is asked of the weights.
        clipping: How large gradients may be.
        augmentation: What is done to the features of a batch; None: nothing.
        imbalance: What is done for classes with few rows.

    Raises:
        ConfigError: If a value means nothing.
    """

    network: Callable[[], nn.Module]
    initialize: Callable[[nn.Module, torch.Generator], None]
    task: Task
    loss: nn.Module
    metric: Metric
    metric_name: str
    direction: str
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    schedule: Schedule
    trainer: Callable[..., pl.Trainer]
    max_epochs: int
    batch_size: int
    early_stopping: EarlyStopping
    config_hash: str
    engine: str = "auto"
    population: int | None = field(default=None, metadata=within(least=1, is_whole=True, also="null", usual=8))
    regularization: Regularization = field(default_factory=Regularization)
    clipping: Clipping = field(default_factory=Clipping)
    augmentation: Augmentation | OwnAugmentation | None = None
    imbalance: Imbalance = field(default_factory=_balanced_as_it_is)

    def __post_init__(self) -> None:
        """Check the values."""
        check_choice(self.engine, "training.engine", ENGINES)
        check_fields(self, "training")

    def is_better(self, value: float, than: float | None, min_delta: float = 0.0) -> bool:
        """Whether a value of the objective improves on another by more than `min_delta`."""
        if than is None:
            return True
        # nan compares as False: once there is a best value it never improves on it.
        return value < than - min_delta if self.direction == "minimize" else value > than + min_delta


State = dict[str, Any]
