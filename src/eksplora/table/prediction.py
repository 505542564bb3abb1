"""Rows to predict for, read by the rules of a table's card: the same columns, categories and dates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eksplora.errors import DataError, nearest
from eksplora.table import cells
from eksplora.table.card import Column, TableCard
from eksplora.table.encoding import matrix, values_of
from eksplora.table.kinds import own_decimal
from eksplora.table.reading import Frame, frame_of, read_frame

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class GivenRows:
    """Rows as a model takes them.

    Attributes:
        features: (rows, prepared columns) float64; NaN where a number is missing.
        names: What the identifier column says, or the number of each row from 0.
        targets: Where the file has them, as the prepared form has them: classes that are unknown are -1, numbers that
            are missing NaN; otherwise None.
        others: By column: cells with a category that has no place of its own.
        missing: By column: cells without a value, which count as the model was trained to take them.
        unreadable: By column: cells that are no number and no date, which count as missing.
    """

    features: NDArray[np.float64]
    names: list[str]
    targets: NDArray[Any] | None
    others: Mapping[str, int]
    missing: Mapping[str, int]
    unreadable: Mapping[str, int]

    def remarks(self) -> list[str]:
        """Sentences on cells that are not as the training rows were, one for each kind of them."""
        said = (
            (self.others, "have a category that the model does not know: they count as other"),
            (self.missing, "have no value"),
            (self.unreadable, "cannot be read: they count as missing"),
        )
        return [
            f"{sum(counts.values())} cells {what} ({', '.join(f'{name}: {count}' for name, count in counts.items())})."
            for counts, what in said
            if counts
        ]


def read_rows(path: Path, card: TableCard) -> GivenRows:
    """The rows of a file.

    Args:
        path: A file of a kind that tables are read from, whatever the model was trained from.
        card: Of the table that the model was trained on.

    Raises:
        DataError: If the file cannot be read or lacks a column; the message names it.
    """
    frame = read_frame(path, wanted=_wanted(card), key="input", fewest=1)
    return rows_of(frame, card, str(path))


def rows_of_table(table: "pd.DataFrame", card: TableCard) -> GivenRows:
    """The rows of a pandas table; see `read_rows`."""
    return rows_of(frame_of(table, wanted=_wanted(card)), card, "the table")


def feature_columns(card: TableCard) -> list[str]:
    """Names of the columns that a model needs of a table."""
    return [column.name for column in card.columns if column.encoding != "none"]


def example_rows(card: TableCard) -> "pd.DataFrame":
    """Two rows as the training's are, made of what the card says: least and greatest numbers, frequent categories."""
    import pandas as pd

    features = [column for column in card.columns if column.encoding != "none"]
    return pd.DataFrame({column.name: _examples(column) for column in features})


def _examples(column: Column) -> list[Any]:
    if column.low is None or column.high is None:
        known = column.vocabulary or column.values or ("",)
        return [known[0], known[-1]]
    if column.kind != "date":
        return [column.low, column.high]
    dates = [date(1970, 1, 1) + timedelta(days=days) for days in (column.low, column.high)]
    return [one.strftime(column.format) if column.format else one.isoformat() for one in dates]


def _wanted(card: TableCard) -> list[str]:
    named = {card.identifier, *(target.name for target in card.targets)}
    return [column.name for column in card.columns if column.encoding != "none" or column.name in named]


