"""Targets of images: classes, or numbers."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eksplora.errors import DataError
from eksplora.images.card import ImageOptions
from eksplora.images.list_file import number, numbers_of
from eksplora.images.listing import Entry, Listing, class_names

MOST_CLASSES = 20
"""Different whole numbers of a list that are taken as classes."""

Targets = NDArray[np.int64] | NDArray[np.float64]
"""Classes (rows,) from 0, or numbers (rows, targets)."""


def targets_of(
    options: ImageOptions, listing: Listing, entries: Sequence[Entry]
) -> tuple[Targets, tuple[str, ...] | None]:
    """Targets of the entries, and the names of the classes; None for numbers.

    Raises:
        DataError: If there is nothing to tell apart.
    """
    path, columns = Path(options.path), listing.columns
    if _are_numbers(options, entries, columns):
        values = np.array(numbers_of(entries, columns, path), dtype=np.float64)
        for column, low, high in zip(columns, values.min(0), values.max(0), strict=True):
            if low == high:
                raise DataError(f"data.target: '{column}' of {path} is {low:g} everywhere. Name another column.")
        return values, None
    if len(columns) > 1:
        raise DataError(f"data.target: several columns must be numbers ({', '.join(columns)}). Name one of them.")
    labels = [entry.label[0] for entry in entries]
    classes = class_names(labels)
    if len(classes) < 2:
        where = f"the folder {classes[0]}/" if columns == ["class"] and path.is_dir() else f"'{classes[0]}' everywhere"
        raise DataError(f"data.path: {path} has a single class ({where}). Give images of at least two.")
    if len(classes) > len(labels) / 2:
        raise DataError(
            f"data.path: {path} has {len(classes)} classes for {len(labels)} images: nothing can be learned of them. "
            "Give several images of each class."
        )
    if options.task == "binary" and len(classes) != 2:
        raise DataError(f"data.task=binary: {path} has {len(classes)} classes. Drop data.task.")
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places[label] for label in labels], dtype=np.int64), classes


def _are_numbers(options: ImageOptions, entries: Sequence[Entry], columns: Sequence[str]) -> bool:
    """Whether targets are numbers: as the options say; otherwise numbers of a list that cannot be numbered classes."""
    if options.task is not None:
        return options.task == "regression"
    if Path(options.path).is_dir():
        return False
    values = [number(text) for entry in entries for text in entry.label]
    if any(math.isnan(value) for value in values):
        return False
    return len(columns) > 1 or len(set(values)) > MOST_CLASSES or any(value != int(value) for value in values)
