"""Search for columns that say the target by themselves: how well means by one column predict other rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.table import cells
from eksplora.table.card import Column
from eksplora.table.target import Targets

MOST_ROWS, MOST_BINS, ROWS_A_BIN = 20_000, 50, 10
TELLING = 0.98
"""Share of the target's variance, or of the errors of the most frequent class, from which a column tells too much."""


def telling(columns: list[Column], values: dict[str, Any], targets: Targets) -> Iterator[tuple[str, float]]:
    """The columns that predict the target alone, each with how much of it.

    A column is cut into bins of equal counts, or into its categories. Means over every other row predict the rest.
    """
    rows = np.linspace(0, len(targets.values) - 1, min(len(targets.values), MOST_ROWS)).astype(np.int64)
    wanted = targets.values[rows]
    for column in columns:
        cells_ = values[column.name]
        known = cells_[rows] if isinstance(cells_, np.ndarray) else None
        bins = _bins(known) if known is not None else _categories(cells_, rows)
        share = _explained(bins, wanted, targets.classes is not None)
        if known is not None and targets.classes is None:
            share = max(share, _aligned(known, wanted))
        if share >= TELLING:
            yield column.name, share


def _bins(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """A number for each row's bin; missing values have one of their own."""
    known = values[~np.isnan(values)]
    count = max(2, min(MOST_BINS, len(values) // ROWS_A_BIN))
    distinct = np.unique(known)
    edges = distinct if len(distinct) <= count else np.unique(np.quantile(known, np.linspace(0, 1, count + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))


def _categories(values: Any, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    import pyarrow as pa

    encoded = cells.texts(values).take(pa.array(rows)).combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    return np.asarray(codes, dtype=np.int64)


def _explained(bins: NDArray[np.int64], targets: NDArray[Any], is_classes: bool) -> float:
    """Share of the target that bins explain on rows that their means were not taken from."""
    learn, judge = np.arange(len(bins)) % 2 == 0, np.arange(len(bins)) % 2 == 1
    count = int(bins.max()) + 1
    if is_classes:
        classes = int(targets.max()) + 1
        seen = np.bincount(bins[learn] * classes + targets[learn], minlength=count * classes).reshape(count, classes)
        usual = int(seen.sum(0).argmax())
        chosen = np.where(seen.sum(1) > 0, seen.argmax(1), usual)
        errors = (chosen[bins[judge]] != targets[judge]).mean()
        without = (targets[judge] != usual).mean()
        return float(1 - errors / without) if without > 0 else 0.0
    shares = []
    for target in targets.T:
        rows = np.bincount(bins[learn], minlength=count)
        mean = target[learn].mean()
        sums = np.bincount(bins[learn], weights=target[learn], minlength=count)
        means = np.where(rows > 0, sums / np.maximum(rows, 1), mean)
        spread = ((target[judge] - mean) ** 2).mean()
        shares.append(1 - ((target[judge] - means[bins[judge]]) ** 2).mean() / spread if spread > 0 else 0.0)
    return float(max(shares))


def _aligned(values: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """Squared correlation with a target, of values or of ranks, whichever is larger."""
    known = ~np.isnan(values)
    own = values[known]
    if len(own) < 3 or own.min() == own.max():
        return 0.0
    found = [0.0]
    for target in targets[known].T:
        if target.min() < target.max():
            found += [np.corrcoef(own, target)[0, 1] ** 2, np.corrcoef(_ranks(own), _ranks(target))[0, 1] ** 2]
    return float(max(found)) * float(known.mean())


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean ranks, equal ones for equal values."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])
