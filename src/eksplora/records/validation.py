"""Predictions of a member for the rows that it validates on: a file in its folder, for comparisons row by row."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.errors import DataError
from eksplora.files import unwritable
from eksplora.untrusted import path_inside

NAME, TESTED = "validation.safetensors", "tested.safetensors"
"""Files of the rows that a member validates on, and of the test part where it is measured for a report."""
WAY_OUT = "Remove the file: without it members are compared by their values alone."


@dataclass(frozen=True)
class Validation:
    """Predictions for rows that a member did not learn from: those of its split that validate, or of the test part.

    Attributes:
        rows: Their numbers in their part of the data, ascending, (rows,).
        prediction: What the metric takes, float32, (rows, ...).
        loss: The part that each row adds to the metric, (rows,); None where that is no mean over rows.
        train_rows: Rows that were learned from.
        num_rows: Rows of that part.
        groups: The group of each row, (rows,), whose rows are alike; None where each row stands alone.
        weights: What each row counts, (rows,); None: all alike.
    """

    rows: NDArray[np.int64]
    prediction: NDArray[np.float32]
    loss: NDArray[np.float64] | None
    train_rows: int
    num_rows: int
    groups: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None


def write_validation(folder: Path, found: Validation, name: str = NAME) -> None:
    """Write a file into a member's folder, whole or not at all.

    Raises:
        StorageError: If it cannot be written.
    """
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {"rows": found.rows.astype(np.int32), "prediction": found.prediction}
    if found.loss is not None:
        arrays["loss"] = found.loss
    if found.groups is not None:
        arrays["groups"] = found.groups.astype(np.int64)
    if found.weights is not None:
        arrays["weights"] = found.weights.astype(np.float64)
    path = folder / name
    new = path.with_name(f".{name}.new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_bytes(save(arrays, {"train_rows": str(found.train_rows), "num_rows": str(found.num_rows)}))
        new.replace(path)
    except OSError as failure:
        raise unwritable(failure, path) from failure


def read_validation(folder: Path, name: str = NAME) -> Validation | None:
    """Read a file of a member's folder; None where there is none.

    Raises:
        DataError: If it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / name
    if not path.exists():
        return None
    try:
        path_inside(folder, name, source=folder)  # no link to another place
        with safe_open(path, framework="numpy") as file:
            names, facts = set(file.keys()), file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in names}
        found = Validation(
            arrays["rows"].astype(np.int64),
            arrays["prediction"],
            arrays.get("loss"),
            int(facts["train_rows"]),
            int(facts["num_rows"]),
            arrays.get("groups"),
            arrays.get("weights"),
        )
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). {WAY_OUT}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise DataError(f"{path} is damaged ({' '.join(str(error).split())}). {WAY_OUT}") from None
    if not _fits(found):
        raise DataError(f"{path} is damaged: its arrays and numbers of rows do not fit each other. {WAY_OUT}")
    return found


def _fits(found: Validation) -> bool:
    count = len(found.rows)
    is_flat = found.rows.ndim == 1 and count > 0 and bool((np.diff(found.rows) > 0).all())
    in_range = is_flat and found.rows[0] >= 0 and found.rows[-1] < found.num_rows and found.train_rows > 0
    has_losses = found.loss is None or (found.loss.shape == (count,) and bool(np.isfinite(found.loss).all()))
    has_groups = found.groups is None or (found.groups.shape == (count,) and found.groups.dtype.kind in "iu")
    weights = found.weights
    is_weighed = weights is None or (weights.shape == (count,) and bool(np.isfinite(weights).all() and weights.any()))
    return in_range and len(found.prediction) == count and has_losses and has_groups and is_weighed
