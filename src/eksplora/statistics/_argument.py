"""Checks of arguments: finite samples, counts, and fractions strictly between 0 and 1."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eksplora.ranges import Range


def finite(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """The values as an array, (values,).

    Args:
        values: One number or more, in one dimension.
        name: What the caller calls them.

    Raises:
        ValueError: If there are none, or one is not finite, or they have more than one dimension.

    Examples:
        >>> finite([1, 2], "values")
        array([1., 2.])
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a list of one number or more, got shape {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}. Leave diverged members out.")
    return array


def check_fraction(fraction: float, name: str, *, usual: float = 0.05) -> None:
    """Refuse what is not strictly between 0 and 1."""
    Range(above=0, below=1, usual=usual).check(fraction, name, error=ValueError)


def check_count(count: int, name: str, *, least: int) -> None:
    """Refuse what is no whole number of at least `least`."""
    Range(least=least, is_whole=True, usual=max(least, 5)).check(count, name, error=ValueError)
