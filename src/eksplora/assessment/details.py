"""All that the page shows of the test part, from a model and its rows."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.config import part
from eksplora.config.compatibility import task_of
from eksplora.counter import derive
from eksplora.data.card import target_names
from eksplora.evaluation.classes import details_of_classes
from eksplora.evaluation.dropout import passes
from eksplora.evaluation.examples import images_of
from eksplora.evaluation.labels import details_of_labels
from eksplora.evaluation.numbers import details_of_numbers
from eksplora.evaluation.predicted import Predicted
from eksplora.inference.ensemble import Ensemble
from eksplora.records.details import DetailsRecord

PASSES, LEAST_PASSES = 50, 10
"""Predictions with dropout left on, of the first member; fewer of more than 2000 rows."""

MEDIANS = (
    "Targets were learned as logarithms (data.target_scaling=log): a prediction is a median of the target. Where "
    "targets are skewed, their mean is larger, and sums of predictions come out too small."
)


def detailed(
    ensemble: Ensemble,
    features: NDArray[Any],
    targets: NDArray[Any],
    each: NDArray[np.float64],
    groups: NDArray[np.int64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> DetailsRecord:
    """Measures, curves, intervals and examples.

    Args:
        ensemble: The model.
        features: Raw, (rows, *input_shape).
        targets: Classes (rows,), or numbers (rows, targets).
        each: What its members predict, see `Ensemble.members`.
        groups: The group of each row, (rows,); None where each row stands alone.
        weights: What each row counts, (rows,); None: all alike.
    """
    is_labels = task_of(ensemble.config) == "multilabel"
    predicted = Predicted(each, None if is_labels else _dropped(ensemble, features), groups, weights)
    if is_labels:
        names = target_names(ensemble.card)
        found = details_of_labels(predicted, targets, names)
    elif ensemble.classes is None:
        quantiles = _quantiles(ensemble, features)
        found = details_of_numbers(predicted, targets, names=target_names(ensemble.card), **quantiles)
    else:
        found = details_of_classes(_of_classes(predicted), targets, ensemble.classes)
    if ensemble.config["data"].get("target_scaling") == "log":
        found = replace(found, notes=[*found.notes, MEDIANS])
    if features.ndim == 4:
        return replace(found, images=images_of(features, shown_rows(found)))
    return found


def shown_rows(details: DetailsRecord) -> list[int]:
    """The rows that are shown as examples, each once."""
    rows = [*details.examples.worst, *details.examples.best]
    rows += [row for pair in details.confused for row in pair.rows]
    return list(dict.fromkeys(rows))


def _of_classes(predicted: Predicted) -> Predicted:
    """Probabilities of all classes, (members, rows, classes), where there may be that of class 1 only."""
    each, dropout = predicted.each, predicted.dropout
    if each.shape[2] > 1:
        return predicted
    both = None if dropout is None else np.concatenate([1 - dropout, dropout], axis=2)
    return replace(predicted, each=np.concatenate([1 - each, each], axis=2), dropout=both)


def _dropped(ensemble: Ensemble, features: NDArray[Any]) -> NDArray[np.float64] | None:
    """Predictions of the first member with dropout left on, (passes, rows, columns); None where it has none."""
    count = max(LEAST_PASSES, min(PASSES, PASSES * 2000 // len(features)))
    outputs = passes(ensemble.networks[0], features, count, derive(0, "dropout"))
    if outputs is None:
        return None
    task = part(ensemble.config, "task")
    return np.stack([task.prediction(one).double().reshape(len(features), -1).numpy() for one in outputs])


def _quantiles(ensemble: Ensemble, features: NDArray[Any]) -> dict[str, Any]:
    """The quantiles that the members put out, where they do, and their levels."""
    levels = ensemble.config["task"].get("levels")
    if levels is None:
        return {}
    return {"quantiles": ensemble.outputs(features).mean(0).double().numpy(), "levels": list(levels)}
