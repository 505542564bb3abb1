from dataclasses import asdict, replace
from itertools import combinations
from json import dumps, loads

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from eksplora.statistics.correction import holm
from eksplora.statistics.effect import effect_size
from eksplora.statistics.generalization import Sample, Scope
from eksplora.statistics.interval import Interval, t_interval
from eksplora.statistics.paired import max_t, sign_flip
from eksplora.statistics.power import members_needed
from eksplora.statistics.sentence import in_words, recorded
from eksplora.statistics.verdict import Comparison, Verdict, compare_all, compare_rows, compare_samples

MAE = np.array([2.31, 2.42, 2.28, 2.51, 2.37, 2.29, 2.45, 2.33])
LOWER = MAE - [0.20, 0.31, 0.05, 0.22, 0.28, 0.12, 0.30, 0.19]
DIRECTIONS = ("minimize", "maximize")
unhurried = settings(deadline=None)  # scipy's first call takes longer on a busy machine
members = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=9)
SEEN = Comparison(
    difference=-0.21,
    interval=Interval(low=-0.3, high=-0.12, level=0.95),
    p=0.0078125,
    num_pairs=8,
    smallest_p=0.0078125,
    verdict=Verdict.BETTER,
    members_needed=8,
    effect=-1.5,
    alpha=0.05,
)


def compare(values: ArrayLike, reference: ArrayLike, *, direction: str, alpha: float = 0.05) -> Comparison:
    """One comparison by itself."""
    (found,) = compare_all([(values, reference)], direction=direction, alpha=alpha)
    return found


def said(comparison: Comparison) -> str:
    return in_words(comparison, name="trial-12", reference="baseline")


def test_a_comparison_is_made_of_the_tests_of_its_differences() -> None:
    found, differences = compare(LOWER, MAE, direction="minimize"), LOWER - MAE
    assert found.difference == pytest.approx(differences.mean())
    assert found.interval == t_interval(differences)
    assert found.p == found.smallest_p == sign_flip(differences) == 2 / 2**8
    assert found.effect == effect_size(differences)
    assert found.members_needed == members_needed(differences)
    assert (found.num_pairs, found.alpha, found.num_comparisons) == (8, 0.05, 1)


def test_what_is_better_depends_on_the_direction() -> None:
    assert compare(LOWER, MAE, direction="minimize").verdict is Verdict.BETTER
    assert compare(LOWER, MAE, direction="maximize").verdict is Verdict.WORSE
    assert compare(MAE, LOWER, direction="minimize").verdict is Verdict.WORSE
    assert compare(MAE, LOWER, direction="maximize").verdict is Verdict.BETTER


@unhurried
@given(members, st.sampled_from(DIRECTIONS))
def test_swapping_the_sides_mirrors_the_comparison(pairs: list[tuple[int, int]], direction: str) -> None:
    values, reference = zip(*pairs, strict=True)
    there, back = compare(values, reference, direction=direction), compare(reference, values, direction=direction)
    mirrored = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    assert back.verdict is mirrored.get(there.verdict, there.verdict)
    assert (back.difference, back.p, back.members_needed) == (-there.difference, there.p, there.members_needed)


@unhurried
@given(members, st.sampled_from(DIRECTIONS), st.sampled_from([0.3, 0.05, 0.01]))
def test_nothing_is_claimed_above_alpha(pairs: list[tuple[int, int]], direction: str, alpha: float) -> None:
    values, reference = zip(*pairs, strict=True)
    found = compare(values, reference, direction=direction, alpha=alpha)
    assert (found.verdict is Verdict.NOT_DISTINGUISHABLE) == (found.p > alpha)
    assert found.p >= found.smallest_p
    if found.verdict is Verdict.NOT_DISTINGUISHABLE and found.members_needed is not None:
        assert found.members_needed > found.num_pairs


@pytest.mark.parametrize("num_pairs", [1, 2, 3, 4, 5])
def test_fewer_than_six_members_never_tell_at_the_5_percent_level(num_pairs: int) -> None:
    found = compare(np.arange(num_pairs), np.arange(num_pairs) + 100, direction="minimize")
    assert found.verdict is Verdict.NOT_DISTINGUISHABLE
    assert "cannot reach the 0.05 level" in said(found)
    assert said(found).endswith("6 or more can")
    assert compare(np.arange(6), np.arange(6) + 100, direction="minimize").verdict is Verdict.BETTER


def test_equal_members_are_not_distinguishable() -> None:
    found = compare(MAE, MAE, direction="minimize")
    assert (found.difference, found.p, found.members_needed, found.effect) == (0.0, 1.0, None, None)
    assert found.verdict is Verdict.NOT_DISTINGUISHABLE


