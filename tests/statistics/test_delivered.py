"""Intervals of what is delivered: they cover, hold their value, and know nothing where the rows do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from eksplora.records.estimate import Estimate
from eksplora.statistics.delivered import FEW_GROUPS, LeftOut, delivered, groups_of, uncertain_delivered

Array = NDArray[np.float64]


def left_out(off: Array) -> LeftOut:
    """Of a mean over rows of the members' mean error, squared: off is (members, rows)."""
    groups, few = groups_of(off.shape[1]), groups_of(off.shape[1], FEW_GROUPS)

    def value(own: Array) -> float:
        return float((own.mean(0) ** 2).mean())

    others = [np.delete(off, member, axis=0) for member in range(len(off))] if len(off) > 1 else []
    return LeftOut(
        np.array([value(off[:, groups != number]) for number in range(groups.max() + 1)]),
        np.array([value(one) for one in others]),
        np.array([[value(one[:, few != number]) for one in others] for number in range(few.max() + 1)]),
    )


def squared(off: Array) -> Estimate:
    return delivered(float((off.mean(0) ** 2).mean()), left_out(off), (0.0, np.inf), rows=off.shape[1])


def test_groups_are_of_equal_size_and_rows_that_are_few_stand_alone() -> None:
    assert groups_of(30).tolist() == list(range(30))
    sizes = np.bincount(groups_of(1050))
    assert (len(sizes), sizes.min(), sizes.max()) == (200, 5, 6)
    assert np.diff(np.flatnonzero(groups_of(1050) == 0)).std() > 100, "not every so-and-so-manieth row"


def test_the_error_of_a_mean_is_its_standard_error() -> None:
    off = np.random.default_rng(0).normal(size=(1, 40))
    found = uncertain_delivered(0.0, left_out(off))
    assert found.error == pytest.approx((off[0] ** 2).std(ddof=1) / 40**0.5)
    assert found.freedom == pytest.approx(39)


def test_members_that_differ_by_rows_alone_add_nothing_and_others_do() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1, 400))
    rows = uncertain_delivered(0.0, left_out(np.repeat(shared, 4, axis=0))).error
    noise = uncertain_delivered(0.0, left_out(shared + 0.01 * rng.normal(size=(4, 400)))).error
    levels = uncertain_delivered(0.0, left_out(shared + np.array([[0.0], [1.0], [2.0], [4.0]]))).error
    assert rows is not None and noise is not None and levels is not None
    assert noise == pytest.approx(rows, rel=0.05)
    assert levels > 3 * rows


def test_a_model_without_errors_and_one_that_is_not_defined_have_no_interval() -> None:
    assert squared(np.zeros((2, 30))).low is None
    assert delivered(None, None, (0.0, 1.0), rows=3) == Estimate(mean=None, n=3, scope="new rows, trained on these")


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(2, 60), st.sampled_from([(0.0, np.inf), (-np.inf, np.inf)]))
def test_what_is_delivered_lies_inside_its_interval(
    seed: int, members: int, rows: int, bounds: tuple[float, float]
) -> None:
    off = np.random.default_rng(seed).standard_t(2, size=(members, rows))
    value = float((off.mean(0) ** 2).mean())
    found = delivered(value, left_out(off), bounds, rows=rows)
    assert found.low is not None and found.high is not None
    assert bounds[0] <= found.low < value < found.high <= bounds[1]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [30, 100])
@pytest.mark.parametrize("members", [1, 3, 8])
def test_the_interval_covers_the_models_value_on_fresh_rows(rows: int, members: int) -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(600):
        weights = rng.normal(size=(members, 6))
        # Errors that members share, of variance 1, and errors of each that rows decide.
        off = rng.normal(size=rows) + 0.4 * weights @ rng.normal(size=(6, rows))
        truth = 1 + 0.16 * float((weights.mean(0) ** 2).sum())
        found = squared(off)
        covered += found.low is not None and found.high is not None and found.low <= truth <= found.high
    assert 0.92 <= covered / 600 <= 0.99
