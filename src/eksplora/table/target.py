"""Target columns: which task their values ask for, and the values as classes or numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eksplora.errors import ConfigError, DataError
from eksplora.table import cells, option
from eksplora.table.card import TableOptions, Task
from eksplora.table.kinds import Found, kind_of, stated_kind

if TYPE_CHECKING:
    import pyarrow as pa

FEW_VALUES, ROWS_A_VALUE = 10, 20
"""Whole numbers are classes where there are no more different ones, each with so many rows in the mean."""

MOST_CLASSES = 1000


@dataclass(frozen=True)
class Targets:
    """The targets of the rows that have one.

    Attributes:
        task: What is predicted.
        classes: Names of the classes; None for numbers and labels.
        rows: Numbers of the rows with every target, ascending.
        values: Classes (rows,) int64, or numbers and labels (rows, targets) float64.
        notes: What was decided, one sentence each.
    """

    task: Task
    classes: tuple[str, ...] | None
    rows: NDArray[np.int64]
    values: NDArray[Any]
    notes: tuple[str, ...] = ()


def targets_of(options: TableOptions, columns: "Sequence[pa.ChunkedArray]", decimal: str) -> Targets:
    """The targets of a table.

    Args:
        options: Their names and, where the user says so, the task.
        columns: Their cells.
        decimal: `.` or `,`.

    Raises:
        DataError: If nothing can be learned from them; the message names the column.
    """
    found = [
        stated_kind(name, column, options.columns[name], decimal)
        if name in options.columns
        else kind_of(name, column, decimal)
        for name, column in zip(options.targets, columns, strict=True)
    ]
    for name, column, one in zip(options.targets, columns, found, strict=True):
        _check(name, column, one)
    kinds = [_kind(one) for one in found]
    if options.task is not None:
        task = options.task
    elif len(columns) > 1:
        task = _task_of_several(options.targets, columns, kinds, decimal)
    else:
        task = _task_of_one(columns[0], kinds[0], decimal, is_stated=options.targets[0] in options.columns)
    if task in ("binary", "classification"):
        return _classes(options, columns, kinds, task, decimal)
    return _numbers(options, columns, kinds, task, decimal)


def _kind(found: Found) -> str:
    return "number" if found.kind == "identifier" and not found.format else found.kind


def _check(name: str, column: "pa.ChunkedArray", found: Found) -> None:
    """Refuse what is no target.

    Raises:
        DataError: Naming column and reason.
    """
    key, other = f"data.target={name}", "Choose another column."
    if found.kind == "empty":
        raise DataError(f"{key}: the column has no values. {other}")
    if found.kind == "constant":
        value = cells.texts(column.drop_null())[0].as_py()
        raise DataError(f"{key}: every row has the value {value!r}: nothing can be learned. {other}")
    if found.kind == "date":
        raise DataError(
            f"{key}: the column holds dates, which are neither classes nor numbers. Give a column of numbers of days."
        )
    is_free = found.kind == "text" or (
        found.kind == "identifier" and cells.is_text(column) and np.isnan(cells.numbers(column.drop_null(), ".")).any()
    )
    if is_free:
        raise DataError(
            f"{key}: the column holds free text, nearly every row another. Choose a column of classes or of numbers."
        )


def _task_of_one(column: "pa.ChunkedArray", kind: str, decimal: str, *, is_stated: bool) -> Task:
    import pyarrow.compute as pc

    distinct = pc.count_distinct(column.drop_null()).as_py()
    if kind in ("boolean", "category"):
        return "binary" if distinct == 2 else "classification"
    if is_stated:
        return "regression"
    values = cells.numbers(column, decimal)
    known = values[~np.isnan(values)]
    distinct = len(np.unique(known))
    if distinct == 2:
        return "binary"
    is_whole = bool((known == np.floor(known)).all())
    return (
        "classification"
        if is_whole and distinct <= FEW_VALUES and len(known) >= ROWS_A_VALUE * distinct
        else "regression"
    )


def _task_of_several(
    names: Sequence[str], columns: "Sequence[pa.ChunkedArray]", kinds: Sequence[str], decimal: str
) -> Task:
    flags = [
        kind == "boolean" or (kind == "number" and _is_flag(cells.numbers(column, decimal)))
        for kind, column in zip(kinds, columns, strict=True)
    ]
    if all(flags):
        return "multilabel"
    wrong = next((name for name, kind in zip(names, kinds, strict=True) if kind != "number"), None)
    if wrong is None:
        return "regression"
    raise DataError(
        f"data.target: '{wrong}' holds classes: several targets are numbers all, or labels that are 0 or 1. "
        f"Give one target of classes: {option.role('target', wrong)}."
    )


def _is_flag(values: NDArray[np.float64]) -> bool:
    return set(np.unique(values[~np.isnan(values)])) <= {0.0, 1.0}


def _classes(
    options: TableOptions, columns: "Sequence[pa.ChunkedArray]", kinds: Sequence[str], task: str, decimal: str
) -> Targets:
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(columns) > 1:
        raise ConfigError(
            f"data.task={task}: one target is wanted, data.target names {len(columns)}. Name one, or choose "
            "data.task=multilabel."
        )
    column, name = columns[0], options.targets[0]
    if kinds[0] == "number":  # `1` and `1.0` are one class
        words = cells.texts(pa.chunked_array([pa.array(cells.numbers(column, decimal), from_pandas=True)]))
    else:
        words = cells.texts(column)
    names = _in_order(pc.unique(words.drop_null()).to_pylist(), kinds[0])
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"data.target={name}: {len(names)} classes are more than {MOST_CLASSES}. Choose data.task=regression or "
            "another column."
        )
    if task == "binary" and len(names) != 2:
        raise ConfigError(
            f"data.task=binary: data.target={name} has {len(names)} classes. Choose data.task=classification."
        )
    places = cells.codes_of(
        pa.chunked_array([words.combine_chunks()]) if isinstance(words, pa.ChunkedArray) else words, tuple(names)
    )
    rows = np.flatnonzero(places >= 0)
    notes = []
    if kinds[0] == "number" and options.task is None:
        notes.append(
            f"The target '{name}' has {len(names)} different numbers: they are classes. For a regression: "
            f"{option.kind(name, 'number')}."
        )
    return Targets("binary" if len(names) == 2 else "classification", tuple(names), rows, places[rows], tuple(notes))


def _in_order(names: Sequence[str], kind: str) -> list[str]:
    """Numbers by their size, false before true, words by the alphabet."""
    if kind == "number":
        return sorted(names, key=float)
    if kind == "boolean":
        return sorted(names, key=lambda name: name.lower() in {*cells.TRUE, "1"})
    return sorted(names)


def _numbers(
    options: TableOptions, columns: "Sequence[pa.ChunkedArray]", kinds: Sequence[str], task: str, decimal: str
) -> Targets:
    wrong = next(
        (name for name, kind in zip(options.targets, kinds, strict=True) if kind not in ("number", "boolean")), None
    )
    if wrong is not None:
        raise DataError(f"data.task={task}: data.target={wrong} holds no numbers. Choose data.task=classification.")
    values = np.stack(
        [
            cells.flags(column) if kind == "boolean" else cells.numbers(column, decimal)
            for column, kind in zip(columns, kinds, strict=True)
        ],
        axis=1,
    )
    rows = np.flatnonzero(~np.isnan(values).any(axis=1))
    if task == "multilabel" and not all(_is_flag(values[:, number]) for number in range(values.shape[1])):
        raise DataError("data.task=multilabel: every target is 0 or 1, yes or no, true or false. Name such columns.")
    if task not in ("regression", "multilabel"):
        raise ConfigError(f"data.task={task} is unknown. Choose regression, binary, classification or multilabel.")
    return Targets("multilabel" if task == "multilabel" else "regression", None, rows, values[rows])
