from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eksplora.statistics.correction import holm
from eksplora.statistics.paired import sign_flip

unhurried = settings(deadline=None)  # scipy's first call takes longer on a busy machine
p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=7)


@unhurried
@given(p_lists)
def test_holm_is_closed_testing_by_bonferroni(ps: list[float]) -> None:
    # Adjusted p of test i: the largest Bonferroni p of any set of tests that contains it.
    sets = [chosen for size in range(1, len(ps) + 1) for chosen in combinations(range(len(ps)), size)]
    bonferroni = {chosen: min(1, len(chosen) * min(ps[test] for test in chosen)) for chosen in sets}
    expected = [max(p for chosen, p in bonferroni.items() if test in chosen) for test in range(len(ps))]
    np.testing.assert_allclose(holm(ps), expected, rtol=1e-12)


@unhurried
@given(ps=p_lists)
def test_adjusted_ps_are_in_the_order_of_the_tests(ps: list[float]) -> None:
    order = np.random.default_rng(len(ps)).permutation(len(ps))
    np.testing.assert_array_equal(holm(np.array(ps)[order]), holm(ps)[order])


@unhurried
@given(p_lists)
def test_adjusting_never_lowers(ps: list[float]) -> None:
    assert (holm(ps) >= np.array(ps) * (1 - 1e-12)).all()
    assert (holm(ps) <= 1).all()


def test_one_test_or_none_needs_no_correction() -> None:
    assert holm([0.03]).tolist() == [0.03]
    assert holm([]).tolist() == []


@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan])
def test_what_is_no_p_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=rf"^p_values must lie in \[0, 1\], got {p}\.$"):
        holm([0.5, p])


def test_a_study_with_holm_makes_a_false_claim_in_5_percent_at_most() -> None:
    # 1200 studies in which nothing differs: five configurations against a common reference, twelve members each.
    members = np.random.default_rng(1).normal(size=(1200, 6, 12))
    ps = [[sign_flip(row - study[0]) for row in study[1:]] for study in members]
    false_share = np.mean([(holm(row) <= 0.05).any() for row in ps])
    assert false_share <= 0.05 + 2 * 0.0063  # the standard error is 0.0063
    assert np.mean([(np.array(row) <= 0.05).any() for row in ps]) > 0.1  # without a correction
