"""Separation of classes in a hidden layer of networks.

Shapes: features (rows, units) of one network's hidden layer, labels (rows,).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

NAMES = (
    *("adjusted_rand", "mutual_information", "homogeneity", "v_measure"),
    *("silhouette", "davies_bouldin", "calinski_harabasz"),
)
"""The first four compare clusters that k-means finds with classes; the last three measure the classes themselves."""
_STARTS = 10

Scores = dict[str, float | None]


def scores(features: NDArray[Any], labels: NDArray[Any], *, seed: int) -> tuple[Scores, list[str]]:
    """Scores of one network, see `NAMES`; those that are not defined are None, and a sentence says why.

    Clusters: k-means with as many as there are classes among the rows, the best of 10 starts, compared with the classes
    by the adjusted Rand index, adjusted mutual information, homogeneity and V-measure (1: the same groups; 0: as
    chance, or for the last two nothing in common). Classes: silhouette (in [-1, 1]), Davies-Bouldin (0 is best),
    Calinski-Harabasz (larger is better). Source: Hubert and Arabie, "Comparing partitions", 1985; Vinh, Epps and
    Bailey, JMLR 11, 2010; Rosenberg and Hirschberg, "V-measure", EMNLP 2007; Rousseeuw, "Silhouettes", 1987; Davies and
    Bouldin, 1979; Calinski and Harabasz, 1974; all computed by `sklearn.metrics`.

    Args:
        features: (rows, units).
        labels: Class numbers, (rows,).
        seed: Of k-means; one thread is used, as several would add in another order at every run.
    """
    features, (present, labels) = np.asarray(features, dtype=np.float64), np.unique(labels, return_inverse=True)
    if len(present) < 2:
        return dict.fromkeys(NAMES), ["Rows of one class only: there are no groups to separate."]
    if np.ptp(features, axis=0).max() == 0:
        return dict.fromkeys(NAMES), ["All rows look the same to the network: there are no groups."]
    with threadpool_limits(1):
        found, notes = _clusters(features, labels, len(present), seed)
        own, others = _classes(features, labels, len(present))
    return found | own, [*notes, *others]


def _clusters(
    features: NDArray[np.float64], labels: NDArray[np.int64], count: int, seed: int
) -> tuple[Scores, list[str]]:
    from sklearn import metrics
    from sklearn.cluster import KMeans

    if len(np.unique(features, axis=0)) < count:
        return dict.fromkeys(NAMES[:4]), [
            "Fewer different rows than classes: k-means finds no such number of clusters."
        ]
    clusters = KMeans(n_clusters=count, n_init=_STARTS, random_state=seed).fit_predict(features)
    compare = (
        metrics.adjusted_rand_score,
        metrics.adjusted_mutual_info_score,
        metrics.homogeneity_score,
        metrics.v_measure_score,
    )
    return {name: float(score(labels, clusters)) for name, score in zip(NAMES, compare, strict=False)}, []


def _classes(features: NDArray[np.float64], labels: NDArray[np.int64], count: int) -> tuple[Scores, list[str]]:
    from sklearn import metrics

    found: Scores = dict.fromkeys(NAMES[4:])
    if count == len(features):
        return found, ["Each row is the only one of its class: classes have no spread."]
    found["silhouette"] = float(metrics.silhouette_score(features, labels))
    found["davies_bouldin"] = float(metrics.davies_bouldin_score(features, labels))
    spread = sum(np.ptp(features[labels == label], axis=0).max() for label in range(count))
    if spread == 0:
        return found, ["All rows of a class look the same to the network: Calinski-Harabasz has no bound."]
    found["calinski_harabasz"] = float(metrics.calinski_harabasz_score(features, labels))
    return found, []
