"""What callers may hand in: finite samples, and fractions strictly between 0 and 1."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


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


def check_fraction(fraction: float, name: str) -> None:
    """Refuse what is not strictly between 0 and 1."""
    if not 0 < fraction < 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {fraction}.")
