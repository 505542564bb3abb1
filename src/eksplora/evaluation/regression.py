"""Measures of numbers. With y a target and p what is predicted, over n rows; r = y - p."""

import numpy as np

from eksplora.evaluation._weights import Array, once, ratio


def measures(predictions: Array, targets: Array) -> dict[str, float | None]:
    """The measures of all rows; None where one is not defined. Both are (rows,).

    Examples:
        >>> found = measures(np.array([1.0, 2.0, 5.0]), np.array([1.0, 3.0, 3.0]))
        >>> found["mae"], found["max_error"], found["median_ae"]
        (1.0, 2.0, 1.0)
    """
    found = scores(predictions, targets, once(len(targets)))
    return {name: float(values[0]) if np.isfinite(values[0]) else None for name, values in found.items()}


def scores(predictions: Array, targets: Array, weights: Array) -> dict[str, Array]:
    """All measures for weights (weightings, rows), each (weightings,); NaN where not defined.

    mae, mse, rmse, median_ae, max_error; mape = mean |r / y|, undefined with a target of 0; msle = mean (log(1 + y) -
    log(1 + p))^2, undefined below 0; r2 = 1 - sum r^2 / sum (y - mean y)^2 and explained_variance = 1 - var r / var y,
    undefined where targets do not vary; poisson_deviance = 2 mean (y log(y / p) - y + p), undefined for y < 0, p <= 0.
    """
    off = np.abs(targets - predictions)
    rows = weights.sum(1)

    def mean(values: Array) -> Array:
        return weights @ values / rows  # type: ignore[no-any-return]

    mse = mean(off**2)
    absent = np.full(len(weights), np.nan)
    return {
        "mae": mean(off),
        "mse": mse,
        "rmse": np.sqrt(mse),
        "median_ae": _median(off, weights),
        "max_error": np.where(weights > 0, off, 0.0).max(1),
        "mape": mean(off / np.abs(targets)) if targets.all() else absent,
        "msle": mean((np.log1p(targets) - np.log1p(predictions)) ** 2) if _at_least_0(targets, predictions) else absent,
        **_explained(targets, targets - predictions, weights),
        "poisson_deviance": mean(_deviance(targets, predictions)) if _are_counts(targets, predictions) else absent,
    }


def _explained(targets: Array, residuals: Array, weights: Array) -> dict[str, Array]:
    """Coefficient of determination R2; stable for targets in any unit, however far from 0."""
    total, around = _squares(targets, weights), _squares(residuals, weights)
    return {"r2": 1 - ratio(weights @ residuals**2, total), "explained_variance": 1 - ratio(around, total)}


def _squares(values: Array, weights: Array) -> Array:
    """Sum of squared distances from the mean, (weightings,); 0 where the values do not vary."""
    centred = values - np.median(values)  # 0 exactly where they are equal, and no large numbers are subtracted
    squares = weights @ centred**2
    found = squares - (weights @ centred) ** 2 / weights.sum(1)
    return np.where(found > 1e-12 * squares, found, 0.0)  # less is rounding: a resample of one row


def _median(values: Array, weights: Array) -> Array:
    """The median, the mean of the middle two where there are two, of rows that count as often as their weight says."""
    order = np.argsort(values)
    upto, sorted_values = weights[:, order].cumsum(1), values[order]
    half = weights.sum(1)[:, None] / 2
    places = [np.minimum(below.sum(1), len(values) - 1) for below in (upto < half, upto <= half)]
    found: Array = (sorted_values[places[0]] + sorted_values[places[1]]) / 2
    return found


def _at_least_0(targets: Array, predictions: Array) -> bool:
    return bool((targets >= 0).all() and (predictions >= 0).all())


def _are_counts(targets: Array, predictions: Array) -> bool:
    return bool((targets >= 0).all() and (predictions > 0).all())


def _deviance(targets: Array, predictions: Array) -> Array:
    """Deviance of each row; y log(y / p) is 0 for y = 0. Source: McCullagh and Nelder 1989, section 2.3."""
    logged = np.zeros_like(targets)
    np.log(targets / predictions, out=logged, where=targets > 0)
    found: Array = 2 * (targets * logged - targets + predictions)
    return found
