"""Diabetes progression: 442 patients, 10 features in their own units, one number to predict."""

import numpy as np

from eksplora.data.card import RawData
from eksplora.data.dataset import Dataset


class Diabetes(Dataset):
    """The data of "Least Angle Regression", as scikit-learn ships them, not scaled beforehand.

    scikit-learn's default form is scaled over all rows, test rows included; the raw form is read here.
    """

    name = "diabetes"
    source = "sklearn.datasets.load_diabetes(scaled=False): Efron, Hastie, Johnstone and Tibshirani 2004"
    licence = "none stated by the authors; distributed with scikit-learn (BSD-3-Clause)"

    def from_source(self) -> RawData:
        """Features (rows, 10) float64 and disease progression after one year (rows, 1) float64, from 25 to 346."""
        from sklearn.datasets import load_diabetes

        raw = load_diabetes(scaled=False)
        content = {"features": raw.data.astype(np.float64), "targets": raw.target.astype(np.float64)[:, np.newaxis]}
        return RawData(content, feature_names=raw.feature_names, classes=None)
