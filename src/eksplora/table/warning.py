"""Warnings of a table's card: what makes a result of it worth less than it seems."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.table import cells, leak, option
from eksplora.table.card import Column, TableCard, TableOptions
from eksplora.table.target import Targets

FEW_ROWS = 100
FEW_TEST_ROWS = 30
UNCERTAIN_POINTS = 10
MOSTLY_MISSING = 0.5
FEW_OF_A_CLASS = 10

GROUPS = re.compile(
    r"(^|[_\W])(patient|subject|person|participant|user|customer|client|member|household|family|group|site|session|"
    r"device|machine|store|hospital|school|animal|player|driver)s?([_\W]?(id|no|nr|number|key|code))?$",
    re.IGNORECASE,
)
"""Names of columns whose rows of one value belong together."""


def warnings(
    card: TableCard, options: TableOptions, values: dict[str, Any], targets: Targets, parts: Sequence[NDArray[np.int64]]
) -> list[str]:
    """One sentence for each thing that is to be known before a result is believed.

    Args:
        card: The card, without its warnings.
        options: The roles of columns.
        values: Cells by name, see `encoding.Cells`.
        targets: The targets.
        parts: Rows of the training and of the test part.
    """
    features = [column for column in card.columns if column.role == "feature"]
    return [
        *_of_rows(card, targets),
        *_of_leaks(features, values, targets),
        *_of_split(card, options),
        *_of_repeated_rows(features, values, targets, parts),
        *_of_columns(card),
        *_of_copies(features),
    ]


def _of_rows(card: TableCard, targets: Targets) -> Iterator[str]:
    if card.without_target:
        yield f"{card.without_target} rows have no target: they are left out."
    if card.rows < FEW_ROWS:
        yield f"{card.rows} rows are few: differences between networks will seldom show."
    if (width := card.input_shape[0]) > card.train_rows:
        yield f"{width} prepared columns are more than the {card.train_rows} rows to learn from: expect overfitting."
    if targets.classes is None:
        if card.test_rows < FEW_TEST_ROWS:
            yield f"{card.test_rows} test rows say little about the error on other rows."
        return
    points = 196 * math.sqrt(0.25 / card.test_rows)  # half of the widest interval of 95%
    if points > UNCERTAIN_POINTS:
        yield f"{card.test_rows} test rows: a share of correct rows is uncertain by up to {points:.0f} points."
    counts = np.bincount(targets.values, minlength=len(targets.classes))
    for name, count in zip(targets.classes, counts, strict=True):
        if count < FEW_OF_A_CLASS:
            yield f"Class '{name}' has {count} rows: too few for five folds and a test part."


def _of_leaks(features: list[Column], values: dict[str, Any], targets: Targets) -> Iterator[str]:
    for name, share in leak.telling(features, values, targets):
        yield (
            f"Column '{name}' alone explains {share:.1%} of the target: is it known before the target is? "
            f"Otherwise {option.left_out(name)}."
        )


def _of_split(card: TableCard, options: TableOptions) -> Iterator[str]:
    """A random test part where rows have an order or belong together."""
    if options.part is not None:
        return
    for column in card.columns:
        if column.role == "target":
            continue
        if column.kind == "date" and options.time is None:
            yield (
                f"Column '{column.name}' holds dates, and the test part is no later than the rest: to be judged on "
                f"later rows, {option.role('time', column.name)}."
            )
        is_repeated = 2 <= column.distinct <= card.rows / 2
        if options.group is None and is_repeated and column.kind != "boolean" and GROUPS.search(column.name):
            yield (
                f"Column '{column.name}' looks like groups, and rows of one group are in both parts: to be judged on "
                f"other groups, {option.role('group', column.name)}."
            )


def _of_repeated_rows(
    features: list[Column], values: dict[str, Any], targets: Targets, parts: Sequence[NDArray[np.int64]]
) -> Iterator[str]:
    hashes = _row_hashes(features, values, targets)
    train, test = (hashes[rows] for rows in parts)
    count = int(np.isin(test, train).sum())
    if count:
        yield f"{count} test rows are copies of training rows, target included: the test part is easier than new rows."


def _row_hashes(features: list[Column], values: dict[str, Any], targets: Targets) -> NDArray[np.uint64]:
    """A number for each row that is the same for the same cells and targets."""
    numbers = targets.values.reshape(len(targets.values), -1)
    mixed = np.zeros(len(numbers), dtype=np.uint64)
    parts = [*numbers.T, *(values[column.name] for column in features)]
    for part in parts:
        own = part if isinstance(part, np.ndarray) else cells.word_numbers(part)
        bits = np.ascontiguousarray(own + 0.0, dtype=np.float64).view(np.uint64)
        mixed = (mixed ^ bits) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _of_columns(card: TableCard) -> Iterator[str]:
    for column in card.columns:
        if (
            column.role in ("feature", "unused")
            and column.kind != "empty"
            and column.missing > MOSTLY_MISSING * card.rows
        ):
            yield f"Column '{column.name}' is missing in {column.missing / card.rows:.0%} of the rows."
        if column.role != "unused" or column.is_stated:
            continue
        if column.kind in ("constant", "empty"):
            yield f"Column '{column.name}' is {column.kind}: it is not used."
        elif column.kind == "identifier":
            yield (
                f"Column '{column.name}' names rows: it is not used. Predictions carry it by "
                f"{option.role('identifier', column.name)}."
            )
        elif column.kind == "text":
            yield (
                f"Column '{column.name}' holds free text: it is not used. Make columns of numbers or categories of it; "
                f"where its texts repeat, {option.kind(column.name, 'category')}."
            )


def _of_copies(features: list[Column]) -> Iterator[str]:
    first: dict[str, str] = {}
    for column in features:
        if column.digest in first:
            yield f"Column '{column.name}' has the values of '{first[column.digest]}': one of them is enough."
        first.setdefault(column.digest, column.name)
