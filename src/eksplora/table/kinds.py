"""Kinds of columns, as far as their cells show them: a number, a date, a category, an identifier or text.

The rules are those of skrub's TableVectorizer (a column of texts that can all be read as numbers or dates is one of
numbers or dates), and besides: cells that name a row are identifiers, long texts are texts, and a few unreadable cells
make a number's column no category, nor do words that stand again and again for what is missing.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eksplora.errors import DataError
from eksplora.ranges import shown
from eksplora.table.card import Kind
from eksplora.table.cells import (
    Numbers,
    date_format,
    days,
    is_dated,
    is_flag,
    is_numeric,
    is_pair,
    is_text,
    numbers,
    texts,
)

if TYPE_CHECKING:
    import pyarrow as pa

READABLE = 0.95
"""Share of a column's cells that must be numbers for the others to count as missing ones."""

MARKS_A_NUMBER = 10
"""Different numbers, for each other word, of which the words are marks for what is missing (`k. A.`, `unknown`)."""

FEWEST_NAMED = 20
"""Rows of which different values can be said to name them."""

WORDS = 3.0
"""Words of a cell, in the mean, from which different cells are text."""

NAMED_ID = re.compile(
    r"(^|[_\W])(id|index|uuid|guid|key|nr|no|number)$|^unnamed|^column 1$|^index$|[a-z]I[dD]$", re.IGNORECASE
)


@dataclass(frozen=True)
class Found:
    """Finding about a column.

    Attributes:
        kind: Its kind.
        format: Of dates.
        other_format: Another way to read the same dates.
        unreadable: Cells that are not of the kind.
        example: The first of them.
    """

    kind: Kind
    format: str = ""
    other_format: str = ""
    unreadable: int = 0
    example: str = ""


def kind_of(name: str, column: "pa.ChunkedArray", decimal: str) -> Found:
    """The kind of a column; see the module."""
    import pyarrow.compute as pc

    present = column.drop_null()
    if not len(present):
        return Found("empty")
    unique = pc.count_distinct(present).as_py()
    if unique == 1:
        return Found("constant")
    if is_flag(column):
        return Found("boolean")
    if is_dated(column):
        return Found("date")
    if is_numeric(column):
        return Found("identifier" if _names_rows(name, numbers(column, decimal)) else "number")
    words = texts(column)
    if unique == 2 and is_pair(*sorted(pc.unique(words.drop_null()).to_pylist())):
        return Found("boolean")
    return _read_as_number(name, words, decimal) or _read_as_date(words) or Found(_worded(words, unique))


def stated_kind(name: str, column: "pa.ChunkedArray", stated: str, decimal: str) -> Found:
    """Finding about a column whose kind the user gives.

    Raises:
        DataError: If not one cell is of it.
    """
    import pyarrow.compute as pc

    if stated == "date" and is_text(column):
        form, other = date_format(column)
        return _stated(name, column, "date", days(column, form or "%Y-%m-%d"), form or "%Y-%m-%d", other)
    if stated == "number":
        is_boolean = (
            is_text(column) and len(unique := pc.unique(column.drop_null())) == 2 and is_pair(*unique.to_pylist())
        )
        return Found("boolean") if is_boolean else _stated(name, column, "number", numbers(column, decimal))
    return Found(stated)  # type: ignore[arg-type]  # the others are kinds


def _stated(
    name: str, column: "pa.ChunkedArray", kind: Kind, values: Numbers, form: str = "", other_form: str = ""
) -> Found:
    unread = _unread(column, values)
    if unread and np.isnan(values).all():
        first = shown(str(column.drop_null()[0]))
        raise DataError(
            f"data.columns.{name}={kind}: no cell of the column is a {kind}, such as {first}. Choose category, or "
            "leave the option out."
        )
    return Found(kind, form, other_form, unread)


def _unread(column: "pa.ChunkedArray", values: Numbers) -> int:
    return int(np.isnan(values).sum()) - int(column.null_count)


def _read_as_number(name: str, words: "pa.ChunkedArray", decimal: str) -> Found | None:
    values = numbers(words, decimal)
    present = len(words) - words.null_count
    unread = _unread(words, values)
    if unread == present or (unread > (1 - READABLE) * present and not _are_marks(words, values)):
        return None
    if not unread:
        return Found("identifier" if _names_rows(name, values) else "number")
    import pyarrow.compute as pc

    first = words.filter(pc.and_(pc.is_valid(words), _array(np.isnan(values))))[0].as_py()
    return Found("number", unreadable=unread, example=str(first))


def _are_marks(words: "pa.ChunkedArray", values: Numbers) -> bool:
    """Whether the cells that are no numbers are few words again and again, in fewer than half of the cells."""
    import pyarrow.compute as pc

    known = values[~np.isnan(values)]
    others = words.drop_null().filter(_array(np.isnan(values[words.is_valid().to_numpy()])))
    distinct = pc.count_distinct(others).as_py()
    return len(known) > len(others) and len(np.unique(known)) >= MARKS_A_NUMBER * distinct


def _array(values: Any) -> "pa.Array":
    import pyarrow as pa

    return pa.array(values)


def _read_as_date(words: "pa.ChunkedArray") -> Found | None:
    form, other = date_format(words)
    return Found("date", form, other) if form else None


def _names_rows(name: str, values: Numbers) -> bool:
    """Whether whole numbers are all different, and count the rows or are called so."""
    if len(values) < FEWEST_NAMED or np.isnan(values).any() or (values != np.floor(values)).any():
        return False
    if len(np.unique(values)) < len(values):
        return False
    return bool(values.max() - values.min() == len(values) - 1) or NAMED_ID.search(name) is not None


def _worded(words: "pa.ChunkedArray", unique: int) -> Kind:
    import pyarrow.compute as pc

    present = len(words) - words.null_count
    lengths = pc.mean(pc.add(pc.count_substring(words, " "), 1)).as_py()
    if present < FEWEST_NAMED or unique <= present / 2:
        is_text_like = unique > present / 4 and lengths >= 2 * WORDS
        return "text" if is_text_like else "category"
    return "text" if lengths >= WORDS else "identifier"


def decimal_of(columns: "dict[str, pa.ChunkedArray]", separator: str) -> str:
    """The decimal point of a text: the one with which more of its columns are numbers.

    Where both make numbers of all (`1,234`), a file with `;` between cells has decimal commas.
    """
    counts = {".": 0, ",": 0}
    for column in columns.values():
        sample = column.drop_null().slice(0, 2000)
        if not is_text(column) or not len(sample):
            continue
        for decimal in counts:
            counts[decimal] += int(np.isnan(numbers(sample, decimal)).mean() <= 1 - READABLE)
    if counts["."] == counts[","]:
        return "," if separator == ";" else "."
    return max(counts, key=lambda decimal: counts[decimal])


def own_decimal(column: "pa.ChunkedArray", usual: str) -> str:
    """The decimal point of a column of texts: the other one where only that reads most of its cells, and more of them.

    Args:
        column: The column.
        usual: That of its file.
    """
    sample = column.drop_null().slice(0, 2000)
    if not is_text(column) or not len(sample):
        return usual
    other = "," if usual == "." else "."
    shares = [1 - float(np.isnan(numbers(sample, decimal)).mean()) for decimal in (usual, other)]
    return other if shares[1] > max(shares[0], 0.5) else usual
