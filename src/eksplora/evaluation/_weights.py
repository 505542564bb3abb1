"""Rows that count more than once or not at all: so one formula gives a value and, over resamples, its interval.

`weights` are (resamples, rows): how often each row counts. A value of all rows has a single line of ones.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Measures = Mapping[str, Array]
"""By name, a value per resample: (resamples,), or (resamples, classes); NaN where it is not defined."""

RESAMPLES = 1000
BLOCK = 100
"""Resamples that are computed at once: 8 MB of weights for 10 000 rows."""


def once(rows: int) -> Array:
    """Every row counts once, (1, rows)."""
    return np.ones((1, rows))


def resampled(rows: int, *, seed: int, count: int = RESAMPLES) -> Iterator[Array]:
    """The bootstrap: as many rows drawn with replacement, in blocks (up to 100, rows).

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
    """
    generator = np.random.default_rng(seed)
    for first in range(0, count, BLOCK):
        draws = generator.integers(rows, size=(min(BLOCK, count - first), rows))
        yield np.stack([np.bincount(draw, minlength=rows) for draw in draws]).astype(np.float64)


def intervals(measure: Callable[[Array], Measures], rows: int, *, seed: int = 0) -> dict[str, Array]:
    """The 95% percentile interval of each measure over resampled rows, (2, ...): NaN where none of them defines it.

    There is none of a single row, whose resamples are all alike.

    Args:
        measure: Of weights (resamples, rows).
        rows: How many rows there are.
        seed: Of the resamples.
    """
    if rows < 2:
        return {}
    found: dict[str, list[Array]] = {}
    for weights in resampled(rows, seed=seed):
        for name, values in measure(weights).items():
            found.setdefault(name, []).append(values)
    return {name: _percentiles(np.concatenate(values)) for name, values in found.items()}


def _percentiles(values: Array) -> Array:
    """2.5 and 97.5 percent of each column, over the resamples that define it."""
    flat = values.reshape(len(values), -1)
    ends = np.full((2, flat.shape[1]), np.nan)
    for column in range(flat.shape[1]):
        known = flat[:, column][np.isfinite(flat[:, column])]
        if len(known):
            ends[:, column] = np.percentile(known, [2.5, 97.5])
    return ends.reshape(2, *values.shape[1:])


def ratio(above: Array, below: Array) -> Array:
    """One by the other, NaN where the latter is 0."""
    found: Array = np.divide(
        above, below, out=np.full(np.broadcast_shapes(above.shape, below.shape), np.nan), where=below != 0
    )
    return found
