"""The arrays that a training works on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.data import _scaling
from eksplora.data._dataset import Dataset
from eksplora.errors import ConfigError
from eksplora.types import Split


@dataclass(frozen=True)
class TrainingArrays:
    """The training part in memory; a `Split` says which of its rows are for learning.

    Attributes:
        features: Scaled, float32, shape (rows, ...).
        targets: Classes (rows,) int64, or numbers (rows, targets) float32 in their own unit.
        scaling: What was done to the features; later data must go through the same.
    """

    features: NDArray[np.float32]
    targets: NDArray[Any]
    scaling: _scaling.Scaling


def training_arrays(dataset: Dataset, split: Split) -> TrainingArrays:
    """All rows of the training part, scaled by what `split.train` shows; the test part stays closed.

    Raises:
        ConfigError: The batch is larger than the rows to learn from.
        DataError: A prepared file is missing or altered.
    """
    check_batch_size(dataset.batch_size, len(split.train))
    features, targets = dataset.open("train")
    scaling = _scaling.fit(dataset.scaling, features[split.train])
    dtype = np.int64 if targets.dtype.kind == "i" else np.float32
    return TrainingArrays(_scaling.apply(scaling, features), np.array(targets, dtype=dtype), scaling)


def check_batch_size(batch_size: int, rows: int) -> None:
    """Refuse a batch larger than the rows to learn from."""
    if batch_size > rows:
        raise ConfigError(
            f"data.batch_size={batch_size} is more than the {rows} rows to learn from. Choose {rows} or fewer."
        )