def test_a_single_member_has_no_interval() -> None:
    found = compare([1.0], [2.0], direction="minimize")
    assert (found.interval, found.effect, found.members_needed, found.p) == (None, None, None, 1.0)


def test_the_rounding_of_32_bit_metrics_is_no_finding() -> None:
    accuracy = np.array([0.91, 0.92, 0.93, 0.94, 0.95, 0.96])
    noisy = np.nextafter(accuracy.astype(np.float32), np.float32(1))
    assert compare(noisy, accuracy, direction="maximize").p == 1.0
    shifted = compare(np.float32(accuracy + 0.01), np.float32(accuracy), direction="maximize")
    assert shifted.verdict is Verdict.BETTER
    assert shifted.effect is None  # a spread of 1e-8 is none
    right = np.array([913, 878, 879, 876, 874, 922, 875, 875])
    fewer = right - [2, 1, 0, 1, 4, 4, -1, 2]
    assert compare(np.float32(right / 1000), np.float32(fewer / 1000), direction="maximize").p == 0.0625


def test_comparisons_judged_together_have_holms_p() -> None:
    noise = (LOWER - MAE) + 0.21  # its mean is near 0
    rows = [(MAE + noise + shift, MAE) for shift in (-0.3, 0.0, 0.09, 0.4)]
    together = compare_all(rows, direction="minimize")
    alone = [compare(*row, direction="minimize") for row in rows]
    np.testing.assert_array_equal([found.p for found in together], holm([found.p for found in alone]))
    assert [found.verdict.value for found in together] == [
        "better",
        "not distinguishable",
        "not distinguishable",
        "worse",
    ]
    assert alone[2].verdict is Verdict.WORSE  # by itself it would have been claimed
    for one, among in zip(alone, together, strict=True):
        assert (one.difference, one.effect) == (among.difference, among.effect)
        assert among.interval.low <= one.interval.low and one.interval.high <= among.interval.high
    assert together[0].members_needed == members_needed(rows[0][0] - MAE, alpha=0.05 / 4) == 8
    assert alone[0].members_needed == 6


@pytest.mark.parametrize(("num_pairs", "num_comparisons"), [(6, 2), (7, 4), (8, 7)])
def test_members_that_could_tell_alone_may_be_too_few_among_many(num_pairs: int, num_comparisons: int) -> None:
    row = (np.arange(num_pairs), np.arange(num_pairs) + 100)
    found = compare_all([row] * num_comparisons, direction="minimize")[0]
    assert compare(*row, direction="minimize").verdict is Verdict.BETTER
    assert found.verdict is Verdict.NOT_DISTINGUISHABLE
    assert found.p == found.smallest_p == num_comparisons * 2 / 2**num_pairs
    row = (np.arange(found.members_needed), np.arange(found.members_needed) + 100)
    assert compare_all([row] * num_comparisons, direction="minimize")[0].verdict is Verdict.BETTER


def test_members_that_did_not_tell_are_not_called_enough() -> None:
    differences = [1.0, 1.1, 0.9, 1.0, 1.05, -0.01]  # the t test would tell, the exact one does not assume as much
    found = compare(differences, np.zeros(6), direction="minimize")
    assert (found.p, members_needed(differences), found.members_needed) == (0.0625, 6, 7)


def test_a_study_without_comparisons_has_no_verdicts() -> None:
    assert compare_all([], direction="minimize") == ()


