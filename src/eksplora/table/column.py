"""Examination of one column: its kind, its role, its content, and its encoding as numbers."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eksplora.table import cells
from eksplora.table.card import Column, Kind, Role, TableOptions
from eksplora.table.encoding import fitted, values_of
from eksplora.table.kinds import kind_of, stated_kind

if TYPE_CHECKING:
    import pyarrow as pa


def examined_column(
    options: TableOptions, name: str, values: "pa.ChunkedArray", train: NDArray[np.int64], decimal: str
) -> tuple[Column, Any, list[str]]:
    """A column's entry in the card, its cells as they are needed from now on, and what is to be said of the reading."""
    stated = options.columns.get(name)
    is_stated = stated not in (None, "drop")
    found = stated_kind(name, values, str(stated), decimal) if is_stated else kind_of(name, values, decimal)
    column = Column(
        name=name,
        kind=found.kind,
        role=_role(options, name, found.kind),
        is_stated=stated is not None or name in options.drop,
        missing=int(values.null_count),
        format=found.format,
        unreadable=found.unreadable,
    )
    known: Any = values
    if column.kind in ("number", "boolean", "date"):
        known = values_of(column, values, decimal)
    column = _described(column, known)
    if column.role == "feature":
        column = fitted(column, known, train, options.one_hot, options.rare, decimal)
        column = column if column.prepared else replace(column, role="unused", encoding="none")
    notes = []
    if found.unreadable:
        example = f", such as {found.example!r}" if found.example else ""
        notes.append(f"{found.unreadable} cells of '{name}' are no {found.kind}{example}: they count as missing.")
    if found.other_format and column.role == "feature":
        notes.append(f"Dates of '{name}' are read as {found.format}; {found.other_format} fits as well.")
    return column, known, notes


def _role(options: TableOptions, name: str, kind: Kind) -> Role:
    if name in options.targets:
        return "target"
    roles: tuple[Role, ...] = ("group", "weight", "part", "identifier")
    for role in roles:
        if getattr(options, role) == name:
            return role
    if name in options.drop or options.columns.get(name) == "drop":
        return "unused"
    return "feature" if kind in ("number", "boolean", "date", "category") else "unused"


def _described(column: Column, values: Any) -> Column:
    """The column with what its cells are like."""
    if isinstance(values, np.ndarray):
        known = values[~np.isnan(values)]
        digest = hashlib.blake2b(values.tobytes(), digest_size=8).hexdigest()
        if not len(known):
            return replace(column, digest=digest)
        low, high = float(known.min()), float(known.max())
        counts = np.histogram(known, bins=10)[0] if high > low else np.array([len(known)])
        distinct = len(np.unique(known))
        return replace(column, distinct=distinct, low=low, high=high, counts=tuple(map(int, counts)), digest=digest)
    import pyarrow.compute as pc

    words = cells.texts(values)
    digest = _digest(words)
    frequent = pc.value_counts(words.drop_null())
    column = replace(column, distinct=len(frequent), digest=digest)
    if column.kind in ("text", "identifier"):
        return column
    counted = sorted(frequent.to_pylist(), key=lambda entry: (-entry["counts"], entry["values"]))[:10]
    return replace(
        column,
        counts=tuple(int(entry["counts"]) for entry in counted),
        values=tuple(str(entry["values"])[:60] for entry in counted),
    )


def _digest(words: "pa.ChunkedArray") -> str:
    """Hash of a column's texts, however they lie in memory."""
    import pyarrow.compute as pc

    lengths, content = hashlib.blake2b(digest_size=8), hashlib.blake2b(digest_size=8)
    for chunk in words.chunks:
        if len(chunk):
            own = pc.fill_null(pc.binary_length(chunk), -1).to_numpy(zero_copy_only=False)
            lengths.update(memoryview(own.astype(np.int32)))
            _, offsets, letters = chunk.buffers()
            ends = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
            content.update(memoryview(letters)[ends[0] : ends[-1]] if letters is not None else b"")
    return f"{lengths.hexdigest()}{content.hexdigest()}"


def named_apart(columns: Sequence[Column]) -> list[Column]:
    """Columns whose prepared names are all different: `a=b` may be a column of the file too."""
    seen: set[str] = set()
    apart = []
    for column in columns:
        names = []
        for name in column.prepared:
            while name in seen:
                name = f"{name}'"
            seen.add(name)
            names.append(name)
        apart.append(replace(column, prepared=tuple(names)))
    return apart
