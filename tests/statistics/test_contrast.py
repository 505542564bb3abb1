"""Sums of samples: compared by rows where all have the same, and never sure of more than the rows can say."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from eksplora.statistics.contrast import as_one, combined, contrast, sample_of_column
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


def test_more_members_or_rows_are_named_where_they_would_settle_it() -> None:
    seeds, rows = RNG.normal(0, 0.1, (4, 1)), RNG.normal(0, 0.01, (1, 50))
    members, _ = contrast(sample_of(0.05 + seeds - seeds.mean() + rows)).needed(0.05)
    assert members is not None and members > 4
    _, number = contrast(sample_of(0.05 + RNG.normal(0, 0.5, (1, 50)) + np.zeros((2, 1)))).needed(0.05)
    assert number is not None and number > 50
