"""Examination of a table: one pass over its file, after which every decision stands in a card."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import fingerprint
from eksplora.errors import DataError
from eksplora.files import write_file
from eksplora.ranges import shown
from eksplora.records.target import summaries
from eksplora.table import cells, parts, warning
from eksplora.table.card import Column, TableCard, TableOptions
from eksplora.table.check import MOST_NAMED, check_names, check_options, check_rows
from eksplora.table.column import examined_column, named_apart
from eksplora.table.encoding import matrix, num_codes
from eksplora.table.kinds import decimal_of, own_decimal
from eksplora.table.reading import Frame, check_file, hash_of, read_frame, stem_of, suffix_of
from eksplora.table.target import Targets, targets_of
from eksplora.untrusted import folder_name, read_json

RULES = 2
"""Raise it where the rules change: prepared forms of an earlier one are not this one's."""


@dataclass(frozen=True)
class Prepared:
    """A table as numbers.

    Attributes:
        features: Of training and test part, (rows, width) float64; NaN where a number is missing.
        targets: Of both parts: classes (rows,) int64 or numbers (rows, targets) float64.
        groups: Of both parts, (rows,) int64; None without groups.
        weights: Of both parts, (rows,) float64; None without weights.
    """

    features: Sequence[NDArray[np.float64]]
    targets: Sequence[NDArray[Any]]
    groups: Sequence[NDArray[np.int64]] | None
    weights: Sequence[NDArray[np.float64]] | None


def fingerprint_of(options: TableOptions) -> str:
    """The fingerprint of a file's content and of the options; the file is read for its hash alone.

    Raises:
        DataError: If there is no such file, or it is none that is read.
    """
    path = Path(options.path)
    check_file(path)
    stated = {key: value for key, value in dataclasses.asdict(options).items() if key != "path"}
    return fingerprint(
        {"rules": RULES, "sha256": hash_of(path), "format": suffix_of(path), **json.loads(json.dumps(stated))}
    )


def examine(options: TableOptions, *, root: Path | None = None) -> TableCard:
    """The card of a table: a pure function of the file and the options.

    Args:
        options: What to read, and how.
        root: Folder of data, where the card is kept so that the file is read once; None: it is not kept.

    Raises:
        ConfigError: If an option does not fit; the message names its key.
        DataError: If the file cannot be read or nothing can be learned from it.
    """
    check_options(options)
    known = fingerprint_of(options)
    kept = None if root is None else root / "tables" / f"{name_of(Path(options.path))}-{known[:12]}.json"
    if kept is not None and kept.is_file():
        try:
            card = read_json(kept, TableCard, way_out="Delete it.")
            if card.fingerprint == known:
                return card
        except DataError:
            pass  # it is made again
    card = _examined(options)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_file(kept, as_json(card))
    return card


def earlier(card: TableCard, root: Path) -> TableCard | None:
    """The card that was kept last of another table of the same name and targets; None where there is none."""
    found = (root / "tables").glob(f"{card.name}-{'?' * 12}.json")
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            other = read_json(path, TableCard, way_out="Delete it.")
        except DataError:
            continue
        is_same_task = [own.name for own in other.targets] == [own.name for own in card.targets]
        if is_same_task and other.fingerprint != card.fingerprint:
            return other
    return None


def as_json(card: TableCard) -> str:
    """A card as JSON text, from which `untrusted.read_json` makes it again."""
    return json.dumps(dataclasses.asdict(card), indent=1)


def prepared(options: TableOptions, *, root: Path | None = None) -> tuple[TableCard, Prepared]:
    """The card of a table and its rows as numbers: only the columns that are used are read, by the card's decisions.

    Raises:
        UserError: As `examine`.
    """
    card = examine(options, root=root)
    roles = {card.group, card.weight, options.time, options.part, *options.targets}
    used = [one for one in card.columns if one.encoding != "none" or one.name in roles]
    names = [one.name for one in used]
    read = read_frame(Path(options.path), separator=options.separator, encoding=options.encoding, wanted=names)
    frame = _in_one_decimal(read, {one.name for one in used if one.decimal})
    targets = targets_of(options, [frame.columns[name] for name in options.targets], card.decimal)
    work = _with_targets(frame, targets)
    *rows, _, _ = parts.cut(options, work.columns, targets, card.decimal)
    groups = None if card.group is None else parts.group_codes(work.columns[card.group])
    weights = None if card.weight is None else _weights(card.weight, work.columns[card.weight], card.decimal)
    return card, Prepared(
        matrix(card.columns, work.columns, rows, card.decimal),
        [targets.values[own] for own in rows],
        None if groups is None else [groups[own] for own in rows],
        None if weights is None else [weights[own] for own in rows],
    )


@dataclass(frozen=True)
class _Work:
    """Cells of the rows that have a target, by column (see `encoding.Cells`), and their targets."""

    columns: dict[str, Any]
    targets: Targets


