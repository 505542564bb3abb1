"""The delivered model beside plain baselines on the test part, row by row."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from eksplora.assessment.left_out import left_out_of
from eksplora.assessment.metrics import tensors, values_of
from eksplora.assessment.part import TestPart
from eksplora.data.card import target_units
from eksplora.evaluation.summary import MeasuredRows
from eksplora.records.evaluate import BesideBaseline
from eksplora.statistics.delivered import FEW_GROUPS, LeftOut, left_out_of_mean, uncertain_delivered
from eksplora.statistics.generalization import Method, Scope, Uncertain, with_least_p
from eksplora.statistics.sentence import recorded
from eksplora.statistics.verdict import compare_found
from eksplora.training.task import comparable
from eksplora.types import Config
from eksplora.work import baseline
from eksplora.work.measurement import row_losses

MODEL = "the delivered model"
SEED = 0
"""Seed of baselines that draw at random: each is fitted once."""


def beside_baselines(
    known: TestPart, configs: Mapping[str, Config], metric: tuple[str, Any], direction: str, alpha: float
) -> list[BesideBaseline]:
    """Fit baselines to all rows of the training part, and compare the model with each on the test part.

    A baseline that cannot be fitted is left out: nobody asked for it.

    Args:
        known: The test part.
        configs: The configuration of each baseline, by name.
        metric: Name and object of the objective's metric.
        direction: Which way it is better.
        alpha: Level of significance of all together.
    """
    predictions: dict[str, NDArray[np.float64]] = {}
    for name, config in configs.items():
        try:
            predictions[name] = baseline.tested(config, SEED)
        except Exception as error:
            print(f"the baseline {name} is left out: {' '.join(str(error).split())}", file=sys.stderr)
    if not predictions:
        return []
    found = [_difference(known, rival, metric) for rival in predictions.values()]
    members, rows = len(known.each), len(known.targets)
    compared = compare_found(found, direction=direction, members=members, rows=rows, alpha=alpha)
    return [
        BesideBaseline(
            name=name,
            value=_value(known, metric, rival),
            versus=recorded(one, name=MODEL, reference=name),
        )
        for (name, rival), one in zip(predictions.items(), compared, strict=True)
    ]


def _value(known: TestPart, metric: tuple[str, Any], prediction: NDArray[np.float64]) -> float:
    return values_of(known, dict([metric]), prediction)[metric[0]]


def _difference(known: TestPart, rival: NDArray[np.float64], metric: tuple[str, Any]) -> Uncertain:
    """The model's metric less a rival's, with its error over rows, and over members where there are several."""
    own, rows = known.each.mean(0), known.rows
    mean = _value(known, metric, own) - _value(known, metric, rival)
    if not rows.are_enough(metric[0]):
        return Uncertain(mean, None, 0, Scope.NEW_ROWS, Method.LEFT_OUT, np.zeros(1))
    losses = _losses(known, [own, rival, *_without_each(known.each)])
    if losses is None:
        left_out = _by_values(known, rival, metric)
        found = None if left_out is None else uncertain_delivered(mean, left_out)
    else:
        left_out = _by_rows(losses, rows)
        found = with_least_p(uncertain_delivered(mean, left_out), _differing(losses[0] - losses[1], known.groups))
    if found is None:
        return Uncertain(mean, None, 0, Scope.NEW_ROWS, Method.LEFT_OUT, np.zeros(1))
    return found if len(known.each) > 1 else replace(found, scope=Scope.NETWORKS)


def _without_each(each: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The predictions without each member; none of a single one."""
    return [np.delete(each, member, axis=0).mean(0) for member in range(len(each))] if len(each) > 1 else []


def _losses(known: TestPart, predictions: Sequence[NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """Part that each row adds to the metric, (predictions, rows); None where it is no mean over rows."""
    units, found = target_units(known.ensemble.card), []
    tensor = None if units is None else torch.from_numpy(units)
    for prediction in predictions:
        predicted, target = tensors(known.ensemble, prediction, known.targets)
        metric = known.ensemble.config["metric"]
        losses = row_losses(metric, comparable(predicted, tensor), comparable(target, tensor))
        if losses is None:
            return None
        found.append(losses.double().numpy())
    return np.stack(found)


def _by_rows(losses: NDArray[np.float64], rows: MeasuredRows) -> LeftOut:
    weights = np.ones(rows.count) if rows.weights is None else rows.weights
    differences = losses[[0, *range(2, len(losses))]] - losses[1]
    return left_out_of_mean(differences[0], differences[1:], weights, rows.left_out(), rows.left_out(FEW_GROUPS))


def _by_values(known: TestPart, rival: NDArray[np.float64], metric: tuple[str, Any]) -> LeftOut | None:
    """The same of a metric that is no mean over rows; None where it is not defined for fewer rows."""

    def gap(prediction: NDArray[np.float64], other: NDArray[np.float64], *beside: NDArray[Any]) -> float:
        left = known.of_rows(*beside)
        return _value(left, metric, prediction) - _value(left, metric, other)

    return left_out_of(gap, known.each, [rival, *known.beside], known.rows)


def _differing(differences: NDArray[np.float64], groups: NDArray[np.int64] | None) -> int:
    """Rows, or groups, in which the model and a rival differ."""
    is_other = differences != 0
    return int(is_other.sum()) if groups is None else len(np.unique(groups[is_other]))
