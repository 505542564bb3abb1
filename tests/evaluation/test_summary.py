"""Intervals of the measures of a test part: within bounds, around what is delivered, and none where rows are few."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from eksplora.evaluation import classification, regression
from eksplora.evaluation.summary import LEAST_ROWS, WITHOUT, MeasuredRows, summaries
from eksplora.statistics.bounded import bounds_of

NO_CLASSES = np.empty(0, dtype=np.int64)


def of_numbers(off: NDArray[Any], targets: NDArray[Any]) -> dict[str, Any]:
    def score(own: NDArray[Any], weights: NDArray[Any]) -> dict[str, Any]:
        return regression.scores(own, targets, weights)

    return summaries(targets + off, score, MeasuredRows(len(targets), NO_CLASSES))


def of_classes(each: NDArray[Any], labels: NDArray[Any]) -> dict[str, Any]:
    def score(own: NDArray[Any], weights: NDArray[Any]) -> dict[str, Any]:
        found = classification.scores(own, labels, weights)
        return {**found.overall, **{f"class {name}": values for name, values in found.per_class.items()}}

    return summaries(each, score, MeasuredRows(len(labels), np.bincount(labels, minlength=each.shape[2])))


def probabilities(
    rng: np.random.Generator, labels: NDArray[Any], members: int, classes: int, signal: float
) -> NDArray[Any]:
    powers = np.exp(rng.normal(size=(members, len(labels), classes)) + signal * np.eye(classes)[labels])
    return powers / powers.sum(2, keepdims=True)


@settings(max_examples=25)
@given(
    st.integers(0, 10**6), st.integers(1, 3), st.integers(2, 40), st.sampled_from([2, 3]), st.sampled_from([0, 2, 9])
)
def test_no_interval_leaves_its_bounds_or_has_no_width_or_leaves_out_what_is_delivered(
    seed: int, members: int, rows: int, classes: int, signal: float
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=rows)
    found = of_classes(probabilities(rng, labels, members, classes, signal), labels)
    found |= of_numbers(rng.standard_t(3, size=(members, rows)), rng.normal(size=rows))
    for name, listed in found.items():
        low, high = bounds_of(name.removeprefix("class "))
        for one in listed if isinstance(listed, list) else [listed]:
            known = one.ensemble
            if known.low is not None:
                assert low <= known.low <= known.mean <= known.high <= high
                assert known.low < known.high


def test_the_interval_of_the_accuracy_of_one_member_is_nearly_wilsons() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=60)
    each = probabilities(rng, labels, 1, 3, 2.0)
    known = of_classes(each, labels)["accuracy"].ensemble
    right = int((each[0].argmax(1) == labels).sum())
    reference = stats.binomtest(right, 60).proportion_ci(0.95, method="wilson")
    assert (known.low, known.high) == pytest.approx((reference.low, reference.high), abs=5e-3)


def test_all_right_is_not_sure_to_stay_so() -> None:
    labels = np.arange(36) % 3
    found = of_classes(np.eye(3)[labels][None], labels)
    for name in ("accuracy", "recall", "auroc", "f1"):
        known = found[name].ensemble
        assert known.mean == known.high == 1 and 0.8 < known.low < 0.95, name


def test_few_rows_say_nothing_of_an_error_and_little_of_a_share() -> None:
    rng = np.random.default_rng(0)
    few, enough = LEAST_ROWS - 1, LEAST_ROWS
    assert of_numbers(rng.normal(size=(1, few)), rng.normal(size=few))["mae"].ensemble.low is None
    assert of_numbers(rng.normal(size=(1, enough)), rng.normal(size=enough))["mae"].ensemble.low is not None
    labels = np.array([0, 0, 1, 1, 1, 1, 1, 0, 0, 2])  # class 2 has one row
    found = of_classes(probabilities(rng, labels, 1, 3, 1.0), labels)
    assert found["accuracy"].ensemble.low is not None
    assert found["recall"].ensemble.low is None
    assert [one.ensemble.low is None for one in found["class recall"]] == [False, False, True]


def test_measures_that_leaving_out_rows_says_too_little_of_have_no_interval() -> None:
    rng = np.random.default_rng(0)
    found = of_numbers(rng.normal(size=(2, 50)), rng.normal(size=50))
    assert {name for name, one in found.items() if one.ensemble.low is None and one.ensemble.mean is not None} == {
        name for name in WITHOUT if name in found
    }


def test_other_members_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    targets, shared = rng.normal(size=80), rng.normal(size=80)
    alike = of_numbers(np.stack([shared] * 4), targets)["rmse"].ensemble
    apart = of_numbers(shared + np.array([[-2.0], [0.0], [1.0], [3.0]]), targets)["rmse"].ensemble
    assert apart.high / apart.low > 2 * alike.high / alike.low
