import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eksplora.statistics.equivalence import equivalence_p
from eksplora.statistics.interval import t_interval

SAMPLE = np.random.default_rng(0).normal(0.1, 0.3, 12)
unhurried = settings(deadline=None)  # scipy's first call takes longer on a busy machine


@pytest.mark.parametrize("margin", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("sample", [SAMPLE, -SAMPLE])
def test_p_is_the_larger_of_scipys_one_sided_ones(sample: np.ndarray, margin: float) -> None:
    above = stats.ttest_1samp(sample, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(sample, margin, alternative="less").pvalue
    assert equivalence_p(sample, margin) == pytest.approx(max(above, below))


@unhurried
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=10).filter(lambda sample: len(set(sample)) > 1))
def test_equivalence_is_an_interval_of_twice_alpha_inside_the_margin(sample: list[int]) -> None:
    inside = t_interval(sample, 0.9)
    margin = max(abs(inside.low), abs(inside.high))
    assert equivalence_p(sample, margin * 1.001) < 0.05 < equivalence_p(sample, margin * 0.999)


def test_a_wider_margin_is_easier_to_show() -> None:
    ps = [equivalence_p(SAMPLE, margin) for margin in np.linspace(0.01, 1, 20)]
    assert (np.diff(ps) < 0).all()


def test_equivalence_has_no_unit() -> None:
    assert equivalence_p(SAMPLE * 1000, 200) == pytest.approx(equivalence_p(SAMPLE, 0.2))


def test_a_difference_as_large_as_the_margin_is_called_none_in_5_percent() -> None:
    samples = np.random.default_rng(1).normal(1.0, 0.5, (10_000, 8))
    false_share = np.mean([equivalence_p(sample, 1.0) <= 0.05 for sample in samples])
    assert false_share == pytest.approx(0.05, abs=0.008)  # the standard error is 0.002


def test_members_that_agree_show_no_more_than_their_number() -> None:
    assert equivalence_p([0.0, 0.0], 1.0) == 0.25
    assert equivalence_p([0.1] * 5, 1.0) == 1 / 32
    assert equivalence_p([2.0] * 5, 1.0) == 1.0
    assert equivalence_p([0.1], 1.0) == 1.0


@pytest.mark.parametrize("margin", [0.0, -1.0, np.nan, np.inf])
def test_a_margin_that_is_not_positive_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match=rf"^margin must be a number above 0, got {margin}\. "):
        equivalence_p(SAMPLE, margin)
