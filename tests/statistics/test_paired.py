from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eksplora.statistics.paired import least_pairs, max_t, sign_flip, smallest_p

unhurried = settings(deadline=None)  # scipy's first call takes longer on a busy machine
few = st.lists(st.integers(-9, 9), min_size=1, max_size=10)


def counted(differences: list[int]) -> float:
    """The bare loop over all sign patterns, in whole numbers."""
    extreme = abs(sum(differences))
    sums = [
        sum(sign * difference for sign, difference in zip(signs, differences, strict=True))
        for signs in product([1, -1], repeat=len(differences))
    ]
    return sum(abs(total) >= extreme for total in sums) / len(sums)


@unhurried
@given(few)
def test_sign_flip_counts_every_pattern(differences: list[int]) -> None:
    assert sign_flip(differences) == counted(differences)


@unhurried
@given(few, st.sampled_from([0.1, 1 / 3, 1e-9, 1e9]))
def test_rounding_of_floats_does_not_change_p(differences: list[int], unit: float) -> None:
    assert sign_flip(np.array(differences) * unit) == counted(differences)


@pytest.mark.parametrize("num_pairs", [2, 7, 12])
def test_sign_flip_is_scipys_permutation_test(num_pairs: int) -> None:
    rng = np.random.default_rng(num_pairs)
    values, reference = rng.normal(0.5, 1, num_pairs), rng.normal(0, 1, num_pairs)
    expected = stats.permutation_test(
        (values, reference),
        lambda x, y: np.mean(x) - np.mean(y),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=False,
    )
    assert sign_flip(values - reference) == pytest.approx(expected.pvalue, abs=1e-12)


@unhurried
@given(few)
def test_sign_flip_is_blind_to_order_side_and_unit(differences: list[int]) -> None:
    p = sign_flip(differences)
    assert sign_flip(differences[::-1]) == p
    assert sign_flip([-difference for difference in differences]) == p
    assert sign_flip([1024.0 * difference for difference in differences]) == p


def test_a_larger_shift_never_raises_p() -> None:
    noise = np.random.default_rng(3).normal(size=12)
    ps = [sign_flip(noise - noise.mean() + shift) for shift in np.linspace(0, 3, 30)]
    assert (np.diff(ps) <= 0).all()
    assert ps[-1] == smallest_p(12)


def test_ties_of_32_bit_values_count_as_such() -> None:
    steps = np.array([2, 1, 0, 1, 4, 4, -1, 2])  # rows of 1000, as the accuracies of eight members differ
    right = np.array([913, 878, 879, 876, 874, 922, 875, 875])
    values, reference = ((rows / 1000).astype(np.float32).astype(np.float64) for rows in (right, right - steps))
    assert counted(steps.tolist()) == 0.0625
    assert sign_flip(values - reference) == 0.046875  # ties are lost to rounding, and p falls below 0.05
    assert sign_flip(values - reference, resolution=2.0**-23) == 0.0625


def test_differences_within_the_resolution_are_none() -> None:
    assert sign_flip([1e-9] * 8) == smallest_p(8)
    assert sign_flip([1e-9] * 8, resolution=1e-8) == 1.0


def test_twenty_pairs_are_counted_and_more_are_drawn() -> None:
    assert sign_flip(np.ones(20)) == 2.0**-19
    assert sign_flip(np.ones(30)) == 1 / 100_001


