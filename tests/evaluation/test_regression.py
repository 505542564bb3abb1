"""Measures of numbers against scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from eksplora.evaluation._weights import without
from eksplora.evaluation.regression import measures, scores


def drawn(rows: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    generator = np.random.default_rng(seed)
    targets = generator.gamma(2.0, 10.0, size=rows) + 0.1
    return targets * generator.lognormal(0, 0.2, size=rows), targets


def expected(predictions: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any] | None = None) -> dict[str, float]:
    own: dict[str, Any] = {"sample_weight": weights}
    mse = reference.mean_squared_error(targets, predictions, **own)
    return {
        "mae": reference.mean_absolute_error(targets, predictions, **own),
        "mse": mse,
        "rmse": np.sqrt(mse),
        "mape": reference.mean_absolute_percentage_error(targets, predictions, **own),
        "msle": reference.mean_squared_log_error(targets, predictions, **own),
        "r2": reference.r2_score(targets, predictions, **own),
        "explained_variance": reference.explained_variance_score(targets, predictions, **own),
        "poisson_deviance": reference.mean_poisson_deviance(targets, predictions, **own),
    }


@pytest.mark.parametrize("rows", [7, 102, 1001])
def test_measures_are_scikit_learns(rows: int) -> None:
    predictions, targets = drawn(rows, rows)
    wanted = expected(predictions, targets) | {
        "median_ae": reference.median_absolute_error(targets, predictions),
        "max_error": reference.max_error(targets, predictions),
    }
    found = measures(predictions, targets)
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


def test_rows_that_count_several_times_are_as_if_they_stood_there_so_often() -> None:
    predictions, targets = drawn(60, 1)
    weights = np.random.default_rng(0).integers(0, 4, size=(5, 60)).astype(float)
    found = scores(predictions, targets, weights)
    for place, own in enumerate(weights):
        again = np.repeat(np.arange(60), own.astype(int))
        wanted = measures(predictions[again], targets[again])
        for name, value in wanted.items():
            assert found[name][place] == pytest.approx(value, rel=1e-9), name


def test_targets_that_do_not_vary_have_no_share_of_variance_explained() -> None:
    found = measures(np.array([1.0, 2.0, 3.0]), np.full(3, 0.1))
    assert (found["r2"], found["explained_variance"]) == (None, None)


@pytest.mark.parametrize(
    ("predictions", "targets", "undefined"),
    [
        ([1.0, 2.0], [0.0, 1.0], {"mape"}),
        ([1.0, 2.0], [-1.0, 1.0], {"msle", "poisson_deviance"}),
        ([0.0, 2.0], [1.0, 3.0], {"poisson_deviance"}),
        ([-1.0, 2.0], [1.0, 3.0], {"msle", "poisson_deviance"}),
    ],
)
def test_what_is_not_defined_is_absent(predictions: list[float], targets: list[float], undefined: set[str]) -> None:
    found = measures(np.array(predictions), np.array(targets))
    assert {name for name, value in found.items() if value is None} == undefined


def test_a_perfect_model_and_a_single_row() -> None:
    targets = np.array([1.0, 2.0, 4.0])
    found = measures(targets, targets)
    assert (found["mae"], found["r2"], found["explained_variance"], found["poisson_deviance"]) == (0, 1, 1, 0)
    single = measures(np.array([2.0]), np.array([3.0]))
    assert (single["mae"], single["median_ae"], single["max_error"], single["r2"]) == (1, 1, 1, None)


def test_measures_without_a_group_of_rows_are_those_of_the_other_rows() -> None:
    predictions, targets = drawn(30, 3)
    groups = np.arange(30) % 7
    found = without(lambda weights: scores(predictions, targets, weights), groups)
    for number in range(7):
        others = measures(predictions[groups != number], targets[groups != number])
        assert {name: found[name][number] for name in others} == pytest.approx(others)


@pytest.mark.parametrize(("scale", "middle"), [(1e-12, 0.0), (1e-8, 0.0), (0.01, 1e6), (1.0, 1e6), (1e9, 0.0)])
def test_what_is_explained_does_not_depend_on_the_unit_or_on_where_0_is(scale: float, middle: float) -> None:
    generator = np.random.default_rng(0)
    targets = middle + scale * generator.normal(size=200)
    predictions = targets + 0.3 * scale * generator.normal(size=200)
    found = measures(predictions, targets)
    assert found["r2"] == pytest.approx(reference.r2_score(targets, predictions), rel=1e-6)
    wanted = reference.explained_variance_score(targets, predictions)
    assert found["explained_variance"] == pytest.approx(wanted, rel=1e-6)


def test_a_resample_of_one_row_explains_nothing() -> None:
    predictions, targets = drawn(20, 2)
    alone = np.zeros((1, 20))
    alone[0, 3] = 20
    assert np.isnan(scores(predictions, targets, alone)["r2"]).all()
