"""Curves of predictions, with few enough points for a page."""

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation._weights import Array
from eksplora.evaluation.classification import BINS, bins_of
from eksplora.records.details import CalibrationBin, Curve, NormalQuantiles, Selective

MOST_POINTS = 200
MOST_SHARES = 100


def thinned(count: int, most: int) -> NDArray[np.int64]:
    """Indices from 0 to count - 1, at most so many, evenly taken, first and last among them.

    Examples:
        >>> thinned(9, 3), thinned(2, 3)
        (array([0, 4, 8]), array([0, 1]))
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def roc(name: str, score: Array, is_positive: NDArray[np.bool_]) -> Curve | None:
    """True positive rate over false positive rate, and the area; None where one of both kinds is absent.

    Args:
        name: Of what is positive.
        score: Larger for what is likelier positive, (rows,).
        is_positive: (rows,).
    """
    from sklearn.metrics import auc, roc_curve

    if is_positive.all() or not is_positive.any():
        return None
    x, y, _ = roc_curve(is_positive, score)
    return _curve(name, x, y, float(auc(x, y)))


def precision_recall(name: str, score: Array, is_positive: NDArray[np.bool_]) -> Curve | None:
    """Precision over recall, and the average precision; None where nothing is positive, or all is."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    if is_positive.all() or not is_positive.any():
        return None
    precision, recall, _ = precision_recall_curve(is_positive, score)
    return _curve(name, recall[::-1], precision[::-1], float(average_precision_score(is_positive, score)))


def _curve(name: str, x: Array, y: Array, area: float) -> Curve:
    places = thinned(len(x), MOST_POINTS)
    return Curve(name=name, x=rounded(x[places]), y=rounded(y[places]), area=area)


def calibration(probabilities: Array, labels: NDArray[np.int64]) -> list[CalibrationBin]:
    """Accuracy and mean confidence in 15 bins of the predicted class's probability, those with rows.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, section 2.
    """
    confidence, is_right = probabilities.max(1), probabilities.argmax(1) == labels
    places = bins_of(confidence)
    return [
        CalibrationBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            confidence=float(confidence[inside].mean()),
            accuracy=float(is_right[inside].mean()),
            rows=int(inside.sum()),
        )
        for number in range(BINS)
        if (inside := places == number).any()
    ]


def selective(probabilities: Array, labels: NDArray[np.int64]) -> Selective:
    """Accuracy of the most confident share of the rows, from all of them down; the others are left to somebody else.

    Rows of equal confidence are answered together. Source: Geifman and El-Yaniv, "Selective classification for deep
    neural networks", NeurIPS 2017.
    """
    confidence, is_right = probabilities.max(1), probabilities.argmax(1) == labels
    order = np.argsort(-confidence, kind="stable")
    right = is_right[order].cumsum()
    ends = np.flatnonzero(np.diff(confidence[order], append=-np.inf))  # the last row of each confidence
    places = ends[thinned(len(ends), MOST_SHARES)][::-1]
    return Selective(
        share=rounded((places + 1) / len(labels)),
        accuracy=rounded(right[places] / (places + 1)),
    )


def quantiles(residuals: Array) -> NormalQuantiles:
    """Ordered residuals beside the standard normal quantiles of (i - 1/2) / n: a line if they are normal.

    Source: Wilk and Gnanadesikan, "Probability plotting methods for the analysis of data", Biometrika 55, 1968.
    """
    from scipy.stats import norm

    places = thinned(len(residuals), MOST_POINTS)
    return NormalQuantiles(
        normal=rounded(norm.ppf((places + 0.5) / len(residuals))),
        residual=rounded(np.sort(residuals)[places]),
    )


def rounded(values: Array) -> list[float]:
    """Numbers to six digits: a page shows no more.

    Examples:
        >>> rounded(np.array([1 / 3, 2e9 / 3]))
        [0.333333, 666667000.0]
    """
    return [float(f"{value:.6g}") for value in values]
