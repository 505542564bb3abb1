import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from eksplora.statistics.bounded import BOUNDS, bounded_interval, estimate
from eksplora.statistics.generalization import Method, Sample, Scope, Uncertain


def holdout(losses: np.ndarray) -> Sample:
    return Sample(losses.mean(1), np.zeros(len(losses), dtype=np.int64), 0.25, 4 * losses.shape[1], losses)


def test_a_share_has_wilsons_interval() -> None:
    right = np.zeros((1, 2000))
    right[0, :1900] = 1
    interval = estimate(holdout(right), "val/accuracy")
    reference = stats.binomtest(1900, 2000).proportion_ci(0.95, method="wilson")
    assert (interval.low, interval.high) == pytest.approx((reference.low, reference.high), abs=2e-5)


@given(st.sampled_from(list(BOUNDS)), st.integers(0, 1000), st.integers(2, 30), st.integers(1, 4))
def test_no_interval_leaves_its_bounds_or_has_no_width(metric: str, seed: int, rows: int, members: int) -> None:
    low, high = BOUNDS[metric]
    rng = np.random.default_rng(seed)
    if np.isfinite([low, high]).all():
        losses = low + (high - low) * (rng.random((members, rows)) < 0.9)
    else:
        distances = rng.exponential(1.0, (members, rows))
        losses = low + distances if np.isfinite(low) else high - distances
    interval = estimate(holdout(losses), metric)
    if interval.low is not None:
        assert low <= interval.low <= interval.mean <= interval.high <= high
        assert interval.low < interval.high


def test_a_positive_measure_has_students_interval_of_its_logarithm() -> None:
    found = Uncertain(2.0, 0.5, 10, Scope.DATA, Method.ROWS, np.ones(5))
    interval = bounded_interval(found, (0.0, np.inf))
    assert interval is not None
    reach = stats.t.ppf(0.975, 10) * 0.25  # the delta method: error of log x is error / x
    assert np.log([interval.low, interval.high]) == pytest.approx([np.log(2) - reach, np.log(2) + reach])


def test_a_single_value_says_nothing_of_its_error() -> None:
    sample = Sample(np.array([0.5]), np.zeros(1, dtype=np.int64), 0.25, 100)
    assert estimate(sample, "auroc").low is None


@pytest.mark.slow
@pytest.mark.parametrize("truth", [0.7, 0.95])
def test_the_interval_of_a_share_covers_as_often_as_it_says(truth: float) -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(2000):
        interval = estimate(holdout((rng.random((1, 60)) < truth).astype(float)), "accuracy")
        covered += interval.low is not None and interval.low <= truth <= interval.high
    assert 0.93 <= covered / 2000 <= 0.985
