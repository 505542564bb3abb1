"""Treatment of classes with few rows: weights in the loss, or rows drawn more often. Pure functions of counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eksplora.errors import ConfigError
from eksplora.ranges import check_choice

KINDS = ("none", "balanced")


@dataclass(frozen=True)
class Imbalance:
    """Balance of classes in training (see `conf/imbalance/`); validation is never changed.

    Either a row of class k counts rows / (classes * count_k) in the loss, or an epoch draws rows with replacement such
    that classes are drawn alike. Source: King and Zeng, "Logistic regression in rare events data", Political Analysis
    9, 2001, section 4.1.2, for the weights; He and Garcia, "Learning from imbalanced data", IEEE Transactions on
    Knowledge and Data Engineering 21, 2009, section 3.1.1, for the draws.

    Raises:
        ConfigError: If a kind is unknown, or classes would be balanced twice.
    """

    class_weights: str
    sampling: str

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("class_weights", "sampling"):
            check_choice(getattr(self, name), f"imbalance.{name}", KINDS)
        if self.class_weights == self.sampling == "balanced":
            raise ConfigError(
                "imbalance.class_weights and imbalance.sampling are both balanced: rare classes would count twice. "
                "Choose imbalance=class_weights or imbalance=weighted_sampling."
            )


def class_weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weight of a row of each class such that classes count alike: rows / (classes * count).

    scikit-learn's "balanced" (`sklearn.utils.class_weight`). Source: King and Zeng, "Logistic regression in rare events
    data", Political Analysis 9, 2001, section 4.1.2. A class without rows has weight 0.

    Args:
        counts: Rows of each class to learn from, (classes,).

    Examples:
        >>> class_weights(np.array([30, 10, 20])).tolist()
        [0.6666666666666666, 2.0, 1.0]
    """
    weights = counts.sum() / (len(counts) * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0.0)


def row_probabilities(classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probabilities of the rows in a draw, such that classes are drawn alike, (rows,).

    Args:
        classes: The class of each row, numbered from 0, (rows,).

    Examples:
        >>> row_probabilities(np.array([0, 0, 0, 1])).round(3).tolist()
        [0.167, 0.167, 0.167, 0.5]
    """
    counts = np.bincount(classes)
    shares: NDArray[np.float64] = 1 / ((counts > 0).sum() * counts[classes])
    return shares


def drawn(rows: NDArray[np.int64], probabilities: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Rows drawn with replacement, as many as there are: a function of the seed and of nothing else.

    Args:
        rows: Row numbers, (rows,).
        probabilities: Of each, summing to 1, (rows,).
        seed: In [0, 2**63).
    """
    # numpy promises PCG64's raw stream for ever, but not what Generator.choice makes of it.
    uniforms = (np.random.PCG64(seed).random_raw(len(rows)) >> 11) / 2**53
    ends = np.cumsum(probabilities)
    places = np.searchsorted(ends / ends[-1], uniforms, side="right")
    return rows[places]
