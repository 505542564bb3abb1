"""A table's file as columns: text as it stands, typed columns as the format has them. No cell is converted here."""

import csv
import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eksplora.errors import DataError
from eksplora.ranges import shown
from eksplora.untrusted import open_plain, reading, sha256

if TYPE_CHECKING:
    import pyarrow as pa

TEXT = (".csv", ".tsv", ".tab", ".txt")
TYPED = (".parquet", ".pq", ".feather", ".arrow")
SUFFIXES = (*TEXT, *(f"{suffix}.gz" for suffix in TEXT), *TYPED)
"""Endings of the files that are read."""

SEPARATORS = (",", ";", "\t", "|")
HEAD_BYTES = 1 << 18
LARGEST_BYTES = 16 << 30
"""Of a text once it is decompressed: a few kilobytes can promise any size."""

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null", "None", "none", "?", "-", ".")
"""Cells that say that there is no value."""

KINDS_OF_FILES = "Give a CSV, TSV, Parquet or Feather file, or a text compressed by gzip."


@dataclass(frozen=True)
class Frame:
    """The columns of a file.

    Attributes:
        columns: By name: of a text, strings without blanks at their ends, null where `MISSING`.
        rows: Their length.
        separator: Between the cells of a text, otherwise empty.
        encoding: Of a text, otherwise empty.
        notes: How the file was read, one sentence each.
    """

    columns: Mapping[str, "pa.ChunkedArray"]
    rows: int
    separator: str = ""
    encoding: str = ""
    notes: tuple[str, ...] = ()


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


def check_file(path: Path, key: str = "data.path") -> None:
    """Refuse what is no file of a kind that is read.

    Raises:
        DataError: Naming the key and the file.
    """
    if not path.exists():
        raise DataError(f"{key}: {path} does not exist. {KINDS_OF_FILES}")
    if suffix_of(path) not in SUFFIXES:
        raise DataError(f"{key}: {path} is none of {', '.join(SUFFIXES)}. {KINDS_OF_FILES}")
    if not path.is_file():
        raise DataError(f"{key}: {path} is no file. {KINDS_OF_FILES}")
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
) -> Frame:
    """Read a file; see `Frame`.

    Args:
        path: The file.
        separator: Between cells; None: found.
        encoding: Of a text; None: found.
        wanted: Names of the columns to read, as far as the file has them; None: all.
        key: The configuration key to name in messages.

    Raises:
        DataError: If it is no table; the message names it.
    """
    check_file(path, key)
    try:
        is_text = suffix_of(path) not in TYPED
        frame = _read_text(path, separator, encoding, wanted, key) if is_text else _read_typed(path, wanted, key)
    except DataError:
        raise
    except Exception as error:  # of damaged files: pyarrow, gzip and zlib each have their own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{key}: {path} cannot be read as a table ({reason}). {KINDS_OF_FILES}") from None
    if not frame.rows:
        raise DataError(f"{key}: {path} has names of columns but no rows. {KINDS_OF_FILES}")
    return frame


# --- text --------------------------------------------------------------------------------------------------------


def _read_text(
    path: Path, separator: str | None, encoding: str | None, wanted: Sequence[str] | None, key: str
) -> Frame:
    from pyarrow import csv as arrow_csv

    head = _head(path)
    if b"\0" in head and encoding is None and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{key}: {path} is no text (it holds a zero byte). {KINDS_OF_FILES}")
    found = encoding or _encoding(path, head)
    text = _decoded(head, found)
    separator = separator or _separator(text, path)
    names = _names(text, separator, path, key)
    chosen = [name for name in names if wanted is None or name in wanted]
    import pyarrow as pa

    with _opened(path) as stream:
        table = arrow_csv.read_csv(
            stream,
            read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=0, encoding=found, block_size=1 << 22),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=list(MISSING),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                include_columns=chosen,
            ),
        )
    table = table.slice(1)  # the line of names, which pyarrow was not to read: it would not see a name twice
    notes = [] if found in ("utf-8", "utf-8-sig") else [f"The text is read as {found}."]
    columns = {name: _trimmed(table.column(name)) for name in chosen}
    return Frame(columns, table.num_rows, separator, found, tuple(notes))


