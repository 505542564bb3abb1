"""Means beside a bound: skewed losses and rows that all agree claim no more than they can."""

import numpy as np
import pytest
from numpy.typing import NDArray

from eksplora.statistics.bound import beside_bound, from_symmetric, to_symmetric, value_in_words
from eksplora.statistics.generalization import Sample


def sample_of(losses: NDArray[np.float64]) -> Sample:
    """A sample of members of one split by the losses of their rows."""
    return Sample(losses.mean(1), np.zeros(len(losses), dtype=np.int64), 0.25, losses.shape[1], losses)


def test_rows_that_are_all_right_do_not_pass_every_bound() -> None:
    """Ten of ten are right where nine of ten are in 35% of the samples; the interval is Wilson's."""
    sample = sample_of(np.ones((1, 10)))
    assert beside_bound(sample, 0.9, 1).p > 0.25
    assert value_in_words(sample) == "1 [0.6615, 1]"
    assert beside_bound(sample, 0.3, 1).p < 0.01


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
