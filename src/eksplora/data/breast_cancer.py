"""Breast cancer Wisconsin (diagnostic): 569 tumours, 30 features, malignant (0) or benign (1)."""

import numpy as np

from eksplora.data.card import RawData
from eksplora.data.dataset import Dataset


class BreastCancer(Dataset):
    """The diagnostic data of the UCI repository, as scikit-learn ships them."""

    name = "breast_cancer"
    source = "sklearn.datasets.load_breast_cancer: UCI, Breast Cancer Wisconsin Diagnostic (Wolberg et al. 1995)"
    licence = "CC BY 4.0"

    def from_source(self) -> RawData:
        """Features (rows, 30) float64 and classes (rows,) int64."""
        from sklearn.datasets import load_breast_cancer

        raw = load_breast_cancer()
        content = {"features": raw.data.astype(np.float64), "targets": raw.target.astype(np.int64)}
        return RawData(content, feature_names=raw.feature_names, classes=raw.target_names)
