"""A data set that is drawn anew for each number: few rows to learn from, and many on which the truth is measured."""

from typing import Any, ClassVar

import numpy as np

from eksplora.counter import derive
from eksplora.data.card import RawData, Rows
from eksplora.data.dataset import Dataset

FEATURES, NOISE, FRESH = 6, 0.5, 10_000


class Simulated(Dataset):
    """Normal features and a smooth function of three of them, with normal noise.

    Args:
        number: Of the data set; rows are drawn by it.
        learned: Rows of the training part.
        common: As every data set has them.
    """

    name = "simulated"
    source = "drawn by a seed"
    licence = "none needed"
    fixed_split: ClassVar[str | None] = "the first rows train"

    def __init__(self, *, number: int, learned: int, **common: Any) -> None:
        super().__init__(**common)
        self.number, self.learned = number, learned

    def from_source(self) -> RawData:
        """Features (rows, 6) and targets (rows, 1), float64."""
        rng = np.random.default_rng(derive(11, "simulated", self.number))
        features = rng.normal(size=(self.learned + FRESH, FEATURES))
        clean = np.sin(features[:, 0]) + features[:, 1] * features[:, 2] / 2
        targets = clean + NOISE * rng.normal(size=len(clean))
        content = {"features": features, "targets": targets[:, np.newaxis]}
        return RawData(content, feature_names=[f"x{index}" for index in range(FEATURES)], classes=None)

    def cut(self, rows: Rows) -> tuple[Rows, Rows]:
        """The first rows, and the fresh ones."""
        return rows.take(slice(self.learned)), rows.take(slice(self.learned, None))