@pytest.mark.slow
def test_a_study_claims_a_difference_where_there_is_none_in_5_percent_at_most() -> None:
    studies = np.random.default_rng(1).normal(2.36, 0.12, (1000, 6, 12))
    judged = [compare_all([(row, study[0]) for row in study[1:]], direction="minimize") for study in studies]
    claimed = [any(found.verdict is not Verdict.NOT_DISTINGUISHABLE for found in study) for study in judged]
    assert np.mean(claimed) <= 0.05 + 2 * 0.007  # the standard error is 0.007


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "trial-12 is better than baseline on these rows: -0.21 [-0.30, -0.12], p = 0.00781, 8 members"),
        (
            {"verdict": Verdict.WORSE, "p": 2e-6, "num_pairs": 20},
            "trial-12 is worse than baseline on these rows: -0.21 [-0.30, -0.12], p < 0.0001, 20 members",
        ),
        (
            {"num_comparisons": 4, "p": 0.03125},
            "trial-12 is better than baseline on these rows: -0.21 [-0.30, -0.12], "
            "p = 0.0312 (Holm, 4 comparisons), 8 members",
        ),
        (
            {"verdict": Verdict.NOT_DISTINGUISHABLE, "p": 0.4, "members_needed": 23},
            "trial-12 is not distinguishable from baseline on these rows: -0.21 [-0.30, -0.12], p = 0.4, 8 members; "
            "about 23 members would detect a difference of this size",
        ),
        (
            {"verdict": Verdict.NOT_DISTINGUISHABLE, "p": 1.0, "members_needed": None},
            "trial-12 is not distinguishable from baseline on these rows: -0.21 [-0.30, -0.12], p = 1, 8 members; "
            "no number of members up to 10000 would detect a difference of this size",
        ),
        (
            {"verdict": Verdict.NOT_DISTINGUISHABLE, "p": 1.0, "members_needed": None, "difference": 0.0},
            "trial-12 is not distinguishable from baseline on these rows: 0.00 [-0.30, -0.12], p = 1, 8 members; "
            "the difference is exactly 0, which more members cannot distinguish from no difference",
        ),
        (
            {"num_pairs": 5, "smallest_p": 0.0625, "p": 0.0625},
            "trial-12 against baseline on these rows: -0.21 [-0.30, -0.12]; "
            "5 members cannot reach the 0.05 level (least p 0.0625): 6 or more can",
        ),
        (
            {"num_pairs": 6, "smallest_p": 0.15625, "num_comparisons": 5},
            "trial-12 against baseline on these rows: -0.21 [-0.30, -0.12]; "
            "6 members cannot reach the 0.05 level among 5 comparisons (least p 0.156): 8 or more can",
        ),
        (
            {"num_pairs": 1, "smallest_p": 1.0, "interval": None},
            "trial-12 against baseline on these rows: -0.21; "
            "1 member cannot reach the 0.05 level (least p 1): 6 or more can",
        ),
    ],
)
def test_words_are_as_strong_as_the_sample(changes: dict, sentence: str) -> None:
    assert said(replace(SEEN, **changes)) == sentence


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (-0.0042, 0.0038, "-0.0002 [-0.0042, 0.0038]"),
        (-12.0, 11.9, "0 [-12, 12]"),
        (120.0, 480.0, "300 [120, 480]"),
        (0.01, 0.01, "0.01"),
    ],
)
def test_numbers_have_the_digits_that_the_interval_supports(low: float, high: float, shown: str) -> None:
    seen = replace(SEEN, difference=(low + high) / 2, interval=Interval(low, high, 0.95))
    assert f": {shown}, p" in said(seen)


def test_a_comparison_can_be_saved_as_json() -> None:
    found = compare(LOWER, MAE, direction="minimize")
    saved = loads(dumps(asdict(found)))
    assert (
        Comparison(**saved | {"interval": Interval(**saved["interval"]), "verdict": Verdict(saved["verdict"])}) == found
    )


def test_sides_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^values and reference must be of the same members, got 2 and 3\.$"):
        compare([1, 2], [1, 2, 3], direction="minimize")


def test_an_unknown_direction_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"^direction 'minimise' is unknown\. Did you mean 'minimize'\?$"):
        compare([1, 2], [1, 2], direction="minimise")


def test_an_alpha_that_is_no_fraction_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^alpha must be a number above 0 and below 1, got 5\. "):
        compare([1, 2], [1, 2], direction="minimize", alpha=5)


@pytest.mark.parametrize("name", ["values", "reference"])
def test_a_diverged_member_is_refused(name: str) -> None:
    sides = {"values": [1.0, 2.0], "reference": [1.0, 2.0]} | {name: [1.0, np.inf]}
    with pytest.raises(ValueError, match=rf"^{name} must be finite, got inf\. Leave diverged members out\.$"):
        compare(**sides, direction="minimize")


# --- rows of a study ---------------------------------------------------------------------------------------------


def test_two_rows_are_a_comparison_by_itself() -> None:
    alone = compare(LOWER, MAE, direction="minimize")
    (found,) = compare_rows([MAE, LOWER], [(1, 0)], direction="minimize")
    assert replace(found, correction=alone.correction) == alone
    assert said(found) == said(alone)


def test_a_pair_has_the_same_p_from_both_sides_whichever_pairs_are_asked_for() -> None:
    rows = [MAE, LOWER, MAE[::-1]]
    one, other = compare_rows(rows, [(1, 0), (0, 1)], direction="minimize")
    assert (one.p, one.verdict, other.p, other.verdict) == (other.p, Verdict.BETTER, one.p, Verdict.WORSE)
    assert one.difference == -other.difference
    assert compare_rows(rows, [(0, 1)], direction="minimize") == (other,)
    assert "(maxT, 3 pairs)" in said(one)
    assert compare_rows(rows, [], direction="minimize") == compare_rows([MAE], [], direction="minimize") == ()


def test_too_few_members_too_few_however_few_rows_there_are() -> None:
    found = compare_rows([MAE[:5], LOWER[:5], MAE[:5] + 1], [(0, 2)], direction="minimize")[0]
    assert found.verdict is Verdict.NOT_DISTINGUISHABLE
    assert said(found).endswith("5 members cannot reach the 0.05 level (least p 0.0625): 6 or more can")


