"""Metrics of rows that count differently: the formulas of `eksplora.evaluation`, in the place of torchmetrics'."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric, R2Score
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, MulticlassAccuracy, MulticlassAUROC
from torchmetrics.classification import MulticlassF1Score as MulticlassF1

from eksplora.errors import ConfigError
from eksplora.evaluation import classification, regression


def measure_of(metric: Metric) -> str | None:
    """The measure of `eksplora.evaluation` that a metric computes; None: it has none of its own.

    Examples:
        >>> measure_of(MeanSquaredError(squared=False)), measure_of(BinaryAccuracy(threshold=0.3))
        ('rmse', None)
    """
    average = getattr(metric, "average", None)
    asked = {"micro": "accuracy", "macro": "balanced_accuracy"} if isinstance(metric, MulticlassAccuracy) else {}
    known: dict[type[Metric], str | None] = {
        MeanAbsoluteError: "mae",
        MeanSquaredError: "mse" if getattr(metric, "squared", True) else "rmse",
        R2Score: "r2" if getattr(metric, "multioutput", "") == "uniform_average" else None,
        MulticlassAccuracy: asked.get(str(average)),
        MulticlassF1: {"macro": "f1", "micro": "accuracy"}.get(str(average)),
        MulticlassAUROC: "auroc" if average == "macro" else None,
        BinaryAccuracy: "accuracy" if getattr(metric, "threshold", 0.5) == 0.5 else None,
        BinaryAUROC: "auroc",
    }
    return known.get(type(metric))


class Weighted(Metric):
    """A measure of rows that count differently. It keeps all predictions of an epoch."""

    full_state_update = False
    predictions: list[Tensor]
    targets: list[Tensor]
    weights: list[Tensor]

    def __init__(self, metric: Metric) -> None:
        """Measure what `metric` does.

        Raises:
            ConfigError: If there is no formula for it with weights.
        """
        super().__init__()
        measure = measure_of(metric)
        if measure is None:
            raise ConfigError(
                f"objective: the rows of these data have weights, which {type(metric).__name__} as it is set cannot "
                "take. Choose objective=mae, mse, rmse, r2, accuracy, f1 or auroc, or data without weights."
            )
        self.measure = measure
        for name in ("predictions", "targets", "weights"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, predictions: Tensor, targets: Tensor, weights: Tensor) -> None:
        """Add rows: numbers (rows, targets) or probabilities (rows, classes), and what each counts, (rows,)."""
        self.predictions.append(predictions.detach())
        self.targets.append(targets.detach())
        self.weights.append(weights.detach())

    def compute(self) -> Tensor:
        """The measure of all rows; of several targets the mean over them."""
        parts = (self.predictions, self.targets, self.weights)
        predictions, targets, weights = (
            (part if isinstance(part, Tensor) else torch.cat(part)).double().cpu().numpy() for part in parts
        )
        if targets.ndim == 1:
            both = predictions if predictions.ndim == 2 else np.stack([1 - predictions, predictions], axis=1)
            found = classification.scores(both, targets.astype("int64"), weights[None]).overall[self.measure]
            return torch.tensor(float(found[0]))
        name = "mse" if self.measure == "rmse" else self.measure
        each = [
            float(regression.scores(predictions[:, place], targets[:, place], weights[None])[name][0])
            for place in range(targets.shape[1])
        ]
        mean = sum(each) / len(each)
        return torch.tensor(mean**0.5 if self.measure == "rmse" else mean)


def metric_for(metric: Metric, weights: Any) -> Metric:
    """The metric itself, or the same of rows with weights where there are some."""
    return metric if weights is None else Weighted(metric)