def rows_of(frame: Frame, card: TableCard, source: str) -> GivenRows:
    """The rows of columns that are read.

    Raises:
        DataError: If a column is missing.
    """
    features = [column for column in card.columns if column.encoding != "none"]
    for column in features:
        if column.name not in frame.columns:
            raise DataError(f"input: {source} has no column '{column.name}'. {nearest(column.name, frame.names)}")
    decimal = _decimal(frame, features, card.decimal)
    frame = _in_one_decimal(frame, card, decimal)
    features = [_readable(column, frame.columns[column.name]) for column in features]
    values: dict[str, Any] = {column.name: _cells(column, frame.columns[column.name], decimal) for column in features}
    (made,) = matrix(features, values, [np.arange(frame.rows)], decimal)
    missing = {column.name: int(frame.columns[column.name].null_count) for column in features}
    unreadable = {
        column.name: int(np.isnan(values[column.name]).sum()) - missing[column.name]
        for column in features
        if isinstance(values[column.name], np.ndarray)
    }
    others = {
        column.name: int((cells.codes_of(values[column.name], column.vocabulary) == -1).sum())
        for column in features
        if not isinstance(values[column.name], np.ndarray)
    }
    return GivenRows(
        made, _names(frame, card), _targets(frame, card, decimal), *map(_counted, (others, missing, unreadable))
    )


def _in_one_decimal(frame: Frame, card: TableCard, decimal: str) -> Frame:
    """A file whose columns have one decimal point all; where a cell fits both, that of the column's training rows."""
    columns = dict(frame.columns)
    for column in card.columns:
        if column.kind not in ("number", "identifier") or column.name == card.identifier:
            continue
        usual = (column.decimal or decimal) if decimal == card.decimal else decimal
        if column.name in columns and own_decimal(columns[column.name], usual) != decimal:
            columns[column.name] = cells.swapped(columns[column.name])
    return replace(frame, columns=columns)


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _cells(column: Column, values: "pa.ChunkedArray", decimal: str) -> Any:
    return values_of(column, values, decimal) if column.kind in ("number", "boolean", "date") else values


def _readable(column: Column, values: "pa.ChunkedArray") -> Column:
    """The column with a way to read these dates, where they are written in another way than the training rows'."""
    if column.kind != "date" or not cells.is_text(values):
        return column
    is_readable = bool(column.format) and not np.isnan(cells.days(values.drop_null(), column.format)).all()
    form, _ = ("", "") if is_readable else cells.date_format(values)
    return replace(column, format=form or column.format or cells.DATES[0])


def _decimal(frame: Frame, features: Sequence[Column], usual: str) -> str:
    """The decimal point with which more cells are numbers; of two with equally many, that of the training rows."""
    texts = [frame.columns[column.name] for column in features if column.kind == "number"]
    texts = [values.slice(0, 2000) for values in texts if cells.is_text(values)]
    read = {sign: sum(int((~np.isnan(cells.numbers(values, sign))).sum()) for values in texts) for sign in ".,"}
    return usual if read["."] == read[","] else max(read, key=lambda sign: read[sign])


def _names(frame: Frame, card: TableCard) -> list[str]:
    if card.identifier is None or card.identifier not in frame.columns:
        return [str(number) for number in range(frame.rows)]
    return ["" if name is None else str(name) for name in cells.texts(frame.columns[card.identifier]).to_pylist()]


def _targets(frame: Frame, card: TableCard, decimal: str) -> NDArray[Any] | None:
    """The targets as the prepared form has them; None where a target column is missing or empty."""
    columns = [frame.columns.get(target.name) for target in card.targets]
    if any(column is None or column.null_count == frame.rows for column in columns):
        return None
    if card.classes is not None:
        return np.maximum(cells.codes_of(_class_names(columns[0], card, decimal), card.classes), -1)
    kinds = [card.column(target.name).kind for target in card.targets]
    return np.stack(
        [
            cells.flags(values) if kind == "boolean" else cells.numbers(values, decimal)
            for kind, values in zip(kinds, columns, strict=True)
        ],
        axis=1,
    )


def _class_names(values: Any, card: TableCard, decimal: str) -> Any:
    """Names of classes as the card has them: `1.0` is the class `1`."""
    if card.column(card.targets[0].name).kind not in ("number", "identifier"):
        return values
    import pyarrow as pa

    return cells.texts(pa.chunked_array([pa.array(cells.numbers(values, decimal), from_pandas=True)]))
