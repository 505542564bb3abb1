"""The test part of a table: by a column, by time, by group, class by class, or at random."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import derive
from eksplora.errors import DataError
from eksplora.ranges import check_fraction
from eksplora.splitting.rows import RowIndices, split_rows
from eksplora.table import cells
from eksplora.table.card import TableOptions
from eksplora.table.kinds import Found, kind_of
from eksplora.table.target import Targets

if TYPE_CHECKING:
    import pyarrow as pa


TEST, TRAIN = (
    frozenset({"test", "true", "yes", "1", "holdout"}),
    frozenset({"train", "training", "false", "no", "0", "val", "valid", "validation"}),
)
"""Words of a column that says which rows are test rows, in small letters."""


def cut(
    options: TableOptions, columns: "dict[str, pa.ChunkedArray]", targets: Targets, decimal: str
) -> tuple[RowIndices, RowIndices, str, bool]:
    """Training rows and test rows, how they were cut in words, and whether class by class.

    Args:
        options: The roles of columns.
        columns: Cells of the rows that have a target.
        targets: Their targets.
        decimal: `.` or `,`.

    Raises:
        DataError: If a part would be empty; the message names the key.
    """
    check_fraction(options.test_fraction, "data.test_fraction", usual=0.2)
    is_stratified = targets.classes is not None
    if options.part is not None:
        is_test, words, is_stratified = (
            _by_column(options.part, columns[options.part]),
            f"by the column '{options.part}'",
            False,
        )
    elif options.time is not None:
        is_test, words, is_stratified = (
            _by_time(options, columns[options.time], decimal),
            f"the latest rows by '{options.time}'",
            False,
        )
    elif options.group is not None:
        codes = group_codes(columns[options.group])
        is_test, words, is_stratified = _by_group(options, codes), f"whole groups of '{options.group}'", False
    else:
        train, test = split_rows(
            targets.values,
            options.test_fraction,
            derive(options.split_seed, "test"),
            is_stratified,
            key="data.test_fraction",
        )
        return train, test, "at random, class by class" if is_stratified else "at random", is_stratified
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    if not len(train) or not len(test):
        empty = "training" if not len(train) else "test"
        raise DataError(
            f"data.path: cut {words}, no row is left for the {empty} part. Choose another column or fraction."
        )
    return train, test, words, is_stratified


def group_codes(column: "pa.ChunkedArray") -> NDArray[np.int64]:
    """A number for each row's group, in the order of their names; a row without one is a group of its own."""
    import pyarrow.compute as pc

    words = cells.texts(column)
    names = tuple(sorted(pc.unique(words.drop_null()).to_pylist()))
    codes = cells.codes_of(words, names)
    alone = np.flatnonzero(codes < 0)
    codes[alone] = len(names) + np.arange(len(alone))
    return codes


def _by_column(name: str, column: "pa.ChunkedArray") -> NDArray[np.bool_]:
    words = np.array([str(word).lower() for word in cells.texts(column).to_pylist()])
    unknown = sorted({*words} - TEST - TRAIN)
    if unknown:
        raise DataError(f"data.part={name}: the value '{unknown[0]}' is neither train nor test. Use these two.")
    return np.isin(words, list(TEST))


def _by_time(options: TableOptions, column: "pa.ChunkedArray", decimal: str) -> NDArray[np.bool_]:
    """The rows from a moment on, of which there are about as many as the fraction says: equal moments stay together."""
    found: Found = kind_of(str(options.time), column, decimal)
    values = cells.days(column, found.format) if found.kind == "date" else cells.numbers(column, decimal)
    if np.isnan(values).any():
        count = int(np.isnan(values).sum())
        raise DataError(
            f"data.time={options.time}: {count} rows have no readable date or number. Drop them or choose another "
            "column."
        )
    moments, counts = np.unique(values, return_counts=True)
    later = np.cumsum(counts[::-1])[::-1]  # rows from each moment on
    first = int(np.argmin(np.abs(later - options.test_fraction * len(values))))
    return np.asarray(values >= moments[max(first, 1)] if len(moments) > 1 else np.zeros(len(values), dtype=bool))


def _by_group(options: TableOptions, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Groups drawn one after another, until as many rows as the fraction says are nearest."""
    counts = np.bincount(codes)
    order = np.random.default_rng(derive(options.split_seed, "test groups")).permutation(len(counts))
    reached = np.cumsum(counts[order])
    taken = int(np.argmin(np.abs(reached - options.test_fraction * len(codes)))) + 1
    return np.isin(codes, order[: min(taken, len(counts) - 1)])
