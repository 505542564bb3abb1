"""Targets of images that a model is to predict for, where folders or a list say them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.images.list_file import TARGET_COLUMNS, number, read_lines


def labels_of(
    path: Path, names: Sequence[str], classes: Sequence[str] | None, columns: Sequence[str]
) -> NDArray[Any] | None:
    """Targets of images.

    Args:
        path: A folder, or a list as CSV.
        names: The images, as below the folder or as in the list.
        classes: Names of the model's classes; None: it predicts numbers.
        columns: Of a list's targets; none: found by usual names.

    Returns:
        Classes (rows,), -1 where unknown, or numbers (rows, targets), NaN where missing; None where nothing says them.
    """
    if path.is_dir():
        if classes is None:
            return None
        found = [next((part for part in Path(name).parts[:-1] if part in classes), "") for name in names]
        return _numbered(found, classes)
    if path.suffix.lower() != ".csv":
        return None
    lines = read_lines(path, "input")
    usual = [name for name in lines[0] if name.strip().lower() in TARGET_COLUMNS]
    chosen = list(columns) or usual[:1]
    if not chosen or any(name not in lines[0] for name in chosen):
        return None
    if classes is not None:
        return _numbered([line[chosen[0]].strip() for line in lines], classes)
    return np.array([[number(line[name]) for name in chosen] for line in lines])


def _numbered(labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places.get(label, -1) for label in labels], dtype=np.int64)
