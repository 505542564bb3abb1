"""Text files with cells between separators: encoding, separator and names are found, cells stay texts."""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eksplora.untrusted import open_plain

if TYPE_CHECKING:
    import pyarrow as pa

TEXT = (".csv", ".tsv", ".tab", ".txt")
SEPARATORS = (",", ";", "\t", "|")
HEAD_BYTES = 1 << 20
"""Longest line of names; the separator is found in as much."""
BLOCK_BYTES = 1 << 22
LARGEST_BYTES = 16 << 30
"""Largest size of a text once it is decompressed."""
SMALL_BYTES, MOST_TIMES = 1 << 28, 100
"""Texts larger than the first may be so many times the size of their file: a few kilobytes can hold any size."""

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null", "None", "none", "?", "-", ".")
"""Cells that say that there is no value."""


class NoTable(Exception):
    """Fault of a file, to be said after its name, with the way out."""


def most_unpacked(path: Path) -> int:
    """Bytes of text, or cells, that a packed file may hold."""
    return min(LARGEST_BYTES, max(SMALL_BYTES, MOST_TIMES * path.stat().st_size))


Read = tuple[dict[str, "pa.ChunkedArray"], int, tuple[str, ...], str, str]
"""Columns by name, rows, all names, separator, encoding."""


def read_text(
    path: Path,
    suffix: str,
    separator: str | None,
    encoding: str | None,
    check: Callable[[Sequence[str]], list[str]],
    wanted: Sequence[str] | None,
) -> Read:
    """The columns of a text file.

    Args:
        path: The file.
        suffix: Its ending: `.tsv.gz` says the separator and that it is compressed.
        separator: Between cells; None: found.
        encoding: Of the text; None: UTF-8, or Latin-1 where it is none.
        check: What names of columns must be.
        wanted: Names of the columns to read; None: all.

    Raises:
        NoTable: If it is no table.
    """
    is_packed = suffix.endswith(".gz")
    head = _head(path, is_packed)
    found = encoding or _encoding(path, is_packed, head)
    if b"\0" in head and not found.startswith("utf-16"):
        raise NoTable("is no text: it holds a zero byte. Save it as CSV in UTF-8.")
    if len(head) == HEAD_BYTES and b"\n" not in head:
        way_out = "Leave columns out, or save it as Parquet"
        raise NoTable(
            f"has no end of line in its first {HEAD_BYTES >> 10} KiB, where its columns are named. {way_out}."
        )
    text = head.decode(found, errors="ignore")
    between = separator or ("\t" if suffix.startswith((".tsv", ".tab")) else _separator(text))
    names = check(_names(text, between))
    chosen = [name for name in names if wanted is None or name in wanted]
    if not chosen:
        return {}, 1, tuple(names), between, found  # what is missing is said by name
    with _opened(path, is_packed) as stream:
        table = _parsed(stream, names, chosen, between, found)
    columns = {name: trimmed(table.column(name)) for name in chosen}
    return columns, table.num_rows, tuple(names), between, found


def _parsed(stream: Any, names: list[str], chosen: list[str], separator: str, encoding: str) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv as arrow

    table = arrow.read_csv(
        stream,
        read_options=arrow.ReadOptions(
            column_names=names, encoding="utf-8" if encoding == "utf-8-sig" else encoding, block_size=BLOCK_BYTES
        ),
        parse_options=arrow.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=arrow.ConvertOptions(
            column_types={name: pa.string() for name in names},
            null_values=list(MISSING),
            strings_can_be_null=True,
            include_columns=chosen,
        ),
    )
    return table.slice(1)  # without the line of names: pyarrow would let a name stand twice


def _head(path: Path, is_packed: bool) -> bytes:
    """The first bytes of a text, and none of a line that they would cut."""
    with open_plain(path) as file:
        block = file.read(HEAD_BYTES)
    head = zlib.decompressobj(wbits=31).decompress(block, HEAD_BYTES) if is_packed else block
    return head if len(head) < HEAD_BYTES else head[: head.rfind(b"\n") + 1] or head


def _encoding(path: Path, is_packed: bool, head: bytes) -> str:
    """A byte order mark says it; otherwise UTF-8 where the whole file is."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with _opened(path, is_packed) as stream:
            while block := stream.read(BLOCK_BYTES):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


@contextmanager
def _opened(path: Path, is_packed: bool) -> Iterator[Any]:
    """The bytes of a text, decompressed; no more than `most_unpacked`."""
    with open_plain(path) as file:
        yield _Bounded(gzip.GzipFile(fileobj=file), most_unpacked(path)) if is_packed else file


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._most, self._given = stream, most, 0

    def readable(self) -> bool:
        """Whether it can be read, which it can."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block: bytes = self._stream.read(size if size >= 0 else BLOCK_BYTES)
        self._given += len(block)
        if self._given > self._most:
            way_out = "Save it as Parquet" if self._most == LARGEST_BYTES else "Decompress it first, if you trust it"
            raise NoTable(f"holds more than {self._most >> 20} MiB of text. {way_out}.")
        return block


def _separator(text: str) -> str:
    """The character that cuts the line of names, and most others, into the same number of cells, of at least two."""
    best, most = ",", (0.0, 0)
    for candidate in SEPARATORS:
        try:
            lines = [len(line) for line in islice(csv.reader(io.StringIO(text), delimiter=candidate), 100) if line]
        except csv.Error:  # a cell longer than the module reads: most likely the whole of a long line
            continue
        width = lines[0] if lines else 0
        share = sum(length == width for length in lines) / max(len(lines), 1)
        if width > 1 and (share, width) > most:
            best, most = candidate, (share, width)
    return best


def _names(text: str, separator: str) -> list[str]:
    """The cells of the first line that is not empty.

    Raises:
        NoTable: If they are numbers all: a table without a line of names. If one has no end.
    """
    lines = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator)
    try:
        names = [name.strip() for name in next((line for line in lines if line), [])]
    except csv.Error:
        most = csv.field_size_limit()
        raise NoTable(
            f"has a column's name of more than {most} characters: a separator other than {separator!r}, "
            "or a quotation mark that is never closed. Save it as CSV again."
        ) from None
    if names and all(re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?", name) for name in names):
        raise NoTable(f"begins with numbers ({', '.join(names[:3])}), not with names of columns. Add a line of names.")
    return names


def trimmed(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Texts without blanks at their ends; null where one says that there is no value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bare = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(bare, value_set=pa.array(MISSING)), pa.scalar(None, pa.string()), bare)
