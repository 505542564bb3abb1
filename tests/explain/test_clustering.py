import numpy as np
import pytest
from sklearn import metrics
from sklearn.cluster import KMeans

from eksplora.explain.clustering import NAMES, scores


def test_groups_far_apart_are_found() -> None:
    labels = np.repeat([3, 5, 9], 20)
    features = np.random.default_rng(0).normal(size=(60, 4)) + 100 * labels[:, None]
    found, notes = scores(features, labels, seed=0)
    assert [found[name] for name in NAMES[:4]] == pytest.approx([1, 1, 1, 1])
    assert found["silhouette"] is not None
    assert found["silhouette"] > 0.9
    assert notes == []


def test_scores_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(4, size=90)
    features = generator.normal(size=(90, 5)) + labels[:, None]
    found, _ = scores(features, labels, seed=7)
    clusters = KMeans(4, n_init=10, random_state=7).fit_predict(features)
    assert found == pytest.approx(
        {
            "adjusted_rand": metrics.adjusted_rand_score(labels, clusters),
            "mutual_information": metrics.adjusted_mutual_info_score(labels, clusters),
            "homogeneity": metrics.homogeneity_score(labels, clusters),
            "v_measure": metrics.v_measure_score(labels, clusters),
            "silhouette": metrics.silhouette_score(features, labels),
            "davies_bouldin": metrics.davies_bouldin_score(features, labels),
            "calinski_harabasz": metrics.calinski_harabasz_score(features, labels),
        }
    )


def defined(found: dict[str, float | None]) -> list[str]:
    return [name for name, value in found.items() if value is not None]


@pytest.mark.parametrize(
    ("features", "labels", "expected", "reason"),
    [
        (np.eye(6), np.ones(6), (), "one class only"),
        (np.ones((6, 3)), np.arange(6) % 2, (), "All rows look the same"),
        (np.repeat(np.eye(2), 3, axis=0), np.arange(6) % 3, NAMES[4:], "Fewer different rows than classes"),
        (np.eye(3), np.arange(3), NAMES[:4], "Each row is the only one of its class"),
        (np.repeat(np.eye(2), 3, axis=0), np.repeat([0, 1], 3), NAMES[:6], "Calinski-Harabasz has no bound"),
        (np.array([[0.0], [1.0], [5.0]]), np.array([0, 0, 1]), NAMES, None),
    ],
)
def test_what_is_not_defined_is_none_and_says_why(
    features: np.ndarray, labels: np.ndarray, expected: tuple[str, ...], reason: str | None
) -> None:
    found, notes = scores(features, labels, seed=0)
    assert tuple(found) == NAMES
    assert tuple(defined(found)) == tuple(expected)
    assert all(np.isfinite(found[name]) for name in expected)  # type: ignore[arg-type]
    assert len(notes) == (reason is not None)
    assert reason is None or reason in notes[0]