@pytest.mark.parametrize("num_pairs", [21, 64, 65, 200])
def test_drawn_patterns_give_the_p_of_counted_ones(num_pairs: int) -> None:
    differences = np.repeat([1.0, -1.0], [num_pairs // 2 + 5, num_pairs - num_pairs // 2 - 5])
    expected = stats.binomtest(num_pairs // 2 + 5, num_pairs).pvalue  # equal sizes: the sign test
    deviation = np.sqrt(expected * (1 - expected) / 100_000)
    assert sign_flip(differences) == pytest.approx(expected, abs=5 * deviation)


def test_drawn_patterns_are_a_function_of_the_seed_in_every_version() -> None:
    differences = np.arange(-10, 15)
    assert sign_flip(differences, seed=0) == pytest.approx(0.1943680563194368, abs=1e-12)
    assert sign_flip(differences, seed=1) != sign_flip(differences, seed=0)


def test_drawn_patterns_do_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = np.random.default_rng(0).normal(size=70)
    whole = sign_flip(differences)
    monkeypatch.setattr("eksplora.statistics.paired._BLOCK", 2**14)
    assert sign_flip(differences) == whole


@pytest.mark.parametrize("draw", ["normal", "laplace", "standard_cauchy"])
@pytest.mark.parametrize("num_pairs", [5, 8, 11])
def test_sign_flip_keeps_its_level_for_any_symmetric_distribution(num_pairs: int, draw: str) -> None:
    samples = getattr(np.random.default_rng(4), draw)(size=(2000, num_pairs))
    false_share = np.mean([sign_flip(sample) <= 0.05 for sample in samples])
    assert false_share <= 0.05 + 3 * 0.005  # the standard error is 0.005
    assert (false_share == 0) == (num_pairs < 6)


@unhurried
@given(st.integers(1, 60))
def test_differences_of_zero_have_a_p_of_1(num_pairs: int) -> None:
    assert sign_flip(np.zeros(num_pairs)) == 1.0


@pytest.mark.parametrize("num_pairs", range(1, 21))
def test_the_smallest_p_is_that_of_differences_of_one_sign(num_pairs: int) -> None:
    assert smallest_p(num_pairs) == 2 / 2**num_pairs
    assert sign_flip(np.ones(num_pairs)) == smallest_p(num_pairs)


@unhurried
@given(st.floats(1e-300, 0.999))
def test_the_least_pairs_can_reach_alpha_and_one_less_cannot(alpha: float) -> None:
    num_pairs = least_pairs(alpha)
    assert smallest_p(num_pairs) <= alpha < smallest_p(num_pairs - 1)


def test_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^num_pairs must be a whole number of at least 1, got 0\. "):
        smallest_p(0)


@pytest.mark.parametrize("alpha", [0, 1, 5])
def test_an_alpha_that_is_no_fraction_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"^alpha must be a number above 0 and below 1, got"):
        least_pairs(alpha)


def test_differences_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^differences must be finite, got nan\."):
        sign_flip([1.0, np.nan])


# --- several comparisons of the same members -----------------------------------------------------------------------


def by_hand(table: np.ndarray) -> list[float]:
    """Step-down maxT, pattern by pattern."""
    patterns = np.array(list(product([1, -1], repeat=table.shape[1])))
    lengths = np.sqrt((table**2).sum(1))
    sizes = np.abs(patterns @ table.T) / lengths
    seen = np.abs(table.sum(1)) / lengths
    order, least, found = sorted(range(len(table)), key=lambda row: -seen[row]), 0.0, {}
    for place, row in enumerate(order):
        least = max(least, float(np.mean(sizes[:, order[place:]].max(1) >= seen[row] - 1e-9)))
        found[row] = least
    return [found[row] for row in range(len(table))]


@pytest.mark.parametrize("shape", [(1, 6), (3, 5), (6, 8), (10, 7)])
def test_max_t_counts_every_pattern_that_all_comparisons_share(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(sum(shape))
    table = generator.normal(size=shape) + generator.uniform(0, 2, size=(shape[0], 1))
    np.testing.assert_allclose(max_t(table), by_hand(table), rtol=1e-12)


def test_max_t_of_one_comparison_is_the_sign_flip() -> None:
    sample = np.random.default_rng(0).normal(size=9) + 0.5
    assert max_t([sample])[0] == sign_flip(sample)
    longer = np.random.default_rng(1).normal(size=30) + 0.3
    assert max_t([longer])[0] == sign_flip(longer)


def test_max_t_never_claims_more_than_the_test_of_one_and_a_copy_costs_nothing() -> None:
    table = np.random.default_rng(2).normal(size=(4, 8)) + 1
    alone = [sign_flip(row) for row in table]
    assert (max_t(table) >= np.array(alone) - 1e-12).all()
    np.testing.assert_array_equal(max_t(np.vstack([table, table[:1]]))[:4], max_t(table))


def test_max_t_of_differences_of_zero_or_of_rounding_is_1() -> None:
    sample = np.array([1.0, 1.2, 0.9, 1.1, 1.3, 0.8])
    assert max_t([sample, np.zeros(6)]).tolist() == [1 / 32, 1.0]
    assert max_t([sample, np.full(6, 1e-7)], resolutions=[1e-7, 1e-6])[1] == 1.0


def test_max_t_draws_patterns_beyond_20_pairs() -> None:
    generator = np.random.default_rng(3)
    table = generator.normal(size=(3, 20)) + 0.4
    np.testing.assert_allclose(max_t(table), by_hand_drawn(table), atol=0.01)


def by_hand_drawn(table: np.ndarray) -> list[float]:
    """The same from drawn patterns: as if one pair more were there that says nothing."""
    return max_t(np.hstack([table, np.zeros((len(table), 1))])).tolist()
