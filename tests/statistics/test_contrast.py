"""Sums of samples: compared by rows where all have the same, and never sure of more than the rows can say."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from eksplora.statistics.contrast import (
    as_one,
    beside_bound,
    combined,
    contrast,
    from_symmetric,
    least_error_at,
    sample_of_column,
    to_symmetric,
    value_in_words,
)
from eksplora.statistics.generalization import Sample, Scope

RNG = np.random.default_rng(0)
LOSSES = RNG.gamma(2, size=(3, 40))


def sample_of(losses: NDArray[np.float64], splits: tuple[int, ...] | None = None) -> Sample:
    """A sample of members by the losses of their rows."""
    of_members = np.zeros(len(losses), dtype=np.int64) if splits is None else np.array(splits)
    return Sample(np.nanmean(losses, axis=1), of_members, 0.25, losses.shape[1], losses)


def test_a_sum_is_that_of_members_and_of_rows() -> None:
    one, other = sample_of(LOSSES), sample_of(2 * LOSSES)
    summed = combined([one, other], [1, -0.5], 3.0)
    assert summed.losses == pytest.approx(np.full_like(LOSSES, 3.0))
    assert summed.values == pytest.approx([3.0] * 3)


def test_samples_of_other_rows_are_compared_by_members_alone() -> None:
    held = LOSSES.copy()
    held[:, 3] = np.nan
    assert [one.scope for one in as_one([sample_of(LOSSES), sample_of(LOSSES)])] == [Scope.NEW_ROWS] * 2
    for other in (sample_of(LOSSES[:, :39]), sample_of(held), sample_of_column([1.0, 2.0, 3.0])):
        found = as_one([sample_of(LOSSES), other])
        assert [one.scope for one in found] == [Scope.THESE_ROWS] * 2
        assert found[0].values.tolist() == LOSSES.mean(1).tolist()


def test_members_of_other_splits_are_pairs_of_seeds() -> None:
    found = as_one([sample_of(LOSSES, (0, 1, 2)), sample_of(LOSSES, (0, 2, 1))])
    assert [one.scope for one in found] == [Scope.THESE_ROWS] * 2


def test_one_member_is_beside_0_by_students_t_over_its_rows() -> None:
    found = contrast(sample_of(LOSSES[:1] - 2))
    expected = stats.ttest_1samp(LOSSES[0] - 2, 0.0)
    ends = expected.confidence_interval()
    assert found.scope is Scope.NETWORKS and found.p == pytest.approx(expected.pvalue)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((ends.low, ends.high))


def test_rows_that_are_all_right_do_not_pass_every_bound() -> None:
    """Ten of ten are right where nine of ten are in 35% of the samples; the interval is Wilson's."""
    sample = sample_of(np.ones((1, 10)))
    beyond = contrast(combined([sample], [1], -0.9), least_error=least_error_at(sample, 0.9))
    assert beyond.p > 0.25
    assert value_in_words(sample) == "1 [0.6615, 1]"
    assert contrast(combined([sample], [1], -0.3), least_error=least_error_at(sample, 0.3)).p < 0.01


def test_more_members_or_rows_are_named_where_they_would_settle_it() -> None:
    seeds, rows = RNG.normal(0, 0.1, (4, 1)), RNG.normal(0, 0.01, (1, 50))
    members, _ = contrast(sample_of(0.05 + seeds - seeds.mean() + rows)).needed(0.05)
    assert members is not None and members > 4
    _, number = contrast(sample_of(0.05 + RNG.normal(0, 0.5, (1, 50)) + np.zeros((2, 1)))).needed(0.05)
    assert number is not None and number > 50


@pytest.mark.parametrize("shape", [0.5, 2.0])
def test_skewed_losses_are_seldom_found_to_be_below_their_own_mean_and_the_interval_says_the_same(shape: float) -> None:
    counts = {1: 0, -1: 0}
    for seed in range(400):
        sample = sample_of(np.random.default_rng(seed).gamma(shape, size=(1, 60)))
        low, high = map(float, value_in_words(sample).split("[")[1].rstrip("]").split(", "))
        for sign in counts:
            found = beside_bound(sample, shape, sign)
            is_found = found.p <= 0.05 and found.mean > 0
            counts[sign] += is_found
            assert (
                is_found == (low > shape if sign > 0 else high < shape)
                or min(abs(low - shape), abs(high - shape)) < 1e-3
            )
    assert max(counts.values()) <= 20


def test_the_correction_for_skewness_is_undone_by_its_inverse() -> None:
    for skewness in (-0.5, -1e-9, 0.0, 0.2, 1.0):
        for t in (-3.0, 0.0, 2.5):
            assert from_symmetric(to_symmetric(t, skewness), skewness) == pytest.approx(t, abs=1e-6)
    assert to_symmetric(2.0, 0.0) == 2.0
