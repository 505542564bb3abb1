"""Findings on claims: what is shown, what is refuted, and what several of them say together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksplora.statistics.correction import holm
from eksplora.statistics.generalization import Scope
from eksplora.statistics.judgement import Finding, Judgement, joined, judged_together, judgement, largest

SHOWN = Judgement(Finding.REPLICATED, ("a",), refuting_p=1.0, showing_p=0.01, scopes=(Scope.DATA,))
REFUTED = Judgement(Finding.NOT_REPLICATED, ("b",), refuting_p=0.004, showing_p=1.0, scopes=(Scope.DATA,))
OPEN = Judgement(Finding.NOT_DISTINGUISHABLE, ("c",), 12, 300, 1.0, 0.2, (Scope.THESE_ROWS,))
p_values = st.floats(0, 1)


@pytest.mark.parametrize(
    ("shown", "refuted", "expected"),
    [
        (True, False, Finding.REPLICATED),
        (False, True, Finding.NOT_REPLICATED),
        (True, True, Finding.NOT_REPLICATED),
        (False, False, Finding.NOT_DISTINGUISHABLE),
    ],
)
def test_one_opposite_refutes_and_nothing_shown_leaves_open(shown: bool, refuted: bool, expected: Finding) -> None:
    found = judgement(["a"], shown=shown, refuted=refuted, ps=(0.2, 0.3), scopes=[Scope.DATA, Scope.DATA])
    assert found.finding is expected
    assert (found.showing_p, found.refuting_p, found.p) == (0.2, 0.3, 0.2)
    assert found.scopes == (Scope.DATA,)


def test_numbers_that_would_decide_stand_beside_open_findings_only() -> None:
    is_open, is_shown = (
        judgement(["a"], shown=shown, refuted=False, ps=(0.2, 1.0), scopes=[], needed=(12, 300))
        for shown in (False, True)
    )
    assert (is_open.members_needed, is_open.rows_needed) == (12, 300)
    assert (is_shown.members_needed, is_shown.rows_needed) == (None, None)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([SHOWN, SHOWN], Finding.REPLICATED),
        ([SHOWN, OPEN], Finding.NOT_DISTINGUISHABLE),
        ([SHOWN, REFUTED], Finding.NOT_REPLICATED),
        ([OPEN, REFUTED], Finding.NOT_REPLICATED),
    ],
)
def test_a_conjunction_needs_all_of_its_parts_and_falls_with_one(parts: list[Judgement], expected: Finding) -> None:
    found = joined(parts, 0.05)
    assert found.finding is expected
    assert found.evidence == tuple(sentence for part in parts for sentence in part.evidence)
    assert found.showing_p == max(part.showing_p for part in parts)


def test_a_part_refutes_a_conjunction_at_holms_level_only() -> None:
    barely = Judgement(Finding.NOT_REPLICATED, ("b",), refuting_p=0.02, showing_p=1.0)
    assert joined([barely], 0.05).finding is Finding.NOT_REPLICATED
    found = joined([barely, SHOWN, SHOWN], 0.05)
    assert found.refuting_p == pytest.approx(0.06)
    assert found.finding is Finding.NOT_DISTINGUISHABLE


def test_an_open_conjunction_needs_the_most_of_its_open_parts() -> None:
    other = Judgement(Finding.NOT_DISTINGUISHABLE, ("d",), 20, None)
    assert (joined([SHOWN, OPEN], 0.05).members_needed, joined([SHOWN, OPEN], 0.05).rows_needed) == (12, 300)
    assert (joined([other, OPEN], 0.05).members_needed, joined([other, OPEN], 0.05).rows_needed) == (20, None)


@given(st.lists(st.tuples(p_values, p_values), max_size=8), st.floats(0.001, 0.5))
def test_findings_that_stand_together_are_those_that_holm_rejects(ps: list[tuple[float, float]], alpha: float) -> None:
    alone = [Judgement(Finding.REPLICATED, (), showing_p=own, refuting_p=other) for own, other in ps]
    together = judged_together(alone, alpha)
    kept = [finding is Finding.REPLICATED for finding in together]
    assert kept == ([bool(p <= alpha) for p in holm([min(pair) for pair in ps])] if ps else [])


@pytest.mark.parametrize(("numbers", "expected"), [([], None), ([3], 3), ([3, 8, 5], 8), ([3, None], None)])
def test_the_largest_is_unknown_where_one_is(numbers: list[int | None], expected: int | None) -> None:
    assert largest(numbers) == expected
