import sys
import types
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from eksplora.explain.embedding import evenly, maps


@pytest.fixture(autouse=True)
def _no_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)


def groups(rows: int, units: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(rows, units)) + 20 * generator.integers(3, size=(rows, 1)) * np.arange(1, units + 1)


def test_the_first_map_is_that_of_the_principal_components() -> None:
    features = groups(50, 6)
    found, explained, _ = maps(features, seed=0)
    reference = PCA(2).fit(features)
    np.testing.assert_allclose(found["pca"], reference.transform(features), atol=1e-8)
    np.testing.assert_allclose(np.array(explained, dtype=float), reference.explained_variance_ratio_)


def test_t_sne_keeps_neighbours() -> None:
    features = groups(120, 6)
    found, _, notes = maps(features, seed=0)
    assert trustworthiness(features, found["tsne"]) > 0.9
    assert notes == ["No UMAP: umap-learn is not installed (pip install umap-learn)."]


def test_maps_are_the_same_again() -> None:
    features = groups(100, 6)
    first, again = (maps(features, seed=3)[0] for _ in range(2))
    assert (first["tsne"] == again["tsne"]).all()


def test_umap_is_drawn_with_the_seed_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class UMAP:
        def __init__(self, **settings: Any) -> None:
            asked.update(settings)

        def fit_transform(self, features: np.ndarray) -> np.ndarray:
            return features[:, :2]

    module = types.ModuleType("umap")
    module.UMAP = UMAP  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap", module)
    found, _, notes = maps(groups(9, 6), seed=5)
    assert found["umap"].shape == (9, 2)
    assert asked == {"n_neighbors": 8, "random_state": 5, "n_jobs": 1}
    assert notes == []


@pytest.mark.parametrize(("rows", "expected"), [(1, ["pca"]), (2, ["pca"]), (3, ["pca", "tsne"])])
def test_few_rows_have_the_maps_that_they_can_have(rows: int, expected: list[str]) -> None:
    found, _, notes = maps(np.arange(rows * 4.0).reshape(rows, 4) ** 2, seed=0)
    assert list(found) == expected
    assert all(points.shape == (rows, 2) and np.isfinite(points).all() for points in found.values())
    assert notes


def test_a_single_unit_lies_on_a_line() -> None:
    found, explained, _ = maps(groups(30, 1), seed=0)
    assert (found["pca"][:, 1] == 0).all()
    assert explained == [1.0, 0.0]
    assert np.isfinite(found["tsne"]).all()


def test_rows_that_look_the_same_have_no_map() -> None:
    found, explained, notes = maps(np.ones((20, 4), dtype=np.float32), seed=0)
    assert list(found) == ["pca"]
    assert explained == [None, None]
    assert notes == ["All rows look the same to the network: no map."]


@pytest.mark.parametrize(("count", "most"), [(10, 3), (1500, 1500), (1501, 1500), (40000, 1500), (1, 5)])
def test_rows_taken_evenly_are_all_different(count: int, most: int) -> None:
    taken = evenly(count, most)
    assert len(set(taken)) == min(count, most)
    assert taken.min() == 0
    assert taken.max() == (count - 1 if most > 1 else 0)
    assert len(set(np.diff(taken))) <= 2  # as even as whole numbers can be
