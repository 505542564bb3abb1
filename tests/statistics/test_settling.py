"""Members and rows that would settle a question, against the formulas of their errors."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from scipy import stats

from eksplora.statistics.generalization import Method, Sample, Scope, Uncertain, uncertain
from eksplora.statistics.power import rows_needed, splits_needed
from eksplora.statistics.settling import more, settling

VALUES = np.array([1.0, 2.0, 3.0, 2.5, 1.5])
SAMPLE = Sample(VALUES, np.arange(5), ratio=0.25, num_rows=100)
FOUND = Uncertain(0.3, 0.2, 9.0, Scope.NEW_ROWS, Method.LEFT_OUT, VALUES)


@pytest.mark.parametrize("room", [0.05, 0.3, 0.9])
def test_rows_alone_settle_where_no_part_of_the_error_is_of_seeds(room: float) -> None:
    wanted = stats.norm.isf(0.025) + stats.norm.ppf(0.8)
    assert settling(FOUND, SAMPLE, room, alpha=0.05) == (None, ceil(100 * (wanted * 0.2 / room) ** 2))


def test_seeds_are_a_part_of_the_error_that_members_lower_and_rows_do_not() -> None:
    members, rows = settling(replace(FOUND, seeds=0.25), SAMPLE, 0.5, alpha=0.05)
    wanted, t = stats.norm.isf(0.025) + stats.norm.ppf(0.8), 0.5 / 0.2
    assert members == ceil(5 * 0.25 / ((t / wanted) ** 2 - 0.75))
    assert rows == ceil(100 * 0.75 / ((t / wanted) ** 2 - 0.25))


def test_no_number_of_members_suffices_where_rows_leave_too_much() -> None:
    assert settling(replace(FOUND, seeds=0.1), SAMPLE, 0.3, alpha=0.05)[0] is None


def test_splits_that_overlap_are_settled_by_more_of_them() -> None:
    found = uncertain(SAMPLE)
    assert found.method is Method.RESAMPLED
    members, rows = settling(found, SAMPLE, 2.5, alpha=0.05)
    assert members == splits_needed(VALUES + 0.5, 0.25)
    assert rows == rows_needed(2.5 / found.error, 100)


@pytest.mark.parametrize("error", [0.0, None])
def test_nothing_settles_what_has_no_error(error: float | None) -> None:
    assert settling(replace(FOUND, error=error), SAMPLE, 0.3, alpha=0.05) == (None, None)


@pytest.mark.parametrize("room", [0.0, -0.1])
def test_nothing_settles_a_distance_of_none(room: float) -> None:
    assert settling(FOUND, SAMPLE, room, alpha=0.05) == (None, None)


def test_a_higher_chance_and_a_stricter_level_need_more() -> None:
    usual = settling(FOUND, SAMPLE, 0.3, alpha=0.05)[1]
    stricter = settling(FOUND, SAMPLE, 0.3, alpha=0.01)[1]
    surer = settling(FOUND, SAMPLE, 0.3, alpha=0.05, power=0.95)[1]
    assert usual is not None and stricter is not None and surer is not None
    assert usual < stricter and usual < surer


@pytest.mark.parametrize(
    ("needed", "expected"),
    [((None, None), (None, None)), ((3, 50), (6, 101)), ((8, 400), (8, 400)), ((5, None), (6, None))],
)
def test_a_question_that_is_open_needs_more_than_there_is(
    needed: tuple[int | None, int | None], expected: tuple[int | None, int | None]
) -> None:
    assert more(needed, SAMPLE) == expected
