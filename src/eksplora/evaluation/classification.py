"""Measures of classes: of all rows, and class by class.

With C[i, j] the rows of class i that are predicted as class j: s = rows of a class, q = rows predicted as it, t =
rows of it that are right, n = all rows. Averages over classes are over those that have test rows, each counting alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation._weights import Array, once, ratio

BINS = 15
"""Number of bins of the calibration error."""

SMALLEST = 1e-15
"""Least probability that the log-loss takes a logarithm of, as scikit-learn had it."""


@dataclass(frozen=True)
class Scores:
    """Measures for each of some weightings of the rows, NaN where not defined.

    Attributes:
        overall: By name, (weightings,).
        per_class: By name, (weightings, classes).
    """

    overall: Mapping[str, Array]
    per_class: Mapping[str, Array]


def measures(probabilities: Array, labels: NDArray[np.int64]) -> dict[str, float | None]:
    """The measures of all rows; None where one is not defined.

    `recall` (sensitivity), `specificity`, `precision`, `f1`, `f2` (beta 2), `jaccard`, `auroc` and `average_precision`
    are means over classes, each against the rest; `top_<k>_accuracy` exists for more than k classes.

    Args:
        probabilities: (rows, classes), each row summing to 1.
        labels: Class numbers, (rows,).

    Examples:
        >>> found = measures(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]), np.array([0, 1, 1]))
        >>> round(found["accuracy"], 4), found["recall"], found["hamming"]
        (0.6667, 0.75, 0.33333333333333337)
    """
    overall = scores(probabilities, labels, once(len(labels))).overall
    return {name: float(values[0]) if np.isfinite(values[0]) else None for name, values in overall.items()}


def confusion(probabilities: Array, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows by actual and by predicted class, (classes, classes)."""
    counts: NDArray[np.int64] = _counts(probabilities, labels, once(len(labels)))[0].astype(np.int64)
    return counts


def scores(probabilities: Array, labels: NDArray[np.int64], weights: Array) -> Scores:
    """All measures for weights (weightings, rows)."""
    counts = _counts(probabilities, labels, weights)
    has_rows = counts.sum(2) > 0
    each = _each_class(counts) | _ranked(probabilities, labels, weights)
    averaged = {name: _mean_over(values, has_rows) for name, values in each.items()}
    return Scores(_of_all(counts) | averaged | _of_probabilities(probabilities, labels, weights), each)


def _counts(probabilities: Array, labels: NDArray[np.int64], weights: Array) -> Array:
    """(weightings, actual, predicted)."""
    classes = probabilities.shape[1]
    places = labels * classes + probabilities.argmax(1)
    flat = np.stack([np.bincount(places, own, classes**2).astype(np.float64) for own in weights])
    return flat.reshape(-1, classes, classes)


def _mean_over(values: Array, has_rows: NDArray[np.bool_]) -> Array:
    """Mean over the classes that have rows and a value, (weightings,)."""
    known = has_rows & np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(1), known.sum(1).astype(np.float64))


def _of_all(counts: Array) -> dict[str, Array]:
    """Measures of the whole table. Kappa and mcc are undefined where all rows are of one class, or predicted so.

    accuracy = sum t / n, hamming = 1 - accuracy, kappa = (accuracy - e) / (1 - e) with e = sum s q / n^2 (Cohen 1960);
    mcc = (n sum t - sum s q) / sqrt((n^2 - sum q^2)(n^2 - sum s^2)) (Gorodkin 2004).
    """
    right = np.trace(counts, axis1=1, axis2=2)
    actual, predicted, rows = counts.sum(2), counts.sum(1), counts.sum((1, 2))
    accuracy, chance = right / rows, (actual * predicted).sum(1) / rows**2
    spread = (rows**2 - (predicted**2).sum(1)) * (rows**2 - (actual**2).sum(1))
    both = spread > 0
    return {
        "accuracy": accuracy,
        "balanced_accuracy": _mean_over(ratio(np.diagonal(counts, axis1=1, axis2=2), actual), actual > 0),
        "hamming": 1 - accuracy,
        "mcc": ratio(right * rows - (actual * predicted).sum(1), np.sqrt(np.where(both, spread, 0.0))),
        "kappa": np.where(both, ratio(accuracy - chance, 1 - chance), np.nan),
    }


