"""Boston housing: 506 tracts of 1978, 13 features, the median value of homes in 1000 USD.

Kept to reproduce reported results. The column B encodes the share of Black residents by a formula with a racist
premise; scikit-learn withdrew the data set for it. Do not build anything else on these data.
"""

import numpy as np

from eksplora.data.card import RawData, Rows
from eksplora.data.dataset import Dataset

FEATURE_NAMES = ("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT")
NUM_ROWS, NUM_TRAIN = 506, 404


class BostonHousing(Dataset):
    """The Boston housing data in Keras' split."""

    name = "boston_housing"
    source = "mlxtend.data.boston_housing_data: StatLib (Harrison and Rubinfeld 1978)"
    licence = "none stated by StatLib"
    fixed_split = (
        "keras.datasets.boston_housing: numpy.random.RandomState(113).shuffle of arange(506), "
        "the first 404 rows train, the other 102 test"
    )

    def from_source(self) -> RawData:
        """Features (rows, 13) float64 and targets (rows, 1) float64."""
        from mlxtend.data import boston_housing_data

        features, targets = boston_housing_data()
        content = {"features": features.astype(np.float64), "targets": targets.astype(np.float64)[:, np.newaxis]}
        return RawData(content, feature_names=FEATURE_NAMES, classes=None)

    def cut(self, rows: Rows) -> tuple[Rows, Rows]:
        """Training and test rows, in the order of Keras."""
        order = np.arange(NUM_ROWS)
        np.random.RandomState(113).shuffle(order)  # Keras' own seed and (legacy, stable) generator
        return rows.take(order[:NUM_TRAIN]), rows.take(order[NUM_TRAIN:])
