import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eksplora.statistics.interval import Interval, mean_and_spread, t_interval

SAMPLE = np.random.default_rng(0).gamma(2.0, size=40)
unhurried = settings(deadline=None)  # scipy's first call takes longer on a busy machine
finite_lists = st.lists(st.integers(-1000, 1000), min_size=2, max_size=12)


def test_mean_and_spread_are_numpys() -> None:
    mean, spread = mean_and_spread(SAMPLE)
    assert mean == pytest.approx(np.mean(SAMPLE))
    assert spread == pytest.approx(np.std(SAMPLE, ddof=1))


def test_a_single_value_has_no_spread_and_no_interval() -> None:
    assert mean_and_spread([3.0]) == (3.0, None)
    assert t_interval([3.0]) is None


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_the_t_interval_is_scipys(level: float) -> None:
    found = t_interval(SAMPLE, level)
    expected = stats.ttest_1samp(SAMPLE, 0).confidence_interval(level)
    assert (found.low, found.high, found.level) == pytest.approx((expected.low, expected.high, level))


@unhurried
@given(finite_lists, st.integers(-5, 5), st.integers(1, 100))
def test_the_t_interval_moves_and_stretches_with_its_values(values: list[int], shift: int, scale: int) -> None:
    before, after = t_interval(values), t_interval(np.array(values) * scale + shift)
    assert after.low == pytest.approx(before.low * scale + shift, abs=1e-6)
    assert after.high == pytest.approx(before.high * scale + shift, abs=1e-6)


@unhurried
@given(finite_lists)
def test_a_higher_level_gives_an_interval_around_the_lower_ones(values: list[int]) -> None:
    inner, outer = t_interval(values, 0.8), t_interval(values, 0.95)
    assert outer.low <= inner.low <= np.mean(values) + 1e-9
    assert outer.high >= inner.high >= np.mean(values) - 1e-9


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3])  # the mean of ten times 0.1 is not 0.1 in floats
def test_equal_values_have_an_interval_of_width_0(value: float) -> None:
    assert mean_and_spread([value] * 10) == (value, 0.0)
    assert t_interval([value] * 10) == Interval(low=value, high=value, level=0.95)


@pytest.mark.parametrize("num_values", [3, 8, 30])
def test_the_t_interval_covers_as_often_as_it_says(num_values: int) -> None:
    samples = np.random.default_rng(1).normal(5.0, 2.0, (10_000, num_values))
    intervals = [t_interval(sample) for sample in samples]
    coverage = np.mean([interval.low <= 5.0 <= interval.high for interval in intervals])
    assert 0.94 <= coverage <= 0.96  # the standard error is 0.002


def test_a_level_that_is_no_fraction_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^level must be a number above 0 and below 1, got 95\. "):
        t_interval([1.0, 2.0], 95)
