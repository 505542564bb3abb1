"""Options of reading a table, and the card of what was found and decided: plain values, written and read as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from eksplora.records.target import TargetSummary

Kind = Literal["number", "boolean", "date", "category", "text", "identifier", "constant", "empty"]
Role = Literal["feature", "target", "group", "weight", "part", "identifier", "unused"]
Task = Literal["regression", "binary", "classification", "multilabel"]

STATED_KINDS = ("number", "date", "category", "text", "drop")
"""Kinds that a user may give to a column."""

TASKS = ("regression", "binary", "classification", "multilabel")


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """A file, the roles of its columns, and how it is cut: everything that its prepared form depends on.

    Attributes:
        path: A CSV, TSV, Parquet or Feather file; text may be compressed by gzip.
        target: The column to predict, or several.
        group: A column whose rows of one value stay in one part.
        time: A column by which the latest rows are the test part.
        part: A column that says which rows are test rows: `test`, `true` or 1.
        identifier: A column that names rows: no feature; predictions carry it.
        weight: A column with the weights of rows: no feature.
        drop: Columns that are left out.
        columns: Kinds of columns, by name: `number`, `date`, `category`, `text` or `drop`; found where it says nothing.
        task: `regression`, `binary`, `classification` or `multilabel`; None: as the target's values say.
        separator: The character between cells; None: found.
        decimal: `.` or `,`; None: found.
        encoding: Of a text; None: UTF-8, or Latin-1 where it is none.
        one_hot: Most categories of a column that get a column each; a column of more becomes a column of codes.
        rare: Categories of fewer training rows count as `other`.
        test_fraction: Share of the rows, or of the groups' rows, in the test part.
        split_seed: Decides which rows, or groups, are test rows.
    """

    path: str
    target: str | tuple[str, ...]
    group: str | None = None
    time: str | None = None
    part: str | None = None
    identifier: str | None = None
    weight: str | None = None
    drop: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    task: str | None = None
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    one_hot: int = 20
    rare: int = 10
    test_fraction: float = 0.2
    split_seed: int = 0

    @property
    def targets(self) -> tuple[str, ...]:
        """The target columns, one or several."""
        return (self.target,) if isinstance(self.target, str) else tuple(self.target)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the file: what it holds and what is made of it.

    Attributes:
        name: As the file has it.
        kind: What its cells are.
        role: What it is used for.
        is_stated: Whether the user gave the kind, or left the column out.
        missing: Rows without a value.
        distinct: Different values.
        low: Least number; of dates in days since 1970.
        high: Greatest number.
        counts: Rows in ten equal steps from `low` to `high`; of categories, those of the most frequent `values`.
        values: The most frequent categories, at most ten.
        format: Of dates, as `strptime` has it; empty where the file itself knows dates.
        unreadable: Cells of a number's or a date's column that are none: they count as missing.
        encoding: How it becomes numbers.
        vocabulary: Categories with a column or a code of their own, from the training part.
        has_other: Whether rarer ones, and those that were never seen, have a column of their own.
        has_missing: Whether the training part has missing cells: then a column says where.
        parts: Of a date: those that differ in the training part.
        prepared: Names of the prepared columns that are made of it, in their order.
        digest: Of all its values: another one is another content.
        decimal: `.` or `,` where it is not that of the file; otherwise empty.
    """

    name: str
    kind: Kind
    role: Role
    is_stated: bool = False
    missing: int = 0
    distinct: int = 0
    low: float | None = None
    high: float | None = None
    counts: tuple[int, ...] = ()
    values: tuple[str, ...] = ()
    format: str = ""
    unreadable: int = 0
    encoding: Literal["none", "number", "date", "one_hot", "code"] = "none"
    vocabulary: tuple[str, ...] = ()
    has_other: bool = False
    has_missing: bool = False
    parts: tuple[str, ...] = ()
    prepared: tuple[str, ...] = ()
    digest: str = ""
    decimal: str = ""


@dataclass(frozen=True, kw_only=True)
class TableCard:
    """Everything that was found in a table and decided about it.

    Attributes:
        name: Of the data: the file's name without its ending.
        fingerprint: Of the file's content and the options; another one is another data set.
        sha256: Of the file.
        task: As the target's values, or the options, say.
        classes: Names of the classes, sorted; None for numbers, and for several labels per row.
        num_targets: Numbers, or labels, per row; None for classes.
        input_shape: Of a prepared row.
        feature_names: Of the prepared columns, in their order.
        codes: Prepared columns that hold codes: (number of the column, number of codes).
        rows: With a target.
        train_rows: Rows of the training part.
        test_rows: Rows of the test part.
        without_target: Rows of the file that were left out.
        columns: Every column of the file, in its order.
        targets: A summary of each target column.
        warnings: One sentence each.
        notes: How the file was read, one sentence each.
        separator: Between cells; empty where the format has none.
        decimal: `.` or `,`.
        encoding: Of a text; empty where the format has none.
        split: How the test part was cut, in words.
        is_stratified: Whether it was cut class by class.
        group: The column whose rows stay together.
        weight: The column of weights.
        identifier: The column that names rows.
    """

    name: str
    fingerprint: str
    sha256: str
    task: Task
    classes: tuple[str, ...] | None
    num_targets: int | None
    input_shape: tuple[int]
    feature_names: tuple[str, ...]
    codes: tuple[tuple[int, int], ...]
    rows: int
    train_rows: int
    test_rows: int
    without_target: int
    columns: tuple[Column, ...]
    targets: tuple[TargetSummary, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    separator: str
    decimal: str
    encoding: str
    split: str
    is_stratified: bool
    group: str | None
    weight: str | None
    identifier: str | None

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for numbers."""
        return None if self.classes is None else len(self.classes)

    def column(self, name: str) -> Column:
        """A column of the file by its name."""
        return next(column for column in self.columns if column.name == name)

    def flags(self) -> tuple[int, ...]:
        """Numbers of the prepared columns that hold 0 and 1: of categories, and where a cell is missing."""
        shown = {name for column in self.columns if column.encoding == "one_hot" for name in column.prepared}
        shown |= {
            column.prepared[-1]
            for column in self.columns
            if column.has_missing and column.encoding in ("number", "date")
        }
        return tuple(number for number, name in enumerate(self.feature_names) if name in shown)
