"""Predictions of a finished member for rows that it did not learn from: kept for comparisons, measured for reports."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.config import part, protocol_splits
from eksplora.data.card import target_units
from eksplora.inference import network_of
from eksplora.records.validation import TESTED, Validation, write_validation
from eksplora.training.task import comparable
from eksplora.types import Config, Cut, Decision, EpochReport, Job, MemberResult, Report, Split, Training
from eksplora.work.weighted import metric_for

BATCH_ROWS = 1024
"""Rows of one forward pass."""


class Measured:
    """A report that measures finished members before it hands their results on."""

    def __init__(self, report: Report, job: Job, *, by_rows: bool = True) -> None:
        """Hand on the results of a job's members to `report`; `by_rows`: whether rows' losses make up the objective."""
        self._report, self._test_rows, self._by_rows = report, job.test_rows, by_rows
        self._trainings = {(one.trial, one.member.index): one for one in job.trainings}

    def epochs(self, reports: Sequence[EpochReport]) -> Sequence[Decision]:
        """Hand on."""
        return self._report.epochs(reports)

    def stop_requested(self) -> bool:
        """Hand on."""
        return self._report.stop_requested()

    def split(self, size: int, reason: str) -> None:
        """Hand on."""
        self._report.split(size, reason)

    def member(self, result: MemberResult) -> None:
        """Measure, then hand on."""
        if result.weights is not None:
            training = self._trainings[result.trial, result.member]
            keep_validation(training, Path(result.weights), by_rows=self._by_rows)
            if self._test_rows:
                result = replace(result, test=tested(training, Path(result.weights), self._test_rows))
        self._report.member(result)


def tested(training: Training, weights: Path, rows: int) -> dict[str, float]:
    """The objective's metric of a trained network on rows of the test part, and alike on those that it learned from.

    The curve `train/<metric>` is gathered while weights move and dropout is on, so it cannot stand beside a value of
    the test part: `train_eval/<metric>` is measured with the kept weights, as the test part is. The test rows' losses
    are kept for comparisons row by row.

    Args:
        training: The network's.
        weights: Its kept weights.
        rows: So many of the first test rows.

    Raises:
        StorageError: If the file of losses cannot be written.
    """
    config, split = training.config, _split_of(training)
    dataset = part(config, "data")
    features, targets = dataset.open("test")
    predicted, wanted = _predicted(config, weights, features, targets, np.arange(min(rows, len(targets))))
    own, part_rows = Split(train=split.train, validation=np.arange(len(wanted))), PartRows.of(dataset, "test")
    write_validation(weights.parent, validation_of(config, own, part_rows, predicted, wanted), TESTED)
    own_features, own_targets = dataset.open("train")
    learned = _predicted(config, weights, own_features, own_targets, split.train)
    name = config["objective"]["metric"]
    values = {
        "test": value_of(config, predicted, wanted, part_rows, own.validation),
        "train_eval": value_of(config, *learned, PartRows.of(dataset, "train"), split.train),
    }
    return {f"{what}/{name}": value for what, value in values.items()}


def measured(config: Config, found: Validation) -> float:
    """The objective's metric of predictions that were kept."""
    dataset = part(config, "data")
    wanted = _wanted(config, dataset.open("train")[1], found.rows)
    return value_of(config, torch.from_numpy(found.prediction), wanted, PartRows.of(dataset, "train"), found.rows)


def value_of(
    config: Config, predicted: Tensor, wanted: Tensor, part_rows: "PartRows", rows: NDArray[np.int64]
) -> float:
    """The objective's metric of predictions for some rows of a part."""
    predicted, wanted = comparable(predicted, part_rows.units), comparable(wanted, part_rows.units)
    weights = part_rows.weights_at(rows)
    metric, known = metric_for(part(config, "metric"), weights), [predicted, wanted]
    known += [] if weights is None else [torch.from_numpy(np.array(weights))]
    for first in range(0, len(wanted), BATCH_ROWS):
        metric.update(*(values[first : first + BATCH_ROWS] for values in known))
    return float(metric.compute())


def keep_validation(training: Training, weights: Path, *, by_rows: bool = True) -> None:
    """Write what a trained network predicts for rows that it did not learn from; nothing where there are none.

    These are the rows that validate or, where there are none, those that are held out. Their losses are left out where
    they do not make up the objective.

    Raises:
        StorageError: If the file cannot be written.
    """
    config, split = training.config, _split_of(training)
    dataset = part(config, "data")
    features, targets = dataset.open("train")
    if len(split.measured):
        predicted, wanted = _predicted(config, weights, features, targets, split.measured)
        part_rows = PartRows.of(dataset, "train")
        found = validation_of(config, split, part_rows, predicted, wanted)
        write_validation(weights.parent, found if by_rows else replace(found, loss=None))


def _split_of(training: Training) -> Split:
    """Rows that a member learns from and validates on."""
    known = json.dumps({key: training.config[key] for key in ("data", "protocol")}, sort_keys=True)
    return _splits(known, training.member.cut)[training.member.fold]


