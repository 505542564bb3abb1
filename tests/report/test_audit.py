"""The section on the search as a whole."""

from typing import Any

import pytest
from handed_on import document, page, sections

from eksplora.report.block import Block, Note, TableBlock
from eksplora.report.number import share

AUDITED: dict[str, Any] = {
    **{"experiment": "boston_mlp", "headline": "This search yields mae 2.5.", "metric": "mae", "direction": "minimize"},
    **{"alpha": 0.05, "members": 8, "yields": {"mean": 2.5, "low": 2.0, "high": 3.0}, "own": {"mean": 2.75}},
    **{"versus_own": {"in_words": "the choice of the search is better"}, "worse": 1, "worse_by": 0.125},
    **{"worse_share": {"mean": 0.5, "low": 0.1, "high": 0.9}, "search_optimism": {"mean": 0.25}},
    **{"confirm_optimism": {"mean": -0.0625, "low": -0.5, "high": 0.375}},
    "splits": [
        {
            **{"number": number, "rows": 202, "inner_rows": 202, "chosen": chosen, "values": values},
            **{"found": 2.25, "confirmed": 2.4, "outer": 2.5, "own": own},
        }
        for number, chosen, values, own in ((1, "trial-3", {"optimizer.lr": 0.01}, 2.375), (2, "baseline", {}, 2.5))
    ],
}


def section(facts: dict[str, Any]) -> list[Block]:
    return list(next(one for one in sections(facts) if one.key == "audit").blocks)


def test_an_audit_is_shown_with_every_outer_split(boston: dict[str, Any]) -> None:
    boston["audited"] = AUDITED
    estimates, splits = (block for block in section(boston) if isinstance(block, TableBlock))
    assert [row["mean"] for row in estimates.rows] == [2.5, 2.75, 0.25, -0.0625]
    assert [row["outer rows say"] for row in splits.rows] == [2.5, 2.5]
    assert splits.rows[1]["searched values"] == "the experiment's own"
    text = page(boston)
    interval = f"{share(0.5)}, 95% interval {share(0.1)} to {share(0.9)}"
    assert f"the experiment's own configuration in 1 of 2 outer splits ({interval}), by 0.1250 on average" in text
    assert AUDITED["headline"] in text and "the choice of the search is better." in text
    assert AUDITED["headline"] in document(boston)


def test_a_search_that_was_never_worse_states_no_amount(boston: dict[str, Any]) -> None:
    boston["audited"] = AUDITED | {"worse": 0, "worse_by": None, "worse_share": {"mean": 0.0}}
    assert f"in 0 of 2 outer splits ({share(0)})." in page(boston)


@pytest.mark.parametrize("given", ["digits", "boston"])
def test_where_there_was_no_audit_the_section_says_how_to_run_one(given: str, request: pytest.FixtureRequest) -> None:
    (note,) = section(request.getfixturevalue(given))
    assert isinstance(note, Note)
    assert "pipelines/audit.py experiment=" in note.text or "eksplora audit" in note.text
