"""Rows that count or do not: so one formula gives a value and, from what leaving rows out changes, its interval.

`weights` are (weightings, rows): how often each row counts. A value of all rows has a single line of ones.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Measures = Mapping[str, Array]
"""Measures by name, a value per weighting: (weightings,), or (weightings, classes); NaN where it is not defined."""

BLOCK = 100
"""Weightings that are computed at once: 8 MB of weights for 10 000 rows."""


def once(rows: int) -> Array:
    """Every row counts once, (1, rows)."""
    return np.ones((1, rows))


def without(
    measure: Callable[[Array], Measures], groups: NDArray[np.int64], counted: Array | None = None
) -> dict[str, Array]:
    """Each measure without each group of rows, (groups, ...).

    Args:
        measure: Of weights (groups, rows).
        groups: The group of each row, (rows,).
        counted: What each row counts, (1, rows); None: once.
    """
    numbers = np.arange(groups.max() + 1)
    found: dict[str, list[Array]] = {}
    for first in range(0, len(numbers), BLOCK):
        weights = (groups != numbers[first : first + BLOCK, None]).astype(np.float64)
        weights = weights if counted is None else weights * counted
        for name, values in measure(weights).items():
            found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def ratio(above: Array, below: Array) -> Array:
    """One by the other, NaN where the latter is 0."""
    found: Array = np.divide(
        above, below, out=np.full(np.broadcast_shapes(above.shape, below.shape), np.nan), where=below != 0
    )
    return found
