"""No difference that matters, as a finding: two one-sided tests against a margin stated beforehand."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from eksplora.ranges import Range
from eksplora.statistics.interval import mean_and_spread
from eksplora.statistics.paired import smallest_p


def equivalence_p(differences: ArrayLike, margin: float) -> float:
    """The p of "the mean difference lies outside (-margin, margin)", by two one-sided paired t tests.

    p = max(P(T > (mean + margin) / e), P(T > (margin - mean) / e)) with e = s / sqrt(n) and T of n - 1 degrees of
    freedom. p <= alpha exactly where the t interval of level 1 - 2 alpha lies inside the margin. Source: Schuirmann,
    "A comparison of the two one-sided tests procedure and the power approach", Journal of Pharmacokinetics and
    Biopharmaceutics 15, 1987.

    Args:
        differences: Of the pairs, (pairs,).
        margin: The least difference that would matter, in the unit of the differences; positive.

    Returns:
        In [0, 1]. A single pair shows nothing: 1. Equal differences have no standard error; inside the margin their p
        is the least of a one-sided test of n signs, 1 / 2^n, so that two members that agree by chance are no proof.

    Raises:
        ValueError: If there are no differences, or not only finite ones, or the margin is not positive.

    Examples:
        >>> round(equivalence_p([-1, 0, 1], 3), 3)
        0.018
        >>> round(equivalence_p([-1, 0, 1], 0.5), 3)
        0.239
    """
    Range(above=0, usual=0.1).check(margin, "margin", error=ValueError)
    mean, spread = mean_and_spread(differences)
    num_pairs = np.size(differences)
    if spread is None:
        return 1.0
    if spread == 0:
        # One-sided, so half of the two-sided least p.
        return smallest_p(num_pairs) / 2 if abs(mean) < margin else 1.0
    # The larger of the two one-sided p belongs to the nearer end.
    return float(stats.t.sf((margin - abs(mean)) / (spread / num_pairs**0.5), num_pairs - 1))
