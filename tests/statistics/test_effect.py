import numpy as np
import pytest
from scipy import stats

from eksplora.statistics.effect import effect_size, hedges_correction, standardized

SAMPLE = np.random.default_rng(0).normal(0.3, 2, 15)


def test_the_standardized_difference_is_t_over_the_root_of_n() -> None:
    assert standardized(SAMPLE) == pytest.approx(stats.ttest_1samp(SAMPLE, 0).statistic / np.sqrt(15))


@pytest.mark.parametrize("freedom", [2, 3, 7, 50, 1000])
def test_the_correction_undoes_the_bias_of_noncentral_t(freedom: int) -> None:
    # E[T] = noncentrality / J
    assert hedges_correction(freedom) == pytest.approx(1 / stats.nct.mean(freedom, 1.0))
    assert hedges_correction(freedom) == pytest.approx(1 - 3 / (4 * freedom - 1), abs=0.02)


def test_the_effect_size_is_unbiased() -> None:
    samples = np.random.default_rng(1).normal(0.5, 1, (20_000, 5))
    raw = np.array([standardized(sample) for sample in samples[:2000]])
    corrected = np.array([effect_size(sample) for sample in samples])
    assert corrected.mean() == pytest.approx(0.5, abs=4 * corrected.std() / np.sqrt(20_000))
    np.testing.assert_allclose(corrected[:2000], raw * hedges_correction(4))


def test_the_effect_size_has_the_sign_and_no_unit() -> None:
    assert effect_size(-SAMPLE) == pytest.approx(-effect_size(SAMPLE))
    assert effect_size(1000 * SAMPLE) == pytest.approx(effect_size(SAMPLE))


@pytest.mark.parametrize("differences", [[1.0], [0.1, 0.1, 0.1], [0.0, 0.0]])
def test_without_spread_there_is_no_unit_to_measure_in(differences: list[float]) -> None:
    assert standardized(differences) is None
    assert effect_size(differences) is None


def test_two_pairs_are_too_few_for_a_correction() -> None:
    assert effect_size([1.0, 2.0]) is None
    with pytest.raises(ValueError, match=r"^freedom must be a whole number of at least 2, got 1\. "):
        hedges_correction(1)
