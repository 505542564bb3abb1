"""Features by their importance, and how far methods agree about it."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eksplora.records.estimate import Estimate
from eksplora.records.explain import FeatureImportance, RankAgreement, Ranking
from eksplora.statistics.interval import t_interval


def ranking(importance: NDArray[np.float64], names: Sequence[str], says: str) -> Ranking:
    """The features, most important first.

    Args:
        importance: (members, features), finite.
        names: Of the features.
        says: A sentence: what is measured, in which unit.

    Raises:
        ValueError: If an importance is not finite.

    Examples:
        >>> found = ranking(np.array([[1.0, 3.0], [2.0, 3.0]]), ["a", "b"], "How much.")
        >>> [(row.feature, row.importance.mean, row.first, row.rank) for row in found.rows]
        [('b', 3.0, 1.0, 1.0), ('a', 1.5, 0.0, 2.0)]
    """
    means = [_mean_with_interval(column) for column in importance.T]
    ranks = stats.rankdata(-importance, axis=1).mean(0)
    is_first = importance == importance.max(1, keepdims=True)
    first = (is_first / is_first.sum(1, keepdims=True)).mean(0)
    rows = [
        FeatureImportance(feature=name, importance=mean, first=float(share), rank=float(rank))
        for name, mean, share, rank in zip(names, means, first, ranks, strict=True)
    ]
    return Ranking(says=says, rows=sorted(rows, key=lambda row: -row.importance.value))


def _mean_with_interval(values: NDArray[np.float64]) -> Estimate:
    interval = t_interval(values)
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return Estimate(mean=float(values.mean()), low=low, high=high, n=len(values))


def agreement(methods: Mapping[str, Ranking]) -> list[RankAgreement]:
    """Agreement of each two methods on the order of the features: Spearman's correlation of the mean importances.

    Source: Spearman, "The proof and measurement of association between two things", American Journal of Psychology 15,
    1904; computed by `scipy.stats.spearmanr`.

    Args:
        methods: Rankings of the same features, by the method's name.

    Returns:
        One for each pair; None where one of them gives all features the same importance.
    """
    columns = {name: {row.feature: row.importance.value for row in found.rows} for name, found in methods.items()}
    return [RankAgreement(a=a, b=b, spearman=_spearman(columns[a], columns[b])) for a, b in combinations(columns, 2)]


def _spearman(a: Mapping[str, float], b: Mapping[str, float]) -> float | None:
    x, y = np.array([(a[name], b[name]) for name in a]).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(stats.spearmanr(x, y).statistic)