def _each_class(counts: Array) -> dict[str, Array]:
    """Measures of each class against the rest, (weightings, classes).

    recall = t / s; precision = t / q, 0 where nothing is predicted as the class; specificity = rows of the rest that
    are predicted as it / rows of the rest; f_beta = (1 + b^2) t / (b^2 s + q); jaccard = t / (s + q - t). All are
    undefined for a class without rows, but specificity, which is so where there is no rest.
    """
    right = np.diagonal(counts, axis1=1, axis2=2)
    actual, predicted, rows = counts.sum(2), counts.sum(1), counts.sum((1, 2))[:, None]
    has_rows = actual > 0
    found = {
        "recall": ratio(right, actual),
        "precision": np.nan_to_num(ratio(right, predicted)),
        "f1": ratio(2 * right, actual + predicted),
        "f2": ratio(5 * right, 4 * actual + predicted),
        "jaccard": ratio(right, actual + predicted - right),
    }
    defined = {name: np.where(has_rows, values, np.nan) for name, values in found.items()}
    return defined | {"specificity": ratio(rows - actual - predicted + right, rows - actual)}


def _of_probabilities(probabilities: Array, labels: NDArray[np.int64], weights: Array) -> dict[str, Array]:
    """Means over rows of what the probabilities are worth, and the calibration error."""
    classes, rows = probabilities.shape[1], np.arange(len(labels))
    own = probabilities[rows, labels]
    off = ((probabilities - np.eye(classes)[labels]) ** 2).sum(1)
    each = {
        "log_loss": -np.log(np.clip(own, SMALLEST, 1.0)),
        "brier": off / 2 if classes == 2 else off,  # of two classes that of one of them, as is usual
        **{f"top_{k}_accuracy": _is_among(probabilities, labels, k) for k in (2, 3) if classes > k},
    }
    total = weights.sum(1)
    found = {name: weights @ values / total for name, values in each.items()}
    return found | {"calibration_error": _calibration_error(probabilities, labels, weights)}


def _is_among(probabilities: Array, labels: NDArray[np.int64], k: int) -> Array:
    """Whether fewer than k classes go before the row's own; of equal ones the first does, as in the accuracy."""
    own = probabilities[np.arange(len(labels)), labels][:, None]
    is_before = (probabilities > own) | ((probabilities == own) & (np.arange(probabilities.shape[1]) < labels[:, None]))
    found: Array = (is_before.sum(1) < k).astype(np.float64)
    return found


def bins_of(confidence: Array, bins: int = BINS) -> NDArray[np.int64]:
    """The bin of each confidence: `bins` of equal width from 0 to 1, the upper end belongs to a bin."""
    places: NDArray[np.int64] = np.ceil(confidence * bins).astype(np.int64) - 1
    return places.clip(0, bins - 1)


def _calibration_error(probabilities: Array, labels: NDArray[np.int64], weights: Array) -> Array:
    """Sum over bins of (share of the rows) |accuracy - mean confidence|, of the predicted class.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3.
    """
    confidence, is_right = probabilities.max(1), probabilities.argmax(1) == labels
    member = np.eye(BINS)[bins_of(confidence)]  # (rows, bins)
    gap = (weights * (is_right - confidence)) @ member
    found: Array = np.abs(gap).sum(1) / weights.sum(1)
    return found


# --- ranks -------------------------------------------------------------------------------------------------------


def _ranked(probabilities: Array, labels: NDArray[np.int64], weights: Array) -> dict[str, Array]:
    """Area under the ROC curve and average precision of each class against the rest, (weightings, classes).

    Undefined where a class has no rows, or all of them. Of two classes both areas are one; the average precision of
    both is that of class 1.
    """
    classes = probabilities.shape[1]
    each = [_areas(probabilities[:, number], labels == number, weights) for number in range(classes)]
    area, precision = (np.stack(values, axis=1) for values in zip(*each, strict=True))
    if classes == 2:
        precision = precision[:, [1, 1]]
    return {"auroc": area, "average_precision": precision}


def _areas(score: Array, is_positive: NDArray[np.bool_], weights: Array) -> tuple[Array, Array]:
    """AUROC = P(score of a positive > of a negative) + P(equal) / 2; AP = sum of precision times gain of recall.

    Equal scores are one threshold. Source: Hanley and McNeil 1982; Zhu, "Recall, precision, average precision", 2004.
    """
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.inf))
    sorted_weights, is_one = weights[:, order], is_positive[order]
    positive = np.add.reduceat(np.where(is_one, sorted_weights, 0.0), starts, axis=1)
    negative = np.add.reduceat(np.where(is_one, 0.0, sorted_weights), starts, axis=1)
    true, false = positive.cumsum(1), negative.cumsum(1)
    lost = (negative * (true - positive / 2)).sum(1)  # pairs in which the positive is ahead
    area = ratio(lost, true[:, -1] * false[:, -1])
    precision = ratio((positive * np.nan_to_num(ratio(true, true + false))).sum(1), true[:, -1])
    return area, np.where(false[:, -1] > 0, precision, np.nan)
