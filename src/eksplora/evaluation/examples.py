"""Rows of the test part that are shown, and their images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.evaluation._weights import Array
from eksplora.records.details import Examples, Image

MOST_EXAMPLES = 12


def worst_and_best(errors: Array) -> Examples:
    """Numbers of the rows with the largest and with the smallest error; of few rows none is among both."""
    order = np.argsort(-errors, kind="stable")
    half = len(order) // 2
    worst, best = order[: min(MOST_EXAMPLES, len(order) - half)], order[::-1][: min(MOST_EXAMPLES, half)]
    return Examples(worst=worst.tolist(), best=best.tolist())


def most_confident(together: Array, chosen: NDArray[np.bool_], most: int) -> list[int]:
    """Numbers of the chosen rows, those with the largest probability first."""
    rows = np.flatnonzero(chosen)
    order = np.argsort(-together[rows].max(1), kind="stable")
    return [int(row) for row in rows[order][:most]]


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
