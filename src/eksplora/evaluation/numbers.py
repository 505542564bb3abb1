"""Measures, intervals, residuals and examples of a regression."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation import curve, regression, uncertainty
from eksplora.evaluation._notes import notes_of
from eksplora.evaluation._weights import Array
from eksplora.evaluation.examples import worst_and_best
from eksplora.evaluation.finite import check_finite
from eksplora.evaluation.predicted import Predicted
from eksplora.evaluation.summary import MeasuredRows, summaries
from eksplora.records.details import DetailsRecord, ExampleRow, PredictionInterval, Residuals
from eksplora.records.measure import Measure

T = TypeVar("T")

MOST_RESIDUALS = 2000
SEVERAL = "{} targets, each measured in its own unit. Residuals and examples are those of the first, {}."


def details_of_numbers(
    predicted: Predicted,
    targets: NDArray[Any],
    *,
    names: Sequence[str] = (),
    quantiles: Array | None = None,
    levels: Sequence[float] | None = None,
) -> DetailsRecord:
    """Measures, intervals, residuals and examples of a regression.

    Several targets are measured each by itself: measures and intervals are named `<target>/<measure>`. Residuals and
    examples are those of the first.

    Args:
        predicted: Numbers, (members, rows) or (members, rows, targets).
        targets: (rows,) or (rows, targets).
        names: Of several targets.
        quantiles: What the networks put out, (rows, levels), mean over members.
        levels: Of these quantiles, ascending.

    Raises:
        UserError: If quantiles are not finite.
    """
    if quantiles is not None:
        check_finite(quantiles[None])
    all_wanted = np.asarray(targets, dtype=np.float64).reshape(len(targets), -1)
    count, wanted, passes = all_wanted.shape[1], all_wanted[:, 0], predicted.passes
    names = list(names) if count > 1 else [""]
    part = predicted.rows(np.empty(0, dtype=np.int64))
    measures: dict[str, Measure] = {}
    intervals: list[PredictionInterval] = []
    for index, name in enumerate(names):
        own, its = _of_target(predicted.each, index), all_wanted[:, index]
        measures |= _named(name, _measures_of_numbers(own, its, part))
        found = _intervals(own, its, None if passes is None else _of_target(passes, index), quantiles, levels)
        intervals += [replace(one, name=key) for key, one in _named(name, {one.name: one for one in found}).items()]
    each = _of_target(predicted.each, 0)
    together = each.mean(0)
    spread = each.std(0, ddof=1) if len(each) > 1 else np.full(len(wanted), np.nan)
    columns = {"predicted": together, "actual": wanted, "residual": wanted - together, "std": spread}
    examples = worst_and_best(np.abs(columns["residual"]))
    notes = notes_of(predicted, part)
    return DetailsRecord(
        kind="numbers",
        rows=len(wanted),
        members=len(each),
        measures=measures,
        residuals=_residuals(columns),
        quantiles=curve.quantiles(columns["residual"]),
        examples=examples,
        rows_table=[_row(row, columns) for row in (*examples.worst, *examples.best)],
        intervals=intervals,
        notes=notes if count == 1 else [*notes, SEVERAL.format(count, names[0])],
    )


def _of_target(values: Array, index: int) -> Array:
    """(members, rows) of one target."""
    return values if values.ndim == 2 else values[:, :, index]


def _named(target: str, found: Mapping[str, T]) -> dict[str, T]:
    """The same by names that begin with the target's; a single target has none."""
    return {f"{target}/{name}" if target else name: one for name, one in found.items()}


def _measures_of_numbers(each: Array, targets: Array, rows: MeasuredRows) -> dict[str, Measure]:
    """All measures of one target."""
    found: dict[str, Measure] = summaries(each, lambda own, weights: regression.scores(own, targets, weights), rows)
    return found


def _listed(values: Array) -> list[float | None]:
    return [None if np.isnan(value) else float(f"{value:.6g}") for value in values]


def _residuals(columns: Mapping[str, Array]) -> Residuals:
    """Rows evenly taken of all."""
    shown = curve.thinned(len(columns["actual"]), MOST_RESIDUALS)
    return Residuals(
        predicted=curve.rounded(columns["predicted"][shown]),
        actual=curve.rounded(columns["actual"][shown]),
        residual=curve.rounded(columns["residual"][shown]),
        std=_listed(columns["std"][shown]),
    )


def _row(row: int, columns: Mapping[str, Array]) -> ExampleRow:
    actual, predicted, difference = curve.rounded(
        np.array([columns[name][row] for name in ("actual", "predicted", "residual")])
    )
    (std,) = _listed(columns["std"][[row]])
    return ExampleRow(row=row, actual=actual, predicted=predicted, difference=difference, std=std)


def _intervals(
    each: Array, targets: Array, dropout: Array | None, quantiles: Array | None, levels: Sequence[float] | None
) -> list[PredictionInterval]:
    found = [uncertainty.of_ensemble(each, targets)] if len(each) > 1 else []
    found += [uncertainty.of_dropout(dropout, targets)] if dropout is not None else []
    if quantiles is None or levels is None or len(levels) < 2:  # one quantile has nothing to lie between
        return found
    return [*found, uncertainty.of_quantiles(quantiles, levels, targets)]
