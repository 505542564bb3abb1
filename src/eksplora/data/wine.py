"""Wine recognition: 178 wines, 13 features with ranges from 0.1 to 1680, three cultivars."""

import numpy as np

from eksplora.data.card import RawData
from eksplora.data.dataset import Dataset


class Wine(Dataset):
    """The wine data of the UCI repository, as scikit-learn ships them."""

    name = "wine"
    source = "sklearn.datasets.load_wine: UCI, Wine (Aeberhard and Forina 1991)"
    licence = "CC BY 4.0"

    def from_source(self) -> RawData:
        """Features (rows, 13) float64 and classes (rows,) int64."""
        from sklearn.datasets import load_wine

        raw = load_wine()
        content = {"features": raw.data.astype(np.float64), "targets": raw.target.astype(np.int64)}
        return RawData(content, feature_names=raw.feature_names, classes=raw.target_names)