@lru_cache(maxsize=2)
def _splits(text: str, cut: Cut) -> tuple[Split, ...]:
    """The splits of a data and a protocol configuration; kept: the next member wants the same."""
    config = json.loads(text)
    return protocol_splits(config, part(config, "data"), cut)


@dataclass(frozen=True)
class PartRows:
    """Rows of a part of the data.

    Attributes:
        count: All of them.
        groups: The group of each, (rows,); None where each row stands alone.
        units: Those in which several targets are measured, (targets,); None: their own.
        weights: What each row counts, (rows,); None: all alike.
    """

    count: int
    groups: NDArray[np.int64] | None
    units: Tensor | None
    weights: NDArray[np.float64] | None

    @classmethod
    def of(cls, dataset: Any, name: Literal["train", "test"]) -> "PartRows":
        """Those of a part of a data set."""
        units = target_units(dataset.card())
        tensor = None if units is None else torch.from_numpy(units)
        return cls(dataset.rows(name), dataset.beside(name, "groups"), tensor, dataset.beside(name, "weights"))

    def weights_at(self, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Weights of some rows, (rows,)."""
        return None if self.weights is None else self.weights[rows]


def validation_of(config: Config, split: Split, rows: PartRows, predicted: Tensor, wanted: Tensor) -> Validation:
    """Predictions for the rows of a split that validate, with their losses where the metric is a mean over rows.

    Args:
        config: Of the training.
        split: Rows to learn from and to measure on.
        rows: Those of the part of the data that the split is of.
        predicted: What the metric takes, (rows, ...).
        wanted: What it takes as target, (rows, ...).
    """
    losses = row_losses(config["metric"], comparable(predicted, rows.units), comparable(wanted, rows.units))
    numbers = None if losses is None else losses.double().numpy()
    return Validation(
        split.measured,
        predicted.float().numpy(),
        numbers,
        len(split.train),
        rows.count,
        None if rows.groups is None else rows.groups[split.measured],
        rows.weights_at(split.measured),
    )


def _predicted(
    config: Config, weights: Path, features: Any, targets: Any, rows: NDArray[np.int64]
) -> tuple[Tensor, Tensor]:
    """Predictions and targets of some rows, as the metric takes them."""
    network, task = network_of(config, weights), part(config, "task")
    predicted = []
    with torch.inference_mode():
        for first in range(0, len(rows), BATCH_ROWS):
            block = torch.from_numpy(np.array(features[rows[first : first + BATCH_ROWS]]))
            predicted.append(task.prediction(network(block)))
    return torch.cat(predicted), _wanted(config, targets, rows)


def _wanted(config: Config, targets: Any, rows: NDArray[np.int64]) -> Tensor:
    """Targets of some rows, as the metric takes them."""
    task = part(config, "task")
    wanted: Tensor = task.metric_target(task.target(torch.from_numpy(np.array(targets[rows]))))
    return wanted


# --- losses of rows ----------------------------------------------------------------------------------------------


def row_losses(metric: Mapping[str, Any], predicted: Tensor, wanted: Tensor) -> Tensor | None:
    """The part that each row adds to a metric which is a mean over rows, (rows,); None for other metrics.

    Args:
        metric: The metric's node of the configuration.
        predicted: Numbers (rows, targets), probabilities of classes (rows, classes), or of class 1 (rows,).
        wanted: Numbers (rows, targets), or classes (rows,).
    """
    make = _ROW_LOSSES.get(str(metric["_target_"]))
    return None if make is None else make(metric, predicted.double(), wanted)


def _absolute(metric: Mapping[str, Any], predicted: Tensor, wanted: Tensor) -> Tensor | None:
    losses: Tensor = (predicted - wanted).abs().flatten(1).mean(1)
    return losses


def _squared(metric: Mapping[str, Any], predicted: Tensor, wanted: Tensor) -> Tensor | None:
    return (predicted - wanted).square().flatten(1).mean(1) if metric.get("squared", True) else None


def _right_class(metric: Mapping[str, Any], predicted: Tensor, wanted: Tensor) -> Tensor | None:
    """Accuracy of several classes; averaged over classes (macro) it is no mean over rows."""
    return (predicted.argmax(1) == wanted).double() if metric.get("average") == "micro" else None


def _right(metric: Mapping[str, Any], predicted: Tensor, wanted: Tensor) -> Tensor | None:
    is_right: Tensor = (predicted > metric.get("threshold", 0.5)).long() == wanted
    return is_right.double()


def _all_right(metric: Mapping[str, Any], predicted: Tensor, wanted: Tensor) -> Tensor | None:
    """Whether all labels of a row are right."""
    is_right: Tensor = ((predicted > metric.get("threshold", 0.5)).long() == wanted).all(1)
    return is_right.double()


_ROW_LOSSES: Mapping[str, Callable[[Mapping[str, Any], Tensor, Tensor], Tensor | None]] = {
    "torchmetrics.MeanAbsoluteError": _absolute,
    "torchmetrics.MeanSquaredError": _squared,
    "torchmetrics.classification.MulticlassAccuracy": _right_class,
    "torchmetrics.classification.BinaryAccuracy": _right,
    "torchmetrics.classification.MultilabelExactMatch": _all_right,
}