def _head(path: Path) -> bytes:
    with open_plain(path) as file:
        if suffix_of(path).endswith(".gz"):
            return zlib.decompressobj(wbits=31).decompress(file.read(HEAD_BYTES), HEAD_BYTES)
        return file.read(HEAD_BYTES)


def _encoding(path: Path, head: bytes) -> str:
    """UTF-8 where the whole file is; a byte order mark says more."""
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    decoder_is_happy = _is_utf8(path)
    return "utf-8" if decoder_is_happy else "latin-1"


def _is_utf8(path: Path) -> bool:
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with _opened(path) as stream:
            while block := stream.read(1 << 22):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _opened(path: Path) -> Any:
    """The bytes of a text, decompressed; no more than `LARGEST_BYTES`."""
    file = open_plain(path)
    return _Bounded(gzip.GzipFile(fileobj=file)) if suffix_of(path).endswith(".gz") else file


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than `LARGEST_BYTES`."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._given = stream, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block: bytes = self._stream.read(size if size >= 0 else 1 << 22)
        self._given += len(block)
        if self._given > LARGEST_BYTES:
            raise ValueError(f"it holds more than {LARGEST_BYTES >> 30} GiB")
        return block


def _decoded(head: bytes, encoding: str) -> str:
    text = head.decode(encoding, errors="ignore")
    whole, newline, _ = text.rpartition("\n")
    return whole + newline if newline and len(head) >= HEAD_BYTES else text


def _separator(text: str, path: Path) -> str:
    """The character that cuts most lines into the same number of cells, of at least two."""
    if suffix_of(path).startswith((".tsv", ".tab")):
        return "\t"
    best, most = ",", (0.0, 0)
    for candidate in SEPARATORS:
        lines = [len(line) for line in islice(csv.reader(io.StringIO(text), delimiter=candidate), 100) if line]
        width = lines[0] if lines else 0
        share = sum(length == width for length in lines) / max(len(lines), 1)
        if width > 1 and (share, width) > most:
            best, most = candidate, (share, width)
    return best


def _names(text: str, separator: str, path: Path, key: str) -> list[str]:
    names = [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=separator), [])]
    return _checked(names, path, key)


def _checked(names: Sequence[str], path: Path, key: str) -> list[str]:
    """Names of columns that are names, each once.

    Raises:
        DataError: Naming the first that is not.
    """
    if len(names) < 2:
        raise DataError(f"{key}: {path} has one column: nothing to predict a target from. {KINDS_OF_FILES}")
    named = [name or f"column {number}" for number, name in enumerate(names, 1)]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{key}: {path} has two columns {shown(twice)}. Rename one of them in its first line.")
    return named


def _trimmed(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(column)
    # A cell such as " NA " shows only now that it is none.
    return pc.if_else(pc.is_in(trimmed, value_set=pa.array(MISSING)), pa.scalar(None, pa.string()), trimmed)


# --- typed formats -----------------------------------------------------------------------------------------------


def _read_typed(path: Path, wanted: Sequence[str] | None, key: str) -> Frame:
    import pyarrow as pa
    from pyarrow import feather, parquet

    with open_plain(path) as stream:
        is_parquet = suffix_of(path) in (".parquet", ".pq")
        if is_parquet:
            file = parquet.ParquetFile(stream)
            names = _checked(file.schema_arrow.names, path, key)
            table = file.read(columns=[name for name in names if wanted is None or name in wanted])
        else:
            table = feather.read_table(stream, memory_map=False)
            names = _checked(table.column_names, path, key)
    columns = {}
    for name in table.column_names:
        if name.startswith("__index_level_") or (wanted is not None and name not in wanted):
            continue  # pandas' own index
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or _is_view(column.type):
            column = _trimmed(column.cast(pa.string()))
        columns[name] = column
    return Frame(columns, table.num_rows)


def _is_view(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string_view(kind))
