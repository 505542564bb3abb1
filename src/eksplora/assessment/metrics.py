"""Metrics of a model on the test part: of each member, and of all of them together."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from math import isclose
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics import R2Score

from eksplora.assessment.left_out import of_any
from eksplora.assessment.part import TestPart
from eksplora.config import part as part_of
from eksplora.data.card import target_names, target_units
from eksplora.errors import DataError
from eksplora.inference.ensemble import Ensemble
from eksplora.records.estimate import Estimate
from eksplora.records.measure import Measure
from eksplora.training.task import comparable
from eksplora.work.weighted import metric_for


def of_each_target(metrics: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics and, of several targets, each for every target: named `<target>/<metric>`."""
    names = target_names(card) if target_units(card) is not None else []
    return {**metrics, **{f"{target}/{name}": metric for target in names for name, metric in metrics.items()}}


def leave_out(metric: str, error: Exception) -> None:
    """Say that a metric that nobody chose is left out."""
    reason = " ".join(str(error).split())
    print(f"the metric {metric} is left out, it cannot be used here: {reason}", file=sys.stderr)


def usable(known: TestPart, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics that can be computed: the objective's, which is the first, and others that do not raise."""
    found = dict(metrics)
    for name in list(metrics)[1:]:
        try:
            values_of(known, {name: metrics[name]}, known.each[0])
        except DataError:
            continue  # it has its own message
        except Exception as error:  # nobody chose it
            leave_out(name, error)
            del found[name]
    return found


def values_of(known: TestPart, metrics: Mapping[str, Any], prediction: NDArray[np.float64]) -> dict[str, float]:
    """The metrics of predictions (rows, columns); of several targets in their units, or of the one that a name has.

    Raises:
        DataError: If a metric is not defined for so few rows.
    """
    card, weights = known.ensemble.card, known.weights
    predicted, target = tensors(known.ensemble, prediction, known.targets)
    units, found = target_units(card), {}
    of_rows = None if weights is None else torch.from_numpy(np.array(weights))
    for name, plain in metrics.items():
        metric = metric_for(plain, weights)
        metric.reset()
        of_target = name.rpartition("/")[0]
        try:
            if of_target:
                place = target_names(card).index(of_target)
                found[name] = value_of(metric, predicted[:, [place]], target[:, [place]], of_rows)
            else:
                tensor = None if units is None else torch.from_numpy(units)
                found[name] = value_of(metric, comparable(predicted, tensor), comparable(target, tensor), of_rows)
        except ValueError as error:  # R^2 of a single row
            raise DataError(f"{name} of {len(known.targets)} test rows: {error} Raise data.test_fraction.") from None
    return found


def tensors(
    ensemble: Ensemble, prediction: NDArray[np.float64], targets: NDArray[Any]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions (rows, columns) and their targets as a metric takes them."""
    task = part_of(ensemble.config, "task")
    target = task.metric_target(task.target(torch.from_numpy(np.array(targets))))
    predicted = torch.from_numpy(prediction)
    return predicted[:, 0] if target.dim() == 1 and predicted.shape[1] == 1 else predicted, target


def value_of(metric: Any, predicted: torch.Tensor, target: torch.Tensor, weights: torch.Tensor | None = None) -> float:
    """A metric of all rows, where torchmetrics' own would mislead.

    A mean over classes leaves out those without rows, as `evaluation.classification` does: torchmetrics counts them as
    0. R^2 is of standardized numbers, which changes nothing but rounding: in single precision a sum of squares of large
    targets, or of tiny ones, is noise.
    """
    if weights is not None:  # formulas of our own
        metric.update(predicted, target, weights)
        return float(metric.compute())
    if isinstance(metric, R2Score) and len(target) > 1 and (target.std(0) > 0).all():
        wide = target.double()
        center, scale = wide.mean(0), wide.std(0)
        predicted, target = (predicted.double() - center) / scale, ((wide - center) / scale).float()
    predicted = predicted.float()
    is_mean = getattr(metric, "average", None) == "macro" and target.dim() == 1
    if is_mean:
        metric.average = "none"
    metric.update(predicted, target)
    value = metric.compute()
    if is_mean:
        metric.average = "macro"
        value = value[torch.bincount(target, minlength=len(value)) > 0].mean()
    return float(value)


def of_ensemble(metrics: Mapping[str, Any], part: TestPart, known: Measure | None) -> Estimate:
    """A metric of all members together, with its interval: that of the measure of its name, where both are the same."""
    (name,) = metrics

    def value(prediction: NDArray[np.float64], *beside: NDArray[Any]) -> float:
        return values_of(part.of_rows(*beside), metrics, prediction)[name]

    own = value(part.each.mean(0), *part.beside)
    if known is not None and known.ensemble.mean is not None and isclose(own, known.ensemble.mean, rel_tol=1e-5):
        low, high = known.ensemble.low, known.ensemble.high
        if low is None or high is None:
            return replace(known.ensemble, mean=own)
        return replace(known.ensemble, mean=own, low=min(low, own), high=max(high, own))  # own is of 32-bit floats
    return of_any(value, part.each, part.targets, name, part.groups, part.weights)
