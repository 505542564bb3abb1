"""Examination of a table: one pass over its file, after which every decision stands in a card."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import fingerprint
from eksplora.errors import ConfigError, DataError, nearest
from eksplora.files import write_file
from eksplora.ranges import check_choice
from eksplora.table import cells, parts, warning
from eksplora.table.card import STATED_KINDS, TASKS, Column, Kind, Options, Role, TableCard
from eksplora.table.encoding import fitted, matrix, num_codes, values_of
from eksplora.table.kinds import decimal_of, kind_of, stated_kind
from eksplora.table.reading import Frame, check_file, hash_of, read_frame, stem_of, suffix_of
from eksplora.table.target import Targets, summaries, targets_of
from eksplora.untrusted import NAME, read_json

if TYPE_CHECKING:
    import pyarrow as pa

RULES = 1
"""Raise it where the rules change: prepared forms of an earlier one are not this one's."""

MOST_NAMED = 30
"""Columns that a message names."""

FEWEST_ROWS = 10
"""Rows with a target that a table must have."""


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


def fingerprint_of(options: Options) -> str:
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


def examine(options: Options, *, root: Path | None = None) -> TableCard:
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


def prepared(options: Options, *, root: Path | None = None) -> tuple[TableCard, Prepared]:
    """The card of a table and its rows as numbers: only the columns that are used are read, by the card's decisions.

    Raises:
        UserError: As `examine`.
    """
    card = examine(options, root=root)
    roles = {card.group, card.weight, options.time, options.part, *options.targets}
    used = [column for column in card.columns if column.encoding != "none" or column.name in roles]
    names = [column.name for column in used]
    frame = read_frame(Path(options.path), separator=options.separator, encoding=options.encoding, wanted=names)
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


def check_options(options: Options) -> None:
    """Refuse options that do not go together, before the file is read.

    Raises:
        ConfigError: Naming the key.
    """
    if not options.path:
        raise ConfigError("data.path: has no value. Give the file of a table: data.path=houses.csv.")
    if not options.targets or not all(options.targets):
        names = list(read_frame(Path(options.path), separator=options.separator, encoding=options.encoding).columns)
        shown = ", ".join(names[:MOST_NAMED]) + ", ..." * (len(names) > MOST_NAMED)
        raise ConfigError(f"data.target: has no value. Name the column to predict, one of {shown}.")
    if options.task is not None:
        check_choice(options.task, "data.task", TASKS)
    if options.decimal is not None:
        check_choice(options.decimal, "data.decimal", (".", ","))
    for name, kind in options.columns.items():
        check_choice(kind, f"data.columns.{name}", STATED_KINDS)
    if (options.part is not None) + (options.time is not None) > 1:
        raise ConfigError("data.part and data.time: both say which rows are test rows. Leave one of them out.")


@dataclass(frozen=True)
class _Work:
    """Cells of the rows that have a target, by column (see `encoding.Cells`), and their targets."""

    columns: dict[str, Any]
    targets: Targets


def _examined(options: Options) -> TableCard:
    path = Path(options.path)
    frame = read_frame(path, separator=options.separator, encoding=options.encoding)
    _check_names(options, frame)
    decimal = options.decimal or (decimal_of(dict(frame.columns), frame.separator) if frame.separator else ".")
    targets = targets_of(options, [frame.columns[name] for name in options.targets], decimal)
    work = _with_targets(frame, targets)
    _check_rows(options, work)
    train, test, split, is_stratified = parts.cut(options, work.columns, work.targets, decimal)
    found, notes = [], []
    for name in [*work.columns]:
        column, work.columns[name], said = _column(options, name, work.columns[name], train, decimal)
        found.append(column)
        notes += said
    columns = tuple(_named_apart(found))
    names = tuple(name for column in columns for name in column.prepared)
    if not names:
        raise DataError(f"data.path: {path} has no column to predict from but the target. Look at `eksplora describe`.")
    card = TableCard(
        name=name_of(path),
        fingerprint=fingerprint_of(options),
        sha256=hash_of(path),
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
        targets=summaries(options, targets),
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


def _of_reading(frame: Frame) -> list[str]:
    """How a text was read, where that was a guess."""
    return ["The text is no UTF-8: it is read as Latin-1."] if frame.encoding == "latin-1" else []


def name_of(path: Path) -> str:
    """A name for folders, from the file's.

    Examples:
        >>> name_of(Path("My houses (2).csv")), name_of(Path("ä.csv"))
        ('My_houses_2', 'ä')
    """
    kept = "_".join(
        filter(None, "".join(letter if NAME.fullmatch(f"a{letter}") else " " for letter in stem_of(path)).split())
    )
    return kept.strip("._-")[:60] or "table"


def _check_names(options: Options, frame: Frame) -> None:
    """Refuse options that name no column of the file, or one column twice."""
    roles = {
        f"data.{key}": value
        for key in ("group", "time", "part", "identifier", "weight")
        if (value := getattr(options, key)) is not None
    }
    named = [
        *(("data.target", name) for name in options.targets),
        *roles.items(),
        *(("data.drop", name) for name in options.drop),
    ]
    for key, name in [*named, *((f"data.columns.{name}", name) for name in options.columns)]:
        if name not in frame.columns:
            raise ConfigError(f"{key}: {options.path} has no column '{name}'. {_nearest_column(name, frame)}")
    for key, name in [*roles.items(), *(("data.drop", name) for name in options.drop)]:
        if name in options.targets:
            raise ConfigError(f"{key}: '{name}' is the target. Name another column.")


def _nearest_column(name: str, frame: Frame) -> str:
    options = list(frame.columns)
    if same := next((one for one in options if one.lower() == name.lower()), None):
        return f"Did you mean '{same}'?"
    return (
        nearest(name, options if len(options) <= 30 else [*options[:29], "..."])
        if not options
        else nearest(name, options)
    )


def _with_targets(frame: Frame, targets: Targets) -> _Work:
    """The rows that have a target."""
    if len(targets.rows) == frame.rows:
        return _Work(dict(frame.columns), targets)
    import pyarrow as pa

    rows = pa.array(targets.rows)
    return _Work({name: column.take(rows) for name, column in frame.columns.items()}, targets)


def _check_rows(options: Options, work: _Work) -> None:
    count = len(work.targets.rows)
    if count < FEWEST_ROWS:
        raise DataError(
            f"data.path: {options.path} has {count} rows with a target: too few to cut into rows to learn from, to "
            f"validate on and to test. Give at least {FEWEST_ROWS}, better some hundreds."
        )


def _column(
    options: Options, name: str, values: "pa.ChunkedArray", train: NDArray[np.int64], decimal: str
) -> tuple[Column, Any, list[str]]:
    """A column's entry in the card, its cells as they are needed from now on, and what is to be said of the reading."""
    stated = options.columns.get(name)
    is_stated = stated not in (None, "drop")
    found = stated_kind(values, str(stated), decimal) if is_stated else kind_of(name, values, decimal)
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


def _role(options: Options, name: str, kind: Kind) -> Role:
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


def _named_apart(columns: Sequence[Column]) -> list[Column]:
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
