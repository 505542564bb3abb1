"""Bias and variance against mlxtend's decomposition of the same predictions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlxtend.evaluate import bias_variance_decomp

from eksplora.statistics.decomposition import Decomposition, squared_error, zero_one


class Replayed:
    """An estimator for mlxtend that gives ready-made predictions, one row of them after each fit."""

    def __init__(self, predictions: np.ndarray) -> None:
        self._rows = iter(predictions)

    def fit(self, features: Any, targets: Any) -> "Replayed":
        self._now = next(self._rows)
        return self

    def predict(self, features: Any) -> np.ndarray:
        return self._now


def mlxtends(predictions: np.ndarray, targets: np.ndarray, loss: str) -> Decomposition:
    rows = np.zeros((len(targets), 1))
    found = bias_variance_decomp(
        Replayed(predictions), rows, targets, rows, targets, loss=loss, num_rounds=len(predictions), random_seed=0
    )
    return Decomposition(*map(float, found))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("members", [1, 2, 9])
def test_squared_error_is_mlxtends(seed: int, members: int) -> None:
    random = np.random.default_rng(seed)
    predictions, targets = random.normal(size=(members, 40)), random.normal(size=40)
    found, other = squared_error(predictions, targets), mlxtends(predictions, targets, "mse")
    assert (found.loss, found.bias, found.variance) == pytest.approx((other.loss, other.bias, other.variance))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("members", [1, 2, 9])
def test_zero_one_is_mlxtends(seed: int, members: int) -> None:
    random = np.random.default_rng(seed)
    predictions, targets = random.integers(0, 4, size=(members, 60)), random.integers(0, 4, size=60)
    found, other = zero_one(predictions, targets), mlxtends(predictions, targets, "0-1_loss")
    assert (found.loss, found.bias, found.variance) == pytest.approx((other.loss, other.bias, other.variance))


def test_squared_error_is_exactly_bias_and_variance() -> None:
    random = np.random.default_rng(1)
    found = squared_error(random.normal(3, 2, size=(7, 100)), random.normal(size=100))
    assert found.loss == pytest.approx(found.bias + found.variance, rel=1e-12)


@pytest.mark.parametrize("decompose", [squared_error, zero_one])
def test_members_that_agree_have_no_variance(decompose: Callable[..., Decomposition]) -> None:
    found = decompose([[1, 0, 2]] * 5, [1, 1, 2])
    assert found.variance == 0
    assert found.loss == found.bias > 0


@pytest.mark.parametrize("decompose", [squared_error, zero_one])
@pytest.mark.parametrize(
    ("predictions", "message"),
    [([1, 2, 3], "got shape"), ([[1, 2]], "got shape"), ([[1, 2, float("nan")]], "must be finite")],
)
def test_predictions_that_do_not_fit_are_refused(
    decompose: Callable[..., Decomposition], predictions: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        decompose(predictions, [1, 2, 3])
