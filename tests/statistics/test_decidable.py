"""What so many members can decide is what the judge decides of members that all agree."""

from typing import Any

import numpy as np
import pytest

from eksplora.statistics.claim import Judge
from eksplora.statistics.decidable import least_p
from eksplora.statistics.judgement import Finding

DECIDED: list[tuple[dict[str, Any], dict[str, float], dict[str, float]]] = [
    (
        {"better": {"rows": ["a"], "than": ["b", "c"], "column": "x"}},
        {"a": 2, "b": 1, "c": 1},
        {"a": 2, "b": 3, "c": 1},
    ),
    ({"worse": {"rows": ["a", "b"], "than": ["c"], "column": "x"}}, {"a": 1, "b": 1, "c": 2}, {"a": 1, "b": 3, "c": 2}),
    ({"best": {"row": "a", "column": "x"}}, {"a": 3, "b": 2, "c": 1}, {"a": 3, "b": 4, "c": 1}),
    ({"rises": {"rows": ["a", "b", "c"], "column": "x"}}, {"a": 1, "b": 2, "c": 3}, {"a": 3, "b": 2, "c": 1}),
    ({"below": {"rows": ["a", "b"], "bound": 5, "column": "x"}}, {"a": 1, "b": 2, "c": 0}, {"a": 1, "b": 7, "c": 0}),
    ({"alike": {"rows": ["a", "b"], "within": 1, "column": "x"}}, {"a": 1, "b": 1.1, "c": 0}, {"a": 1, "b": 9, "c": 0}),
    (
        {
            "all": [
                {"best": {"row": "a", "column": "x"}},
                {"rises": {"rows": ["c", "b"], "column": "x"}},
                {"above": {"rows": ["a"], "bound": 0, "column": "x"}},
            ]
        },
        {"a": 3, "b": 2, "c": 1},
        {"a": 3, "b": 4, "c": 1},
    ),
]
"""Claims, levels of rows by which they hold, and levels by which one of their comparisons alone does not."""


@pytest.mark.parametrize("members", range(3, 12))
@pytest.mark.parametrize(("claim", "holding", "failing"), DECIDED, ids=lambda one: next(iter(one)))
def test_what_can_be_decided_is_what_the_judge_decides_of_members_that_all_agree(
    claim: dict[str, Any], holding: dict[str, float], failing: dict[str, float], members: int
) -> None:
    shown, refuted = least_p(claim, rows=3, members=members)
    noise = np.random.default_rng(0).uniform(0, 0.01, (3, members))
    for levels, wanted, least in ((holding, Finding.REPLICATED, shown), (failing, Finding.NOT_REPLICATED, refuted)):
        rows = {row: {"x": list(level + noise[place])} for place, (row, level) in enumerate(levels.items())}
        found = Judge(rows, {"x": "maximize"}, 0.05)(claim).finding
        assert (found is wanted) == (least <= 0.05)


def test_one_member_decides_by_its_rows_but_not_without() -> None:
    claim = {"all": [{"best": {"row": "a", "column": "test"}}, {"rises": {"rows": ["a", "b"], "column": "train"}}]}
    assert least_p(claim["all"][0], rows=3, members=1, by_rows=["test"]) == (0.0, 0.0)
    assert least_p(claim, rows=3, members=1, by_rows=["test"]) == (1.0, 1.0)
    assert least_p(claim, rows=3, members=8, by_rows=["test"])[0] == 2 / 2**8
