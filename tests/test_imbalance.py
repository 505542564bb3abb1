import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from sklearn.utils.class_weight import compute_class_weight

from eksplora.errors import ConfigError
from eksplora.imbalance import Imbalance, class_weights, drawn, row_probabilities

CLASSES = np.repeat([0, 1, 2], [300, 20, 80])


def test_class_weights_are_scikit_learns_balanced_ones() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=CLASSES)
    np.testing.assert_allclose(class_weights(np.bincount(CLASSES)), expected)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=8).filter(any))
def test_every_class_with_rows_has_the_same_weight_in_all(counts: list[int]) -> None:
    weighted = class_weights(np.array(counts)) * counts
    present = weighted[np.array(counts) > 0]
    np.testing.assert_allclose(present, present[0])
    assert np.isfinite(weighted).all()


def test_a_class_without_rows_counts_nothing() -> None:
    assert class_weights(np.array([4, 0, 4])).tolist() == [pytest.approx(2 / 3), 0.0, pytest.approx(2 / 3)]


def test_classes_are_drawn_alike() -> None:
    probabilities = row_probabilities(CLASSES)
    assert probabilities.sum() == pytest.approx(1)
    rows = np.concatenate([drawn(np.arange(400), probabilities, seed) for seed in range(50)])
    assert chisquare(np.bincount(CLASSES[rows])).pvalue > 1e-3
    assert chisquare(np.bincount(rows[CLASSES[rows] == 1] - 300)).pvalue > 1e-3  # within a class, rows are alike


def test_a_draw_is_a_function_of_its_seed() -> None:
    rows, probabilities = np.arange(1000, 1400), row_probabilities(CLASSES)
    first = drawn(rows, probabilities, 7)
    np.testing.assert_array_equal(first, drawn(rows, probabilities, 7))
    assert (first != drawn(rows, probabilities, 8)).mean() > 0.9
    assert first.dtype == rows.dtype
    assert set(first) <= set(rows)
    assert len(first) == 400


def test_a_row_that_is_never_to_be_drawn_is_not() -> None:
    rows = drawn(np.arange(4), np.array([0.0, 0.5, 0.5, 0.0]), 3)
    assert set(rows.tolist()) <= {1, 2}


@pytest.mark.parametrize("key", ["class_weights", "sampling"])
def test_an_unknown_kind_is_refused_with_the_nearest(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^imbalance\.{key}=balance is unknown\. Did you mean 'balanced'\?$"):
        Imbalance(**{"class_weights": "none", "sampling": "none"} | {key: "balance"})


def test_classes_are_not_balanced_twice() -> None:
    with pytest.raises(ConfigError, match=r"rare classes would count twice\. Choose imbalance=class_weights or"):
        Imbalance(class_weights="balanced", sampling="balanced")
