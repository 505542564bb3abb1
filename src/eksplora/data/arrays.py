"""The arrays that a training works on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.data import _scaling
from eksplora.data._shared import LEAST_BYTES, shared
from eksplora.data.dataset import Dataset, check_batch
from eksplora.errors import ConfigError
from eksplora.types import Split


@dataclass(frozen=True)
class TrainingArrays:
    """The training part in memory, as the members of one fold see it.

    Attributes:
        split: Which of its rows are for learning and for validation.
        features: Scaled, float32, shape (rows, ...).
        targets: Classes (rows,) int64, or numbers (rows, targets) float32 in their own unit.
        scaling: What was done to the features; later data must go through the same.
        target_scaling: What is to be done to the targets before a loss sees them; here they are as they were.
    """

    split: Split
    features: NDArray[np.float32]
    targets: NDArray[Any]
    scaling: _scaling.Scaling
    target_scaling: _scaling.TargetScaling

    def scaled(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Other features, (rows, ...), scaled as these were."""
        return _scaling.apply(self.scaling, features)


def fold_arrays(dataset: Dataset, splits: Sequence[Split]) -> tuple[TrainingArrays, ...]:
    """The training arrays of each split, each scaled by what its own `train` rows show; the test part stays closed.

    Splits that ask for the same scaling share the scaled features, and all share the targets. So with `none`, and with
    `pixel` as long as the extremes are in every fold, the features are held once, however many the folds. `standard`
    differs from fold to fold: every distinct scaling holds a copy of rows x features x 4 bytes. A large copy lies in a
    file under `<root>/scaled`, which all processes share, for as long as one of them has it.

    Args:
        dataset: Prepared data.
        splits: At least one.

    Raises:
        ConfigError: The batch is larger than the rows to learn from, or an excluded feature is not there.
        DataError: A prepared file is missing or altered.
    """
    check_batch_size(dataset.batch_size, min(len(split.train) for split in splits))
    features, targets = dataset.open("train")
    dtype = np.int64 if targets.dtype.kind == "i" else np.float32
    held = np.array(targets, dtype=dtype)
    excluded = dataset.excluded_columns()
    if dataset.target_scaling == "log":
        _scaling.fit_targets("log", targets)  # refused if any row cannot be scaled so, whichever rows are learned from
    scaled: dict[bytes, tuple[NDArray[np.float32], _scaling.Scaling]] = {}

    def scaled_for(split: Split) -> TrainingArrays:
        fitted = dataset.fitted_scaling(features, split.train)
        scaling = _scaling.without(fitted, excluded, features.shape[1:])
        key = scaling.key()
        if key not in scaled:
            scaled[key] = _scaled(dataset, features, scaling, key), scaling
        target_scaling = _scaling.fit_targets(dataset.target_scaling, targets[split.train])
        return TrainingArrays(split, scaled[key][0], held, scaled[key][1], target_scaling)

    return tuple(scaled_for(split) for split in splits)


def _scaled(dataset: Dataset, features: NDArray[Any], scaling: _scaling.Scaling, key: bytes) -> NDArray[np.float32]:
    """The scaled features: small ones of this process alone."""
    if 4 * features.size < LEAST_BYTES:
        return _scaling.apply(scaling, features)
    source = dataset.card()["arrays"]["train_features"]["sha256"]
    name = hashlib.sha256(source.encode() + key).hexdigest()
    path = dataset.root / "scaled" / f"{name}.f32"
    return shared(path, features.shape, lambda: _scaling.scaled_blocks(scaling, features))


def batch_rows(batch_size: int | str, rows: int) -> int:
    """Rows of one step: `batch_size`, or all `rows` to learn from where it is `full`.

    Examples:
        >>> batch_rows(32, 404), batch_rows("full", 404)
        (32, 404)
    """
    return rows if isinstance(batch_size, str) else batch_size


def check_batch_size(batch_size: int | str, rows: int) -> None:
    """Refuse a batch of no rows, and one larger than the rows to learn from."""
    check_batch(batch_size)
    if batch_rows(batch_size, rows) > rows:
        raise ConfigError(
            f"data.batch_size={batch_size} is more than the {rows} rows to learn from. Choose {rows} or fewer."
        )
