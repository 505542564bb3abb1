"""A table's file as columns: text as it stands, typed columns as the format has them. No cell is converted here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from eksplora.errors import DataError
from eksplora.ranges import shown
from eksplora.table.text import TEXT, NoTable, most_unpacked, read_text, trimmed
from eksplora.untrusted import open_plain, reading, sha256, why_no_file

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TYPED = (".parquet", ".pq", ".feather", ".arrow")
SUFFIXES = (*TEXT, *(f"{suffix}.gz" for suffix in TEXT), *TYPED)
"""Endings of the files that are read."""

KINDS_OF_FILES = "Give a CSV, TSV, Parquet or Feather file, or a text compressed by gzip."


@dataclass(frozen=True)
class Frame:
    """The columns of a file.

    Attributes:
        columns: By name: of a text, strings without blanks at their ends, null where `MISSING`.
        rows: Their length.
        names: Of all columns of the file, read or not.
        separator: Between the cells of a text, otherwise empty.
        encoding: Of a text, otherwise empty.
    """

    columns: Mapping[str, "pa.ChunkedArray"]
    rows: int
    names: tuple[str, ...]
    separator: str = ""
    encoding: str = ""


def suffix_of(path: Path) -> str:
    """The ending that says the format: `.csv`, or `.csv.gz`.

    Examples:
        >>> suffix_of(Path("a.b/Houses.v2.CSV.gz"))
        '.csv.gz'
    """
    endings = [ending.lower() for ending in path.suffixes]
    return "".join(endings[-2:]) if endings[-1:] == [".gz"] else "".join(endings[-1:])


def stem_of(path: Path) -> str:
    """The file's name without the ending that says the format."""
    return path.name[: len(path.name) - len(suffix_of(path))]


def is_table(path: Path) -> bool:
    """Whether a file's ending is that of a table."""
    return suffix_of(path) in SUFFIXES


def check_file(path: Path, key: str = "data.path") -> None:
    """Refuse what is no file of a kind that is read.

    Raises:
        DataError: Naming the key and the file.
    """
    if not path.is_file():
        raise DataError(f"{key}: {path} {why_no_file(path)}. {KINDS_OF_FILES}")
    if not is_table(path):
        raise DataError(f"{key}: {path} is none of {', '.join(SUFFIXES)}. {KINDS_OF_FILES}")
    if not path.stat().st_size:
        raise DataError(f"{key}: {path} is empty. {KINDS_OF_FILES}")


def hash_of(path: Path) -> str:
    """The hash of a file's bytes, computed once per process and state of the file."""
    with reading(path, KINDS_OF_FILES):
        stat = path.stat()
        state = (str(path.absolute()), stat.st_mtime_ns, stat.st_size)
        if state not in _hashes:
            _hashes[state] = sha256(path)
    return _hashes[state]


_hashes: dict[tuple[str, int, int], str] = {}


def read_frame(
    path: Path,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    wanted: Sequence[str] | None = None,
    key: str = "data.path",
    fewest: int = 2,
) -> Frame:
    """Read a file; see `Frame`.

    Args:
        path: The file.
        separator: Between cells; None: found.
        encoding: Of a text; None: found.
        wanted: Names of the columns to read, as far as the file has them; None: all.
        key: The configuration key to name in messages.
        fewest: Columns that it must have.

    Raises:
        DataError: If it is no table; the message names it.
    """
    check_file(path, key)
    try:
        if suffix_of(path) in TYPED:
            frame = _read_typed(path, wanted, fewest)
        else:
            given = read_text(path, suffix_of(path), separator, encoding, lambda names: _checked(names, fewest), wanted)
            frame = Frame(*given)
    except NoTable as error:
        raise DataError(f"{key}: {path} {error}") from None
    except Exception as error:  # of damaged files: pyarrow, gzip and zlib each have their own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{key}: {path} cannot be read as a table ({reason}). {KINDS_OF_FILES}") from None
    if not frame.rows:
        raise DataError(f"{key}: {path} has names of columns but no rows. {KINDS_OF_FILES}")
    return frame


def frame_of(table: "pd.DataFrame", wanted: Sequence[str] | None = None) -> Frame:
    """The columns of a pandas table.

    Raises:
        DataError: If a column holds objects of several kinds.
    """
    import pyarrow as pa

    named = table.rename(columns=str)
    try:
        chosen = [name for name in named.columns if wanted is None or name in wanted]
        return _typed(pa.Table.from_pandas(named[chosen], preserve_index=False), list(named.columns))
    except pa.ArrowException as error:
        raise DataError(
            f"the table cannot be read ({' '.join(str(error).split())[:200]}). Give plain columns."
        ) from None


def _checked(names: Sequence[str], fewest: int) -> list[str]:
    """Names of columns that are names, each once.

    Raises:
        NoTable: Naming the first that is not.
    """
    if len(names) < fewest:
        raise NoTable(f"has one column: there is nothing to predict a target from. {KINDS_OF_FILES}")
    named = [name or f"column {number}" for number, name in enumerate(names, 1)]
    twice = next((name for name, times in Counter(named).items() if times > 1), None)
    if twice is not None:
        raise NoTable(f"has two columns {shown(twice)}. Rename one of them.")
    return named


def _read_typed(path: Path, wanted: Sequence[str] | None, fewest: int) -> Frame:
    from pyarrow import feather, parquet

    with open_plain(path) as stream:
        if suffix_of(path) in (".parquet", ".pq"):
            file = parquet.ParquetFile(stream)
            names = _checked(file.schema_arrow.names, fewest)
            _check_size(path, file.metadata.num_rows * len(names), file.metadata.num_rows)
            return _typed(file.read(columns=[name for name in names if wanted is None or name in wanted]), names)
        _check_feather(path, stream)
        table = feather.read_table(stream, memory_map=False)
        names = _checked(table.column_names, fewest)
        return _typed(table.select([name for name in names if wanted is None or name in wanted]), names)


def _check_feather(path: Path, stream: BinaryIO) -> None:
    """Count the rows of a Feather file where it says them; its first version is never compressed, and is not looked at.

    Raises:
        NoTable: If it is compressed out of all proportion.
    """
    from pyarrow.dataset import IpcFileFormat

    is_first, _ = stream.read(4) == b"FEA1", stream.seek(0)
    if not is_first:
        fragment = IpcFileFormat().make_fragment(stream)
        rows = fragment.count_rows()
        _check_size(path, rows * len(fragment.physical_schema), rows)
        stream.seek(0)


def _check_size(path: Path, cells: int, rows: int) -> None:
    if cells > most_unpacked(path):
        raise NoTable(f"holds {rows} rows in {path.stat().st_size} bytes. Save it as CSV.")


def _typed(table: "pa.Table", names: Sequence[str]) -> Frame:
    """The columns of a typed format; texts as those of a text are."""
    import pyarrow as pa

    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if name.startswith("__index_level_"):
            continue  # pandas' own index
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            raise NoTable(f"has the column {shown(name)} of {column.type}: cells are single values. Leave it out.")
        is_text = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
        columns[name] = trimmed(column.cast(pa.string())) if is_text or pa.types.is_string(column.type) else column
    return Frame(columns, table.num_rows, tuple(names))
