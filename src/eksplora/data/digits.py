"""Handwritten digits: 1797 images of 8 x 8 pixels from 0 to 16, ten classes."""

import numpy as np

from eksplora.data.card import RawData
from eksplora.data.dataset import Dataset


class Digits(Dataset):
    """The digits of the UCI repository's test set, as scikit-learn ships them."""

    name = "digits"
    source = "sklearn.datasets.load_digits: UCI, Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998)"
    licence = "CC BY 4.0"

    def from_source(self) -> RawData:
        """Images (rows, 1, 8, 8) uint8 and classes (rows,) int64."""
        from sklearn.datasets import load_digits

        raw = load_digits()
        content = {"features": raw.images.astype(np.uint8)[:, np.newaxis], "targets": raw.target.astype(np.int64)}
        return RawData(content, feature_names=["pixel"], classes=raw.target_names)
