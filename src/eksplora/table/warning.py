"""Warnings of a table's card: what makes a result of it worth less than it seems."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eksplora.table.card import Options, TableCard
from eksplora.table.target import Targets

if TYPE_CHECKING:
    import pyarrow as pa

FEW_ROWS = 100
MOSTLY_MISSING = 0.5
FEW_OF_A_CLASS = 10


def warnings(
    card: TableCard,
    options: Options,
    columns: "Mapping[str, pa.ChunkedArray]",
    targets: Targets,
    parts: Sequence[NDArray[np.int64]],
) -> list[str]:
    """One sentence for each thing that is to be known before a result is believed."""
    return [*_of_rows(card, targets), *_of_columns(card)]


def _of_rows(card: TableCard, targets: Targets) -> Iterator[str]:
    if card.without_target:
        yield f"{card.without_target} rows have no target: they are left out."
    if card.rows < FEW_ROWS:
        yield f"{card.rows} rows are few: differences between networks will seldom show."
    if card.input_shape[0] > card.train_rows:
        yield (
            f"{card.input_shape[0]} prepared columns are more than the {card.train_rows} rows to learn from: expect "
            "overfitting."
        )
    if targets.classes is None:
        if card.test_rows < 30:
            yield f"{card.test_rows} test rows say little about the error on other rows."
        return
    points = 196 * math.sqrt(0.25 / card.test_rows)
    if points > 10:
        yield (
            f"{card.test_rows} test rows say little: a share of correct rows is uncertain by up to {points:.0f} points."
        )
    counts = np.bincount(targets.values, minlength=len(targets.classes))
    for name, count in zip(targets.classes, counts, strict=True):
        if count < FEW_OF_A_CLASS:
            yield f"Class '{name}' has {count} rows: too few for five folds and a test part."


def _of_columns(card: TableCard) -> Iterator[str]:
    for column in card.columns:
        if column.role == "target":
            continue
        if column.kind in ("constant", "empty") and column.role == "unused":
            yield f"Column '{column.name}' is {column.kind}: it is not used."
        elif column.role == "unused" and column.kind in ("identifier", "text") and not column.is_stated:
            what = "names rows" if column.kind == "identifier" else "holds free text"
            yield f"Column '{column.name}' {what}: it is not used."
        if column.kind != "empty" and column.missing > MOSTLY_MISSING * card.rows:
            yield f"Column '{column.name}' is missing in {column.missing / card.rows:.0%} of the rows."