@pytest.mark.parametrize("num_rows", [4, 6])
def test_a_study_that_compares_with_its_best_row_and_its_base_errs_in_5_percent_at_most(num_rows: int) -> None:
    """The best row is chosen by the values that are compared; Holm over the comparisons with it errs more often."""
    generator, errors, holms, studies = np.random.default_rng(num_rows), 0, 0, 4000
    for _ in range(studies):
        rows = generator.normal(size=(num_rows, 8))
        errors += min(max_t([one - other for one, other in combinations(rows, 2)])) <= 0.05
        best = int(rows.mean(1).argmin())
        holms += min(holm([sign_flip(rows[row] - rows[best]) for row in range(num_rows) if row != best])) <= 0.05
    assert errors / studies <= 0.05 + 2 * (0.05 * 0.95 / studies) ** 0.5
    assert num_rows < 6 or holms / studies > 0.06
    pairs = list(combinations(range(num_rows), 2))
    found = compare_rows(rows, pairs, direction="minimize")
    assert [one.p for one in found] == max_t([rows[one] - rows[other] for one, other in pairs]).tolist()


@pytest.mark.parametrize(
    "differences",
    [[0.0] * 8, [0.1, -0.1] * 4, [0.1, 0.2, -0.3, 0.3, -0.1, -0.2, 0.7, -0.7], [1e6, 1e-3, -1e6, -1e-3, 0, 0, 0, 0]],
)
def test_a_difference_of_nothing_is_not_said_to_need_more_members(differences: list[float]) -> None:
    found = compare(differences, [0.0] * 8, direction="minimize")
    assert found.difference == 0
    said = in_words(found, name="a", reference="b")
    assert "exactly 0" in said
    assert "no number" not in said


def test_a_difference_that_is_only_small_is_still_one() -> None:
    found = compare([1e-9, 0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.0], [0.0] * 8, direction="minimize")
    assert found.difference > 0
    assert "no number of members up to 10000" in in_words(found, name="a", reference="b")


def on_test_rows(rights: np.ndarray) -> Sample:
    """Whether each row of a test part is right, (members, rows)."""
    return Sample(rights.mean(1), np.zeros(len(rights), dtype=np.int64), 1.0, rights.shape[1], rights)


@pytest.mark.parametrize("points", [0.41, 0.86])
def test_a_point_of_accuracy_or_less_is_decided_with_one_member_each(points: float) -> None:
    """On 10 000 images, since most of those that one network takes for another class the other does, too."""
    rows, decided = 10_000, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        better = rng.random(rows) < 0.92
        only_better, only_worse = rng.random((2, rows))
        loss, gain = 0.011 + points / 100, 0.011  # rows on which the two differ: 2.6 to 3.1 in a hundred
        worse = np.where(better, only_better >= loss / 0.92, only_worse < gain / 0.08)
        samples = [on_test_rows(rights[None].astype(float)) for rights in (better, worse)]
        (found,) = compare_samples(samples, [(0, 1)], direction="maximize", scope=Scope.NEW_ROWS)
        assert found.scope is Scope.NETWORKS and found.verdict is not Verdict.WORSE
        decided += found.verdict is Verdict.BETTER
    assert decided >= 0.65 * 40 if points < 0.5 else decided == 40


@unhurried
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(2, 5), st.sampled_from(DIRECTIONS), st.booleans())
def test_an_interval_and_the_verdict_beside_it_agree_in_what_is_recorded(
    seed: int, members: int, configurations: int, direction: str, is_share: bool
) -> None:
    rng = np.random.default_rng(seed)
    losses = rng.exponential(1.0, (configurations, members, 60)) * (1 + rng.random((configurations, 1, 1)))
    samples = [on_test_rows((one < 1).astype(float) if is_share else one) for one in losses]
    pairs = list(combinations(range(configurations), 2))
    for one in compare_samples(samples, pairs, direction=direction, scope=Scope.NEW_ROWS):
        found = recorded(one, name="a", reference="b")
        assert found.difference is not None and found.scope == found.difference.scope == str(samples[0].scope)
        low, high = found.difference.low, found.difference.high
        if low is not None and high is not None:
            is_claimed = found.verdict != "not distinguishable"
            assert (low > 0 or high < 0) == is_claimed or 0 in (round(low, 9), round(high, 9))
            assert found.verdict in found.in_words and (found.p is not None and found.p <= 0.05) == is_claimed


def test_a_difference_of_nothing_has_no_sign() -> None:
    found = compare([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], direction="maximize")
    assert ": 0, p = 1" in in_words(replace(found, difference=-0.0, alpha=1.0), name="a", reference="b")
