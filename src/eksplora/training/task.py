"""Meaning of a network's output: how stored targets are handed to the loss, and outputs to the metric."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from eksplora.errors import ConfigError
from eksplora.loss import checked_levels


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


def comparable(numbers: Tensor, units: Tensor | None) -> Tensor:
    """Predictions or targets (rows, targets) as a metric takes them: several targets each in its own unit, (targets,).

    A metric averages over targets. In one unit for all, the targets with large numbers would decide alone.
    """
    return numbers if units is None else numbers / units.to(numbers.device)


def classification(*, num_outputs: int) -> Task:
    """Several classes: outputs are scores, (rows, classes); targets are class numbers, (rows,).

    The metric gets probabilities, softmax(scores). Source: Bishop, "Pattern recognition and machine
    learning", 2006, section 5.2.
    """
    return Task(num_outputs, target=Tensor.long, metric_target=_same, prediction=_probabilities)


def binary(*, num_outputs: int) -> Task:
    """Two classes: the output is the log-odds of class 1, (rows, 1); targets are 0 or 1, (rows, 1).

    The metric gets the probability of class 1, sigmoid(log-odds). Source: Bishop, "Pattern recognition and machine
    learning", 2006, section 5.2.
    """
    return Task(num_outputs, target=_column, metric_target=_flat_labels, prediction=_odds_to_probability)


def multilabel(*, num_outputs: int) -> Task:
    """Labels of which a row may have several: outputs are their log-odds, (rows, labels); targets are 0 or 1, likewise.

    The metric gets probabilities, sigmoid(log-odds). Source: Tsoumakas and Katakis, "Multi-label classification: an
    overview", International Journal of Data Warehousing and Mining 3, 2007: binary relevance, with shared layers.
    """
    return Task(num_outputs, target=_labels, metric_target=Tensor.long, prediction=_odds_to_probabilities)


def regression(*, num_outputs: int) -> Task:
    """Numbers: outputs and targets are (rows, targets), in the target's unit.

    Source: Bishop, "Pattern recognition and machine learning", 2006, section 5.2.
    """
    return Task(num_outputs, target=Tensor.float, metric_target=_same, prediction=_same)


def counts(*, num_outputs: int) -> Task:
    """Numbers of events: outputs are logarithms of their expected numbers, targets 0 or more, both (rows, targets).

    The metric gets the expected numbers, exp(output). Source: McCullagh and Nelder, "Generalized linear models", 2nd
    edition, 1989, chapter 6, log-linear models.
    """
    return Task(num_outputs, target=_counted, metric_target=_same, prediction=_expected_counts)


def quantiles(*, num_outputs: int, levels: Sequence[float]) -> Task:
    """Quantiles of one number: outputs are (rows, levels), targets (rows, 1), in the target's unit.

    The metric gets the median. Source: Koenker and Bassett, "Regression quantiles", Econometrica 46, 1978.

    Raises:
        ConfigError: If levels are not ascending between 0 and 1 or lack 0.5, or there is not one output for each.
    """
    known = checked_levels(levels, "task.levels")
    if num_outputs != len(known):
        raise ConfigError(
            f"task.levels: {len(known)} levels want as many outputs, and task.num_outputs is {num_outputs}. "
            f"Set task.num_outputs={len(known)}."
        )
    if 0.5 not in known:
        raise ConfigError(f"task.levels={list(known)} lack the median, by which trials are compared. Add 0.5.")
    middle = known.index(0.5)
    return Task(num_outputs, target=_one_column, metric_target=_same, prediction=partial(_output, index=middle))


def _same(values: Tensor) -> Tensor:
    return values


def _counted(targets: Tensor) -> Tensor:
    if (targets < 0).any():
        raise ConfigError("task=counts: numbers of events are 0 or more, the data have less. Choose task=regression.")
    return targets.float()


def _expected_counts(logarithms: Tensor) -> Tensor:
    return logarithms.float().exp()


def _one_column(targets: Tensor) -> Tensor:
    if targets.dim() != 2 or targets.shape[1] != 1:
        raise ConfigError(
            f"task: quantiles are those of one target per row, the data have {tuple(targets.shape[1:])}. "
            "Choose task=regression."
        )
    return targets.float()


def _output(outputs: Tensor, *, index: int) -> Tensor:
    """(rows, 1)."""
    return outputs[:, index : index + 1]


def _probabilities(scores: Tensor) -> Tensor:
    # In 32 bits: under bfloat16 or float16 autocast probabilities would have three digits.
    return torch.softmax(scores.float(), dim=1)


def _column(labels: Tensor) -> Tensor:
    return labels.float().reshape(-1, 1)


def _flat_labels(targets: Tensor) -> Tensor:
    return targets.reshape(-1).long()


def _labels(targets: Tensor) -> Tensor:
    if targets.dim() != 2 or not ((targets == 0) | (targets == 1)).all():
        raise ConfigError(
            "task=multilabel: targets are 0 or 1, a column for each label, and the data have others. "
            "Choose task=regression."
        )
    return targets.float()


def _odds_to_probabilities(odds: Tensor) -> Tensor:
    # In 32 bits, as above.
    return torch.sigmoid(odds.float())


def _odds_to_probability(odds: Tensor) -> Tensor:
    # (rows,): torchmetrics takes two classes without a column.
    return torch.sigmoid(odds.float()).reshape(-1)
