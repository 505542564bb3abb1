"""Tests as sentences: what they show, and what would decide those that show nothing."""

from dataclasses import replace

import numpy as np
import pytest

from eksplora.statistics.contrast import contrast, sample_of_column
from eksplora.statistics.equivalence import Apart
from eksplora.statistics.evidence import against_zero, apart_in_words, most_needed
from eksplora.statistics.generalization import Sample, Scope
from eksplora.statistics.judgement import Finding
from eksplora.statistics.paired import least_pairs, sign_flip
from eksplora.statistics.verdict import Comparison, Verdict

ABOVE = np.array([0.2, 0.3, 0.1, 0.4, 0.25, 0.15, 0.35, 0.3])
SEEN = Comparison(
    difference=0.1,
    interval=None,
    p=0.3,
    num_pairs=8,
    smallest_p=0.0078125,
    verdict=Verdict.NOT_DISTINGUISHABLE,
    members_needed=9,
    effect=None,
    alpha=0.05,
)


@pytest.mark.parametrize(
    ("values", "sign", "expected"),
    [
        (ABOVE, 1, Finding.REPLICATED),
        (ABOVE, -1, Finding.NOT_REPLICATED),
        (-ABOVE, 1, Finding.NOT_REPLICATED),
        (-ABOVE, -1, Finding.REPLICATED),
        (ABOVE * [1, -1, 1, -1, 1, -1, 1, -1], 1, Finding.NOT_DISTINGUISHABLE),
    ],
)
def test_a_mean_on_the_side_that_is_claimed_shows_and_on_the_other_refutes(
    values: np.ndarray, sign: int, expected: Finding
) -> None:
    found = against_zero(contrast(sample_of_column(values)), "it is so", 0.05, sign=sign)
    assert found.finding is expected
    p = sign_flip(values)
    is_as_said = sign * values.mean() > 0
    assert (found.showing_p, found.refuting_p) == ((p, 1.0) if is_as_said else (1.0, p))
    assert found.evidence[0] == f"it is so (p = {p:.3g}, 8 members)"


def test_a_mean_for_other_rows_is_judged_by_its_error() -> None:
    found = contrast(Sample(ABOVE, np.arange(8), ratio=0.25, num_rows=100))
    judged = against_zero(found, "it is so", 0.05, unit="split")
    assert judged.showing_p == found.p and judged.scopes == (Scope.DATA,)
    assert judged.evidence[0].endswith(", 8 splits)")


def test_members_too_few_for_the_level_are_told_how_many_can() -> None:
    found = against_zero(contrast(sample_of_column(ABOVE[:3])), "it is so", 0.05)
    assert found.finding is Finding.NOT_DISTINGUISHABLE
    assert found.evidence[0] == "it is so (p = 0.25, 3 members); 3 members cannot reach the 0.05 level: 6 or more can"
    assert found.members_needed == least_pairs(0.05) == 6


def test_another_test_may_refute_and_more_evidence_stands_beside() -> None:
    found = against_zero(contrast(sample_of_column(ABOVE)), "it is so", 0.05, refuting=0.01, beside=["so it is"])
    assert found.finding is Finding.NOT_REPLICATED
    assert found.refuting_p == 0.01 and found.evidence[1] == "so it is"


@pytest.mark.parametrize(
    ("inside", "outside", "said"),
    [
        (0.01, 1.0, "at most"),
        (1.0, 0.01, "more than"),
        (0.2, 0.3, "perhaps more than"),
        (0.9, 0.02, "perhaps more than"),
    ],
)
def test_a_distance_lies_beyond_a_margin_at_bonferronis_level_only(inside: float, outside: float, said: str) -> None:
    one = Apart(0.5, (0.2, 0.8), inside, outside, Scope.DATA, (None, None))
    sentence = apart_in_words(one, "a and b", 0.6, 3, 0.05)
    assert sentence == f"a and b differ by 0.5 [0.2, 0.8]: {said} 0.6, p = {inside:.3g}"
    assert "no interval" in apart_in_words(replace(one, interval=None), "a and b", 0.6, 3, 0.05)


def test_what_would_decide_several_is_the_most_that_one_of_them_needs() -> None:
    other = replace(SEEN, members_needed=40, scope=Scope.DATA, rows_needed=900)
    assert most_needed([other, replace(other, members_needed=70, rows_needed=500)]) == (70, 900)
    assert most_needed([other, replace(other, members_needed=None)]) == (None, 900)
    assert most_needed([SEEN, other]) == (40, None), "more rows decide nothing on these rows"


def test_no_fewer_members_than_the_exact_test_needs_for_so_many_comparisons() -> None:
    assert most_needed([replace(SEEN, num_comparisons=100)])[0] == least_pairs(0.05 / 100) == 12
    assert most_needed([replace(SEEN, num_comparisons=100, scope=Scope.DATA)])[0] == 9
