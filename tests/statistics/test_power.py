import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eksplora.statistics.paired import least_pairs
from eksplora.statistics.power import members_needed, paired_power

SAMPLE = np.random.default_rng(0).normal(0.4, 1, 10)
unhurried = settings(deadline=None)  # scipy's first call takes longer on a busy machine


def of_size(effect: float) -> np.ndarray:
    """Ten differences with exactly this mean and a spread of 1."""
    return (SAMPLE - SAMPLE.mean()) / SAMPLE.std(ddof=1) + effect


@pytest.mark.parametrize("effect", [0.05, 0.3, -0.8, 1.5])
@pytest.mark.parametrize("num_pairs", [2, 6, 20])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_power_is_that_of_noncentral_t(effect: float, num_pairs: int, alpha: float) -> None:
    critical, shift = stats.t.isf(alpha / 2, num_pairs - 1), abs(effect) * np.sqrt(num_pairs)
    between = stats.nct.cdf(critical, num_pairs - 1, shift) - stats.nct.cdf(-critical, num_pairs - 1, shift)
    assert paired_power(effect, num_pairs, alpha) == pytest.approx(1 - between, abs=1e-9)
    square = stats.ncf.sf(critical**2, 1, num_pairs - 1, shift**2)
    assert paired_power(effect, num_pairs, alpha) == pytest.approx(square, abs=1e-9)


def test_power_is_the_share_of_samples_that_tell() -> None:
    samples = np.random.default_rng(1).normal(0.6, 1, (20_000, 12))
    share = np.mean(stats.ttest_1samp(samples, 0, axis=1).pvalue <= 0.05)
    assert paired_power(0.6, 12, 0.05) == pytest.approx(share, abs=0.015)  # the standard error is 0.0035


def test_without_an_effect_power_is_alpha() -> None:
    assert paired_power(0.0, 9, 0.03) == pytest.approx(0.03)
    assert paired_power(1e-200, 9, 0.03) == pytest.approx(0.03)


@pytest.mark.parametrize("effect", [1e3, 1e8, 1e300])
def test_power_of_a_huge_effect_is_1(effect: float) -> None:
    assert paired_power(effect, 6, 0.05) == 1.0


# Cohen's d_z, alpha 0.05, power 0.8: as G*Power gives them for two dependent means.
@pytest.mark.parametrize(("effect", "members"), [(0.2, 199), (0.5, 34), (0.8, 15), (-0.5, 34)])
def test_members_needed_are_those_of_the_tables(effect: float, members: int) -> None:
    assert members_needed(of_size(effect)) == members


@unhurried
@given(st.floats(0.1, 2), st.sampled_from([0.05, 0.01, 0.001]), st.sampled_from([0.5, 0.8, 0.95]))
def test_members_needed_have_the_power_and_one_less_has_not(effect: float, alpha: float, power: float) -> None:
    needed = members_needed(of_size(effect), alpha=alpha, power=power)
    assert paired_power(effect, needed, alpha) >= power * (1 - 1e-9)
    if needed > least_pairs(alpha):
        assert paired_power(effect, needed - 1, alpha) < power * (1 + 1e-9)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 1e-6])
def test_members_needed_are_never_fewer_than_can_tell(alpha: float) -> None:
    assert members_needed(of_size(50.0), alpha=alpha) == least_pairs(alpha)
    assert members_needed([1.0, 1.0], alpha=alpha) == least_pairs(alpha)


def test_members_needed_have_no_unit_and_no_side() -> None:
    assert members_needed(of_size(0.3) * 1000) == members_needed(of_size(-0.3)) == members_needed(of_size(0.3))


def test_no_number_of_members_is_named_beyond_the_most() -> None:
    assert members_needed(of_size(0.2), most=199) == 199
    assert members_needed(of_size(0.2), most=198) is None
    assert members_needed([1.0, 1.0], most=5) is None


@pytest.mark.parametrize("differences", [[1.0], [0.0, 0.0, 0.0], [1.0, -1.0]])
def test_no_number_of_members_is_named_without_a_difference_or_its_spread(differences: list[float]) -> None:
    assert members_needed(differences) is None


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^power must be a number above 0 and below 1, got 80\. Try power=0\.8\.$"):
        members_needed(SAMPLE, power=80)
    with pytest.raises(ValueError, match=r"^alpha must be a number above 0 and below 1, got 5\. "):
        members_needed(SAMPLE, alpha=5)
    with pytest.raises(ValueError, match=r"^num_pairs must be a whole number of at least 2, got 1\. "):
        paired_power(0.5, 1, 0.05)
