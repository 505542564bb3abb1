"""Effect size: a paired difference in units of its own spread."""

from math import exp, lgamma, sqrt

import numpy as np
from numpy.typing import ArrayLike

from eksplora.statistics._argument import check_count
from eksplora.statistics.interval import mean_and_spread


def standardized(differences: ArrayLike) -> float | None:
    """Cohen's d_z: the mean of the differences over their sample standard deviation.

    Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd edition, 1988, section 2.3.5; the name
    after Lakens, "Calculating and reporting effect sizes", Frontiers in Psychology 4, 2013.

    Returns:
        None where the differences have no spread: a single one, or equal ones.

    Raises:
        ValueError: If there are no differences, or not only finite ones.

    Examples:
        >>> standardized([1, 2, 3])
        2.0
    """
    mean, spread = mean_and_spread(differences)
    # Equal differences have no size, rather than an infinite one.
    return mean / spread if spread else None


def hedges_correction(freedom: int) -> float:
    """Bias of a standardized difference as a factor (Hedges' correction): J = G(f / 2) / (sqrt(f / 2) G((f - 1) / 2)).

    G is the gamma function, f the degrees of freedom; roughly 1 - 3 / (4 f - 1). Times J, the estimate is unbiased
    under normality. Source: Hedges, "Distribution theory for Glass's estimator of effect size and related
    estimators", Journal of Educational Statistics 6, 1981.

    Args:
        freedom: At least 2: with 1 the standardized difference has no mean that could be corrected.

    Raises:
        ValueError: If there are fewer.

    Examples:
        >>> round(hedges_correction(2), 3), round(hedges_correction(100), 3)
        (0.564, 0.992)
    """
    check_count(freedom, "freedom", least=2)
    # By logarithms: the gamma function overflows from 172 on.
    return exp(lgamma(freedom / 2) - lgamma((freedom - 1) / 2)) / sqrt(freedom / 2)


def effect_size(differences: ArrayLike) -> float | None:
    """The paired effect size: d_z times Hedges's correction for n - 1 degrees of freedom (Hedges's g_z).

    Returns:
        None with fewer than three differences, or where they have no spread.

    Raises:
        ValueError: If there are no differences, or not only finite ones.

    Examples:
        >>> round(effect_size([1, 2, 3]), 3)
        1.128
        >>> effect_size([1, 3]) is None
        True
    """
    size, num_pairs = standardized(differences), np.size(differences)
    return None if size is None or num_pairs < 3 else size * hedges_correction(num_pairs - 1)
