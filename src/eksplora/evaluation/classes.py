"""Measures, curves and examples of a classification."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation import classification, curve, uncertainty
from eksplora.evaluation._notes import notes_of
from eksplora.evaluation._weights import Array
from eksplora.evaluation.examples import MOST_EXAMPLES, most_confident
from eksplora.evaluation.predicted import Predicted
from eksplora.evaluation.summary import summaries
from eksplora.records.details import (
    Agreement,
    ClassCurves,
    ClassMeasures,
    ConfusedPair,
    Confusion,
    Curve,
    DetailsRecord,
    ExampleRow,
    Examples,
)
from eksplora.records.measure import Measure

MOST_CONFUSED, MOST_OF_A_PAIR = 6, 8
PER_CLASS = ("recall", "precision", "specificity", "f1", "auroc", "average_precision")


def details_of_classes(predicted: Predicted, labels: NDArray[np.int64], names: Sequence[str]) -> DetailsRecord:
    """Measures, curves and examples of a classification.

    Args:
        predicted: Probabilities, (members, rows, classes), each row summing to 1.
        labels: Class numbers, (rows,).
        names: Of the classes.
    """
    each, together, labels = predicted.each, predicted.ensemble, np.asarray(labels, dtype=np.int64)
    counts = classification.confusion(together, labels)
    part = predicted.rows(counts.sum(1))
    found = summaries(each, lambda own, weights: _flat(classification.scores(own, labels, weights)), part)
    measures = {name: value for name, value in found.items() if isinstance(value, Measure)}
    rows = dict(zip(names, counts.sum(1).tolist(), strict=True))
    examples, confused = _examples_of_classes(together, labels), _confused(together, labels, names, counts)
    pictured = [row for pair in confused for row in pair.rows]
    return DetailsRecord(
        kind="classes",
        classes=list(names),
        rows=len(labels),
        members=len(each),
        measures=measures,
        per_class=[
            ClassMeasures(
                name=name,
                rows=int(counts[number].sum()),
                measures={key: found[f"class {key}"][number] for key in PER_CLASS},
            )
            for number, name in enumerate(names)
        ],
        confusion=Confusion(counts=counts.tolist(), rates=_rates(counts)),
        confused=confused,
        curves=_curves(together, labels, names),
        examples=examples,
        rows_table=_rows_of_classes(together, labels, names, [*examples.worst, *examples.best, *pictured]),
        agreements=_agreement(each, labels, predicted.passes),
        notes=notes_of(predicted, part, rows),
    )


def _flat(scores: classification.Scores) -> dict[str, Array]:
    """Measures of all rows, and `class <name>` of each class."""
    return {**scores.overall, **{f"class {name}": values for name, values in scores.per_class.items()}}


def _rates(counts: NDArray[np.int64]) -> list[list[float | None]]:
    """Shares of each line; None where a class has no rows."""
    return [[None if not line.sum() else float(value / line.sum()) for value in line] for line in counts]


def _confused(
    together: Array, labels: NDArray[np.int64], names: Sequence[str], counts: NDArray[np.int64]
) -> list[ConfusedPair]:
    """The pairs of classes that are most often confused with one another, with their most confident rows."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [divmod(int(place), len(names)) for place in order if wrong.flat[place]]
    predicted = together.argmax(1)
    return [
        ConfusedPair(
            actual=names[actual],
            predicted=names[said],
            count=int(wrong[actual, said]),
            share=float(wrong[actual, said] / counts[actual].sum()),
            rows=most_confident(together, (labels == actual) & (predicted == said), MOST_OF_A_PAIR),
        )
        for actual, said in pairs
    ]


def _examples_of_classes(together: Array, labels: NDArray[np.int64]) -> Examples:
    is_right = together.argmax(1) == labels
    return Examples(
        worst=most_confident(together, ~is_right, MOST_EXAMPLES),
        best=most_confident(together, is_right, MOST_EXAMPLES),
    )


def _rows_of_classes(
    together: Array, labels: NDArray[np.int64], names: Sequence[str], rows: Sequence[int]
) -> list[ExampleRow]:
    """Target and prediction of each of some rows, each row once."""
    return [
        ExampleRow(
            row=row,
            actual=names[labels[row]],
            predicted=names[together[row].argmax()],
            probability=float(together[row].max()),
        )
        for row in dict.fromkeys(rows)
    ]


def _curves(together: Array, labels: NDArray[np.int64], names: Sequence[str]) -> ClassCurves:
    """Curves of each class; of two classes those of the second."""
    shown = [1] if len(names) == 2 else range(len(names))

    def drawn(draw: Callable[[str, Array, NDArray[np.bool_]], Curve | None]) -> list[Curve]:
        found = [draw(names[number], together[:, number], labels == number) for number in shown]
        return [one for one in found if one is not None]

    return ClassCurves(
        roc=drawn(curve.roc),
        precision_recall=drawn(curve.precision_recall),
        calibration=curve.calibration(together, labels),
        selective=curve.selective(together, labels),
    )


def _agreement(each: Array, labels: NDArray[np.int64], dropout: Array | None) -> list[Agreement]:
    """Agreement of members, and of passes with dropout."""
    said = {
        "ensemble": (each if len(each) > 1 else None, f"The mean of {len(each)} members."),
        "dropout": (dropout, f"The mean of {0 if dropout is None else len(dropout)} passes with dropout left on."),
    }
    return [
        uncertainty.of_classes(name, says, values, labels)
        for name, (values, says) in said.items()
        if values is not None
    ]
