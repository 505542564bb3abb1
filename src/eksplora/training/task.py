"""What a network's output means: how stored targets are handed to the loss, and outputs to the metric."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Task:
    """The meaning of outputs.

    Attributes:
        num_outputs: Width of the network's last layer.
        target: Stored targets -> what the loss takes, both with rows first.
        metric_target: What the loss takes -> what the metric takes as target.
        prediction: Network outputs (rows, num_outputs) -> what the metric takes as prediction.
    """

    num_outputs: int
    target: Callable[[Tensor], Tensor]
    metric_target: Callable[[Tensor], Tensor]
    prediction: Callable[[Tensor], Tensor]


def classification(*, num_outputs: int) -> Task:
    """Several classes: outputs are scores, (rows, classes); targets are class numbers, (rows,)."""
    return Task(num_outputs, target=Tensor.long, metric_target=_same, prediction=_probabilities)


def binary(*, num_outputs: int) -> Task:
    """Two classes: the output is the log-odds of class 1, (rows, 1); targets are 0 or 1, (rows, 1)."""
    return Task(num_outputs, target=_column, metric_target=_flat_labels, prediction=_odds_to_probability)


def regression(*, num_outputs: int) -> Task:
    """Numbers: outputs and targets are (rows, targets), in the target's unit."""
    return Task(num_outputs, target=Tensor.float, metric_target=_same, prediction=_same)


def _same(values: Tensor) -> Tensor:
    return values


def _probabilities(scores: Tensor) -> Tensor:
    return torch.softmax(scores.float(), dim=1)


def _column(labels: Tensor) -> Tensor:
    return labels.float().reshape(-1, 1)


def _flat_labels(targets: Tensor) -> Tensor:
    return targets.reshape(-1).long()


def _odds_to_probability(odds: Tensor) -> Tensor:
    return torch.sigmoid(odds.float()).reshape(-1)
