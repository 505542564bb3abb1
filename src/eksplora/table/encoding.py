"""Prepared columns: which each column of a file becomes, fitted on the training part, and the numbers themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.table import cells
from eksplora.table.card import Column

Cells = Any
"""Cells of a column: numbers and dates as an array (rows,) float64 once they are read, all else as it was read."""

MOST_CODES = 1000
"""Categories of a column that have a code of their own."""

OTHER, UNKNOWN = "other", "missing"


def fitted(column: Column, values: Cells, train: NDArray[np.int64], one_hot: int, rare: int, decimal: str) -> Column:
    """A column with what is to be made of it, as the rows of the training part show it.

    Args:
        column: A feature.
        values: Its cells, of every row.
        train: Rows of the training part.
        one_hot: Most categories with a column each.
        rare: Least training rows of a category, or 1 in 100 of them where that is fewer, but at least 2.
        decimal: `.` or `,`.
    """
    if column.kind in ("number", "boolean", "date"):
        known = values_of(column, values, decimal)[train]
        is_missing = np.isnan(known)
        if is_missing.all():
            return column
        column = replace(
            column, has_missing=bool(is_missing.any()), encoding="date" if column.kind == "date" else "number"
        )
        if column.kind == "date":
            column = replace(column, parts=_parts(known[~is_missing]))
        return replace(column, prepared=_named(column))
    if column.kind != "category":
        return column
    import pyarrow as pa
    import pyarrow.compute as pc

    words = cells.texts(values).take(pa.array(train))
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(words).to_pylist()}
    missing = counts.pop(None, 0)
    least = max(2, min(rare, round(len(train) / 100)))
    kept = sorted((word for word, count in counts.items() if count >= least), key=lambda word: (-counts[word], word))
    kept = kept[:MOST_CODES]
    if len(kept) + bool(missing) + (len(kept) < len(counts)) < 2:
        return column  # nothing to tell rows apart by
    column = replace(column, vocabulary=tuple(kept), has_other=len(kept) < len(counts), has_missing=missing > 0)
    column = replace(column, encoding="one_hot" if len(kept) <= one_hot else "code")
    return replace(column, prepared=_named(column))


def _parts(known: NDArray[np.float64]) -> tuple[str, ...]:
    return tuple(part for part in cells.PARTS if np.ptp(cells.date_part(known, part)) > 0)


def _named(column: Column) -> tuple[str, ...]:
    """Names of the prepared columns: `area`, `area:missing`, `built:year`, `city=Paris`."""
    name = column.name
    missing = (f"{name}:{UNKNOWN}",) if column.has_missing else ()
    if column.encoding == "number":
        return (name, *missing)
    if column.encoding == "date":
        return (*(f"{name}:{part}" for part in column.parts), *missing)
    if column.encoding == "code":
        return (name,)
    return tuple(f"{name}={word}" for word in _shown(column))


def _shown(column: Column) -> list[str]:
    """Categories with a column each; of two without any other, the second alone says which."""
    words = [
        *column.vocabulary,
        *([f"({OTHER})"] if column.has_other else []),
        *([f"({UNKNOWN})"] if column.has_missing else []),
    ]
    return words[1:] if len(words) == 2 else words


def num_codes(column: Column) -> int:
    """Codes of a column: 0 is another category, 1 a missing one, then come those of the vocabulary."""
    return len(column.vocabulary) + 2


def values_of(column: Column, values: Cells, decimal: str) -> NDArray[np.float64]:
    """The cells of a number's, a flag's or a date's column, NaN where there is none."""
    if isinstance(values, np.ndarray):
        return values
    if column.kind == "date":
        return cells.days(values, column.format)
    return cells.flags(values) if column.kind == "boolean" else cells.numbers(values, decimal)


def encoded(column: Column, values: Cells, decimal: str) -> NDArray[np.float64]:
    """The prepared columns of a column of the file, (rows, columns) float64."""
    if column.encoding in ("number", "date"):
        known = values_of(column, values, decimal)
        made = [known] if column.encoding == "number" else [cells.date_part(known, part) for part in column.parts]
        made += [np.isnan(known).astype(np.float64)] if column.has_missing else []
        return np.stack(made, axis=1)
    places = cells.codes_of(values, column.vocabulary)  # -1: another, -2: missing
    if column.encoding == "code":
        return np.where(places >= 0, places + 2, np.where(places == -1, 0, 1))[:, np.newaxis].astype(np.float64)
    shown = [places == number for number in range(len(column.vocabulary))]
    shown += [places == -1] if column.has_other else []
    shown += [places == -2] if column.has_missing else []
    shown = shown[1:] if len(shown) == 2 else shown
    return np.stack(shown, axis=1).astype(np.float64)


def matrix(
    columns: Sequence[Column], values: Mapping[str, Cells], rows: Sequence[NDArray[np.int64]], decimal: str
) -> list[NDArray[np.float64]]:
    """The prepared rows of several parts, (rows, prepared columns) float64 each; made column by column.

    Args:
        columns: Those of the card, in their order.
        values: Cells by name.
        rows: Row numbers of each part.
        decimal: `.` or `,`.
    """
    width = sum(len(column.prepared) for column in columns)
    made = [np.empty((len(own), width)) for own in rows]
    start = 0
    for column in columns:
        if not column.prepared:
            continue
        block, end = encoded(column, values[column.name], decimal), start + len(column.prepared)
        for part, own in zip(made, rows, strict=True):
            part[:, start:end] = block[own]
        start = end
    return made
