"""Measures of labels of which a row may have several, or none: of all of them, and label by label."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation import classification, curve
from eksplora.evaluation._notes import notes_of
from eksplora.evaluation._weights import Array
from eksplora.evaluation.classes import PER_CLASS
from eksplora.evaluation.examples import worst_and_best
from eksplora.evaluation.predicted import Predicted
from eksplora.evaluation.summary import summaries
from eksplora.records.details import (
    ClassCurves,
    ClassMeasures,
    Curve,
    DetailsRecord,
    ExampleRow,
    Selective,
)
from eksplora.records.measure import Measure

LEFT_OUT = "Of several labels per row there are no confusion matrix, no calibration and no selective accuracy."


def scores(probabilities: Array, labels: NDArray[np.int64], weights: Array) -> dict[str, Array]:
    """All measures for weights (weightings, rows), NaN where not defined; of each label as `class <name>`.

    subset_accuracy = share of rows whose labels are all right, hamming = share of labels that are wrong; label_f1,
    mean_average_precision, auroc and log_loss are means over the labels that have rows. A row is said to have a label
    above a probability of 0.5. Source: Tsoumakas and Katakis, "Multi-label classification: an overview", 2007.

    Args:
        probabilities: (rows, labels).
        labels: 0 or 1, (rows, labels).
        weights: (weightings, rows).
    """
    each = [_of_label(probabilities[:, place], labels[:, place], weights) for place in range(labels.shape[1])]
    of_labels = {name: np.stack([one[name] for one in each], axis=1) for name in each[0]}
    is_right = (probabilities > 0.5) == (labels == 1)
    total = weights.sum(1)
    return {
        "subset_accuracy": weights @ is_right.all(1) / total,
        "hamming": weights @ (~is_right).mean(1) / total,
        "label_f1": _mean(of_labels["f1"]),
        "mean_average_precision": _mean(of_labels["average_precision"]),
        "auroc": _mean(of_labels["auroc"]),
        "log_loss": of_labels["log_loss"].mean(1),
        **{f"class {name}": of_labels[name] for name in PER_CLASS},
    }


def _of_label(probability: Array, label: NDArray[np.int64], weights: Array) -> dict[str, Array]:
    """The measures of one label against its absence, (weightings,)."""
    found = classification.scores(np.stack([1 - probability, probability], axis=1), label, weights)
    return {name: found.per_class[name][:, 1] for name in PER_CLASS} | {"log_loss": found.overall["log_loss"]}


def _mean(values: Array) -> Array:
    """Mean over the labels that have a value, (weightings,)."""
    known = np.isfinite(values)
    counts = known.sum(1)
    return np.where(counts > 0, np.where(known, values, 0.0).sum(1) / np.maximum(counts, 1), np.nan)


def details_of_labels(predicted: Predicted, labels: NDArray[np.int64], names: Sequence[str]) -> DetailsRecord:
    """Measures, curves and examples of several labels per row.

    Args:
        predicted: Probabilities, (members, rows, labels). Passes with dropout left on are not looked at.
        labels: 0 or 1, (rows, labels).
        names: Of the labels.
    """
    each, together, labels = predicted.each, predicted.ensemble, np.asarray(labels, dtype=np.int64)
    part = predicted.rows(labels.sum(0))
    found = summaries(each, lambda own, counted: scores(own, labels, counted), part)
    examples = worst_and_best(_row_losses(together, labels))
    rows = dict(zip(names, labels.sum(0).tolist(), strict=True))
    return DetailsRecord(
        kind="labels",
        classes=list(names),
        rows=len(labels),
        members=len(each),
        measures={name: value for name, value in found.items() if isinstance(value, Measure)},
        per_class=[
            ClassMeasures(name=name, rows=count, measures={key: found[f"class {key}"][place] for key in PER_CLASS})
            for place, (name, count) in enumerate(rows.items())
        ],
        curves=_curves(together, labels, names),
        examples=examples,
        rows_table=[_row(row, together, labels, names) for row in (*examples.worst, *examples.best)],
        notes=[*notes_of(replace(predicted, dropout=None), part, rows)[:-1], LEFT_OUT],  # the last is of dropout
    )


def _row_losses(probabilities: Array, labels: NDArray[np.int64]) -> Array:
    """The mean log-loss of each row's labels, (rows,)."""
    own = np.where(labels == 1, probabilities, 1 - probabilities)
    found: Array = -np.log(np.clip(own, classification.SMALLEST, 1.0)).mean(1)
    return found


def _row(row: int, probabilities: Array, labels: NDArray[np.int64], names: Sequence[str]) -> ExampleRow:
    actual, predicted = (
        words([name for name, has in zip(names, own, strict=True) if has])
        for own in (labels[row] == 1, probabilities[row] > 0.5)
    )
    return ExampleRow(row=row, actual=actual, predicted=predicted)


def words(found: Sequence[str]) -> str:
    """The labels of a row in words."""
    return ", ".join(found) or "none"


def _curves(together: Array, labels: NDArray[np.int64], names: Sequence[str]) -> ClassCurves:
    drawn: Mapping[str, list[Curve]] = {"roc": [], "precision_recall": []}
    for place, name in enumerate(names):
        for kind, draw in (("roc", curve.roc), ("precision_recall", curve.precision_recall)):
            one = draw(name, together[:, place], labels[:, place] == 1)
            drawn[kind].extend([] if one is None else [one])
    return ClassCurves(**drawn, calibration=[], selective=Selective(share=[], accuracy=[]))