def _examined(options: TableOptions) -> TableCard:
    frame, decimal, others = _read(options)
    targets = targets_of(options, [frame.columns[name] for name in options.targets], decimal)
    work = _with_targets(frame, targets)
    check_rows(options, len(targets.rows))
    if options.weight is not None:
        _weights(options.weight, work.columns[options.weight], decimal)
    train, test, split, is_stratified = parts.cut(options, work.columns, work.targets, decimal)
    columns, notes = _columns(options, work, train, decimal)
    other = "," if decimal == "." else "."
    columns = tuple(replace(one, decimal=other) if one.name in others else one for one in columns)
    names = tuple(name for one in columns for name in one.prepared)
    card = TableCard(
        name=name_of(Path(options.path)),
        fingerprint=fingerprint_of(options),
        sha256=hash_of(Path(options.path)),
        task=targets.task,
        classes=targets.classes,
        num_targets=None if targets.classes is not None else len(options.targets),
        input_shape=(len(names),),
        feature_names=names,
        codes=_codes(columns),
        rows=len(targets.rows),
        train_rows=len(train),
        test_rows=len(test),
        without_target=frame.rows - len(targets.rows),
        columns=columns,
        targets=summaries(options.targets, targets.values, targets.classes),
        warnings=(),
        notes=(*_of_reading(frame), *targets.notes, *notes),
        separator=frame.separator,
        decimal=decimal,
        encoding=frame.encoding,
        split=split,
        is_stratified=is_stratified,
        group=options.group,
        weight=options.weight,
        identifier=options.identifier,
    )
    said = warning.warnings(card, options, work.columns, work.targets, (train, test))
    return replace(card, warnings=tuple(said))


def _read(options: TableOptions) -> tuple[Frame, str, set[str]]:
    """The file in one decimal point, that point, and the columns that had the other."""
    frame = read_frame(Path(options.path), separator=options.separator, encoding=options.encoding)
    check_names(options, frame.columns)
    decimal = options.decimal or (decimal_of(dict(frame.columns), frame.separator) if frame.separator else ".")
    others = _of_other_decimal(options, frame, decimal)
    return _in_one_decimal(frame, others), decimal, others


def _of_other_decimal(options: TableOptions, frame: Frame, decimal: str) -> set[str]:
    """Columns of numbers with another decimal point than that of the file; none where the user gives it."""
    words = {name for name, kind in options.columns.items() if kind != "number"} | {options.identifier}
    return {
        name
        for name, column in frame.columns.items()
        if options.decimal is None and name not in words and own_decimal(column, decimal) != decimal
    }


def _in_one_decimal(frame: Frame, others: set[str]) -> Frame:
    """A file whose columns have one decimal point all: those that are named had the other."""
    if not others:
        return frame
    columns = {name: cells.swapped(one) if name in others else one for name, one in frame.columns.items()}
    return replace(frame, columns=columns)


def _columns(
    options: TableOptions, work: _Work, train: NDArray[np.int64], decimal: str
) -> tuple[tuple[Column, ...], list[str]]:
    """The columns with notes on their reading; their cells become numbers where they are needed as such."""
    found, notes = [], []
    for name in [*work.columns]:
        one, work.columns[name], said = examined_column(options, name, work.columns[name], train, decimal)
        found.append(one)
        notes += said
    if not any(one.prepared for one in found):
        raise DataError(
            f"data.path: {options.path} has no column to predict from ({_kinds(found)}). Say what one is by "
            "data.columns.<name>=category, or add a column."
        )
    return tuple(named_apart(found)), notes


def _kinds(columns: Sequence[Column]) -> str:
    """Kinds or roles of the first columns."""
    words = [f"{shown(one.name)}: {one.role if one.role != 'unused' else one.kind}" for one in columns[:MOST_NAMED]]
    return ", ".join(words) + ", ..." * (len(columns) > MOST_NAMED)


def _of_reading(frame: Frame) -> list[str]:
    """Note on how a text was read, where that was a guess."""
    return ["The text is no UTF-8: it is read as Latin-1."] if frame.encoding == "latin-1" else []


def name_of(path: Path) -> str:
    """A name for folders, from the file's.

    Examples:
        >>> name_of(Path("My houses (2).csv")), name_of(Path("ä.csv"))
        ('My_houses_2', 'ä')
    """
    return folder_name(stem_of(path), "table")


def _with_targets(frame: Frame, targets: Targets) -> _Work:
    """The rows that have a target."""
    if len(targets.rows) == frame.rows:
        return _Work(dict(frame.columns), targets)
    import pyarrow as pa

    rows = pa.array(targets.rows)
    return _Work({name: column.take(rows) for name, column in frame.columns.items()}, targets)


def _codes(columns: Sequence[Column]) -> tuple[tuple[int, int], ...]:
    """Prepared columns of codes, each with how many codes it has."""
    found, place = [], 0
    for column in columns:
        if column.encoding == "code":
            found.append((place, num_codes(column)))
        place += len(column.prepared)
    return tuple(found)


def _weights(name: str, column: Any, decimal: str) -> NDArray[np.float64]:
    values = column if isinstance(column, np.ndarray) else cells.numbers(column, decimal)
    if np.isnan(values).any() or (values < 0).any() or not values.sum() > 0:
        raise DataError(
            f"data.weight={name}: every row needs a weight of at least 0, and one is above. Correct the column."
        )
    return values
