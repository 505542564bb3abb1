"""All that a page shows of the test part, as JSON has it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation import classification, curve, regression, uncertainty
from eksplora.evaluation._notes import notes_of
from eksplora.evaluation._weights import Array
from eksplora.evaluation.finite import check_finite, if_finite
from eksplora.evaluation.summary import Rows, summaries
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
    Image,
    PredictionInterval,
    Residuals,
)
from eksplora.records.measure import Measure

T = TypeVar("T")

MOST_EXAMPLES = 12
MOST_CONFUSED, MOST_OF_A_PAIR = 6, 8
MOST_RESIDUALS = 2000
SEVERAL = "{} targets, each measured in its own unit. Residuals and examples are those of the first, {}."
PER_CLASS = ("recall", "precision", "specificity", "f1", "auroc", "average_precision")


def details_of_classes(
    each: Array,
    labels: NDArray[np.int64],
    names: Sequence[str],
    *,
    dropout: Array | None = None,
    groups: NDArray[np.int64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> DetailsRecord:
    """Measures, curves and examples of a classification.

    Args:
        each: What the members predict, (members, rows, classes), each row summing to 1.
        labels: Class numbers, (rows,).
        names: Of the classes.
        dropout: The same as `each`, of passes with dropout left on.
        groups: The group of each row, (rows,), whose rows are alike; None where each row stands alone.
        weights: What each row counts in measures, (rows,); None: all alike.

    Raises:
        UserError: If predictions are not finite.
    """
    check_finite(each)
    labels, together = np.asarray(labels, dtype=np.int64), each.mean(0)
    counts = classification.confusion(together, labels)
    part = Rows(len(labels), counts.sum(1), groups, weights)
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
        agreements=_agreement(each, labels, if_finite(dropout)),
        notes=notes_of(each, dropout, part, rows),
    )


def details_of_numbers(
    each: Array,
    targets: NDArray[Any],
    *,
    names: Sequence[str] = (),
    quantiles: Array | None = None,
    levels: Sequence[float] | None = None,
    dropout: Array | None = None,
    groups: NDArray[np.int64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> DetailsRecord:
    """Measures, intervals, residuals and examples of a regression.

    Several targets are measured each by itself: measures and intervals are named `<target>/<measure>`. Residuals and
    examples are those of the first.

    Args:
        each: What the members predict, (members, rows) or (members, rows, targets).
        targets: (rows,) or (rows, targets).
        names: Of several targets.
        quantiles: What the networks put out, (rows, levels), mean over members.
        levels: Of these quantiles, ascending.
        dropout: The same as `each`, of passes with dropout left on.
        groups: The group of each row, (rows,), whose rows are alike; None where each row stands alone.
        weights: What each row counts in measures, (rows,); None: all alike.

    Raises:
        UserError: If predictions are not finite.
    """
    check_finite(each)
    if quantiles is not None:
        check_finite(quantiles[None])
    all_wanted = np.asarray(targets, dtype=np.float64).reshape(len(targets), -1)
    count, wanted, passes = all_wanted.shape[1], all_wanted[:, 0], if_finite(dropout)
    names = list(names) if count > 1 else [""]
    part = Rows(len(wanted), np.empty(0, dtype=np.int64), groups, weights)
    measures: dict[str, Measure] = {}
    intervals: list[PredictionInterval] = []
    for place, name in enumerate(names):
        own, its = _of_target(each, place), all_wanted[:, place]
        measures |= _named(name, _measures_of_numbers(own, its, part))
        found = _intervals(own, its, None if passes is None else _of_target(passes, place), quantiles, levels)
        intervals += [replace(one, name=key) for key, one in _named(name, {one.name: one for one in found}).items()]
    each = _of_target(each, 0)
    together = each.mean(0)
    spread = each.std(0, ddof=1) if len(each) > 1 else np.full(len(wanted), np.nan)
    residual = wanted - together
    order = np.argsort(-np.abs(residual), kind="stable")
    half = len(order) // 2  # of few rows none is among the worst and the best at once
    worst, best = order[: min(MOST_EXAMPLES, len(order) - half)], order[::-1][: min(MOST_EXAMPLES, half)]
    shown = curve.thinned(len(wanted), MOST_RESIDUALS)
    columns = {"predicted": together, "actual": wanted, "residual": residual, "std": spread}
    notes = notes_of(each, dropout, part)
    return DetailsRecord(
        kind="numbers",
        rows=len(wanted),
        members=len(each),
        measures=measures,
        residuals=Residuals(
            predicted=curve.rounded(together[shown]),
            actual=curve.rounded(wanted[shown]),
            residual=curve.rounded(residual[shown]),
            std=_listed(spread[shown]),
        ),
        quantiles=curve.quantiles(residual),
        examples=Examples(worst=worst.tolist(), best=best.tolist()),
        rows_table=[_row(int(place), columns) for place in (*worst, *best)],
        intervals=intervals,
        notes=notes if count == 1 else [*notes, SEVERAL.format(count, names[0])],
    )


def images_of(features: NDArray[Any], rows: Sequence[int]) -> dict[str, Image]:
    """Images as whole numbers from 0 (the least value of all of them) to 255, by row number as text.

    Args:
        features: (rows, channels, height, width).
        rows: Numbers of the rows that are shown.

    Returns:
        For each row (height x width) lists, or (height x width x 3) of three channels; other channels are averaged.
    """
    low, high = float(features.min()), float(features.max())
    reach = high - low if high > low else 1.0

    def shown(image: NDArray[Any]) -> Any:
        scaled = np.rint((image.astype(np.float64) - low) / reach * 255).astype(int)
        return (np.moveaxis(scaled, 0, 2) if len(scaled) == 3 else np.rint(scaled.mean(0)).astype(int)).tolist()

    return {str(row): shown(features[row]) for row in rows}


# --- classes -----------------------------------------------------------------------------------------------------


def _flat(scores: classification.Scores) -> dict[str, Array]:
    """Measures of all rows, and `class <name>` of each class."""
    return {**scores.overall, **{f"class {name}": values for name, values in scores.per_class.items()}}


def _rates(counts: NDArray[np.int64]) -> list[list[float | None]]:
    """Shares of each line; None where a class has no rows."""
    return [[None if not line.sum() else float(value / line.sum()) for value in line] for line in counts]


def _confused(
    together: Array, labels: NDArray[np.int64], names: Sequence[str], counts: NDArray[np.int64]
) -> list[ConfusedPair]:
    """The pairs of classes that are most often taken for one another, with their most confident rows."""
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
            rows=_most_confident(together, (labels == actual) & (predicted == said), MOST_OF_A_PAIR),
        )
        for actual, said in pairs
    ]


def _most_confident(together: Array, chosen: NDArray[np.bool_], most: int) -> list[int]:
    """Numbers of the chosen rows, those with the largest probability first."""
    places = np.flatnonzero(chosen)
    order = np.argsort(-together[places].max(1), kind="stable")
    return [int(place) for place in places[order][:most]]


def _examples_of_classes(together: Array, labels: NDArray[np.int64]) -> Examples:
    is_right = together.argmax(1) == labels
    return Examples(
        worst=_most_confident(together, ~is_right, MOST_EXAMPLES),
        best=_most_confident(together, is_right, MOST_EXAMPLES),
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
    """Of two classes the curves are those of the second."""
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
    """How far members, and passes with dropout, agree."""
    said = {
        "ensemble": (each if len(each) > 1 else None, f"The mean of {len(each)} members."),
        "dropout": (dropout, f"The mean of {0 if dropout is None else len(dropout)} passes with dropout left on."),
    }
    return [
        uncertainty.of_classes(name, says, values, labels)
        for name, (values, says) in said.items()
        if values is not None
    ]


# --- numbers -----------------------------------------------------------------------------------------------------


def _of_target(values: Array, place: int) -> Array:
    """(members, rows) of one target."""
    return values if values.ndim == 2 else values[:, :, place]


def _named(target: str, found: Mapping[str, T]) -> dict[str, T]:
    """By names that begin with the target's; a single target has none."""
    return {f"{target}/{name}" if target else name: one for name, one in found.items()}


def _measures_of_numbers(each: Array, targets: Array, rows: Rows) -> dict[str, Measure]:
    """All measures of one target."""
    found: dict[str, Measure] = summaries(each, lambda own, weights: regression.scores(own, targets, weights), rows)
    return found


def _listed(values: Array) -> list[float | None]:
    return [None if np.isnan(value) else float(f"{value:.6g}") for value in values]


def _row(place: int, columns: Mapping[str, Array]) -> ExampleRow:
    actual, predicted, difference = curve.rounded(
        np.array([columns[name][place] for name in ("actual", "predicted", "residual")])
    )
    (std,) = _listed(columns["std"][[place]])
    return ExampleRow(row=place, actual=actual, predicted=predicted, difference=difference, std=std)


def _intervals(
    each: Array, targets: Array, dropout: Array | None, quantiles: Array | None, levels: Sequence[float] | None
) -> list[PredictionInterval]:
    found = [uncertainty.of_ensemble(each, targets)] if len(each) > 1 else []
    found += [uncertainty.of_dropout(dropout, targets)] if dropout is not None else []
    if quantiles is None or levels is None or len(levels) < 2:  # one quantile has nothing to lie between
        return found
    return [*found, uncertainty.of_quantiles(quantiles, levels, targets)]
