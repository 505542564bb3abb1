"""Cells of a column as numbers, dates or categories: whole columns at a time, by rules that are written in the card."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Numbers = NDArray[np.float64]

TRUE, FALSE = frozenset({"true", "yes", "y", "t"}), frozenset({"false", "no", "n", "f"})
"""Words for the two values of a boolean, in small letters."""

DATES = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
)
"""Ways in which dates are written; where two fit, the first is taken: the month comes first."""

DAY = 86_400.0  # seconds


def is_text(column: "pa.ChunkedArray") -> bool:
    """Whether the cells of a column are texts."""
    import pyarrow as pa

    return bool(pa.types.is_string(column.type))


def is_numeric(column: "pa.ChunkedArray") -> bool:
    """Whether the format itself knows the column as numbers."""
    import pyarrow as pa

    kind = column.type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_dated(column: "pa.ChunkedArray") -> bool:
    """Whether the format itself knows the column as dates."""
    import pyarrow as pa

    return bool(pa.types.is_timestamp(column.type) or pa.types.is_date(column.type))


def is_flag(column: "pa.ChunkedArray") -> bool:
    """Whether the format itself knows the column as true and false."""
    import pyarrow as pa

    return bool(pa.types.is_boolean(column.type))


# --- numbers -----------------------------------------------------------------------------------------------------


def numbers(column: "pa.ChunkedArray", decimal: str) -> Numbers:
    """A column as numbers; NaN where a cell is missing, is none, or is infinite.

    Thousands may be grouped: `1,234.5`, `1 234.5` and `1'234.5` where the decimal point is `.`; `1.234,5` where it is a
    comma. `0.749` groups none.

    Args:
        column: Texts, or what the format knows as numbers, flags or dates.
        decimal: `.` or `,`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_dated(column):
        return days(column, "")
    if not is_text(column):
        kind = pa.uint8() if is_flag(column) else pa.float64()
        return _finite(pc.cast(pc.cast(column, kind), pa.float64(), safe=False))
    if decimal == ".":
        try:
            return _finite(pc.cast(column, pa.float64()))  # most columns, at once
        except pa.ArrowInvalid:
            pass
    plain = _plain(column, decimal)
    readable = pc.match_substring_regex(plain, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    return _finite(pc.cast(pc.if_else(readable, plain, pa.scalar(None, pa.string())), pa.float64()))


def _plain(column: "pa.ChunkedArray", decimal: str) -> "pa.ChunkedArray":
    """Texts without grouped thousands, with a decimal point."""
    import pyarrow.compute as pc

    other = r"\." if decimal == "," else ","
    grouped = pc.match_substring_regex(
        column,
        rf"^[+-]?[1-9]\d{{0,2}}((?:{other}\d{{3}})+|(?:[ '\x{{00a0}}\x{{202f}}]\d{{3}})+)({_escaped(decimal)}\d+)?$",
    )
    bare = pc.replace_substring_regex(column, rf"[{other} '\x{{00a0}}\x{{202f}}]", "")
    chosen = pc.if_else(grouped, bare, column)
    if decimal == ",":
        # A point that groups nothing is no decimal point here: `1.5` is unreadable, not fifteen.
        chosen = pc.replace_substring_regex(chosen, r"\.", "?")
        chosen = pc.replace_substring(chosen, ",", ".")
    return pc.replace_substring_regex(chosen, r"^\+", "")


def swapped(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Texts with the other decimal point: `1,234.5` is `1.234,5`."""
    import pyarrow.compute as pc

    kept = pc.replace_substring(column, ".", "\0")
    return pc.replace_substring(pc.replace_substring(kept, ",", "."), "\0", ",")


def _escaped(decimal: str) -> str:
    return r"\." if decimal == "." else decimal


def _finite(column: "pa.ChunkedArray") -> Numbers:
    values: Numbers = np.array(column.to_numpy(), dtype=np.float64)  # null becomes NaN
    values[np.isinf(values)] = np.nan
    return values


# --- dates -------------------------------------------------------------------------------------------------------


def days(column: "pa.ChunkedArray", form: str) -> Numbers:
    """A column of dates in days since 1970, in UTC where they have a zone; NaN where a cell is missing or none.

    Args:
        column: Texts, or what the format knows as dates.
        form: How texts are written, as `strptime` has it.
    """
    import pandas as pd

    if is_text(column):
        encoded = column.combine_chunks().dictionary_encode() if column.num_chunks else column
        unique = pd.Series(encoded.dictionary.to_numpy(zero_copy_only=False), dtype=object)
        read = _seconds(pd.to_datetime(unique, format=form, errors="coerce", utc=True)) / DAY
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        missing = np.isnan(codes) if codes.dtype.kind == "f" else np.zeros(len(codes), dtype=bool)
        values = np.append(read, np.nan)[np.where(missing, len(read), codes).astype(np.int64)]
        return np.asarray(values, dtype=np.float64)
    import pyarrow as pa

    stamped = (
        column.cast(pa.timestamp("us"), safe=False)
        if not _has_zone(column)
        else column.cast(pa.timestamp("us", "UTC"), safe=False)
    )
    micro = stamped.cast(pa.int64())
    return np.asarray(_finite(micro.cast(pa.float64(), safe=False)) / 1e6 / DAY)


def _has_zone(column: "pa.ChunkedArray") -> bool:
    return getattr(column.type, "tz", None) is not None


def _seconds(dates: Any) -> Numbers:
    values = np.asarray(dates.dt.tz_localize(None).to_numpy(dtype="datetime64[us]"))
    seconds = values.astype(np.int64) / 1e6
    seconds[np.isnat(values)] = np.nan
    return np.asarray(seconds)


def date_format(column: "pa.ChunkedArray") -> tuple[str, str]:
    """Format of the dates of a column of texts, and a second one that fits as well; empty: they are none."""
    import pyarrow.compute as pc

    unique = pc.unique(column.drop_null())
    sample = unique[:50]
    if (
        not len(unique)
        or not pc.all(pc.match_substring_regex(sample, r"^[\w ]{1,9}[-/. ][\w]{1,9}[-/. ,]+\d{2,4}")).as_py()
    ):
        return "", ""
    found = [form for form in DATES if _fits(sample, form)]
    found = [form for form in found if _fits(unique, form)]
    return (found[0] if found else ""), (found[1] if len(found) > 1 else "")


def _fits(texts: "pa.Array", form: str) -> bool:
    import pandas as pd

    try:
        pd.to_datetime(pd.Series(texts.to_pylist(), dtype=object), format=form, errors="raise", utc=True)
    except (ValueError, OverflowError):
        return False
    return True


PARTS = ("days", "year", "month", "day", "weekday", "hour")
"""Numbers that are made of a date: days since 1970, and the parts of a calendar."""


def date_part(values: Numbers, part: str) -> Numbers:
    """A part of dates that are given in days since 1970; weekdays count from Monday, 0.

    Examples:
        >>> [date_part(np.array([0.5, np.nan]), part).tolist()[0] for part in PARTS]
        [0.5, 1970.0, 1.0, 1.0, 3.0, 12.0]
    """
    if part == "days":
        return values
    missing = np.isnan(values)
    stamps = (np.where(missing, 0, values) * DAY).round().astype("datetime64[s]")
    day = stamps.astype("datetime64[D]")
    month = stamps.astype("datetime64[M]")
    made: dict[str, Callable[[], Any]] = {
        "year": lambda: stamps.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": lambda: month.astype(np.int64) % 12 + 1,
        "day": lambda: (day - month).astype(np.int64) + 1,
        "weekday": lambda: (day.astype(np.int64) + 3) % 7,
        "hour": lambda: (stamps - day).astype(np.int64) // 3600,
    }
    return np.where(missing, np.nan, made[part]().astype(np.float64))


# --- categories --------------------------------------------------------------------------------------------------


def texts(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """A column as texts: whole numbers without a point, flags as `true` and `false`, dates in ISO form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_text(column):
        return column
    if pa.types.is_floating(column.type):
        values = column.cast(pa.float64())
        is_whole = pc.equal(pc.floor(values), values)
        small = pc.and_(is_whole, pc.less(pc.abs(values), 2.0**53))
        whole = pc.if_else(small, values, None).cast(pa.int64()).cast(pa.string())
        return pc.coalesce(whole, values.cast(pa.string()))
    return column.cast(pa.string())


def flags(column: "pa.ChunkedArray") -> Numbers:
    """A column of words for true and false as 1 and 0; NaN where a cell is missing or another word."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_text(column):
        return numbers(column, ".")
    small = pc.utf8_lower(column)
    true = pc.is_in(small, value_set=pa.array(sorted({*TRUE, "1"})))
    false = pc.is_in(small, value_set=pa.array(sorted({*FALSE, "0"})))
    return _finite(pc.if_else(true, 1.0, pc.if_else(false, 0.0, pa.scalar(None, pa.float64()))))


@cache
def is_pair(first: str, second: str) -> bool:
    """Whether two words are those for true and false."""
    one, other = first.lower(), second.lower()
    return (one in TRUE and other in FALSE) or (one in FALSE and other in TRUE)


def codes_of(column: "pa.ChunkedArray", vocabulary: tuple[str, ...]) -> NDArray[np.int64]:
    """The place of each cell in a vocabulary; -1 where it is not in it, -2 where it is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words = texts(column)
    places = pc.index_in(words, value_set=pa.array(vocabulary, pa.string()))
    placed = pc.if_else(pc.is_null(words), -2, pc.fill_null(places, -1))
    return np.array(placed.to_numpy(), dtype=np.int64)


def word_numbers(column: "pa.ChunkedArray") -> Numbers:
    """A number for each cell that is the same for the same word; NaN where it is missing."""
    encoded = texts(column).combine_chunks().dictionary_encode()
    return np.array(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.float64)
