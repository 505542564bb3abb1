"""Claims that so many members can decide, whatever they measure."""

from collections.abc import Collection, Mapping
from typing import Any

from eksplora.statistics.equivalence import LEAST_ALIKE
from eksplora.statistics.paired import smallest_p


def least_p(claim: Mapping[str, Any], *, rows: int, members: int, by_rows: Collection[str] = ()) -> tuple[float, float]:
    """The least p with which so many members can show a claim, and with which any part of it that is false refutes it.

    Above alpha, the claim cannot be decided that way, whatever the members say. Sign flips of n members reach 2 / 2^n;
    refuting is corrected for the comparisons of a form (Holm) and for the claims that are joined. The t tests of
    `alike` reach any p from 3 members on, those over many rows from one.

    Args:
        claim: Of the forms of `Judge`.
        rows: Rows of the study that it is about.
        members: Of each row; of `ratio` the measurements that are not copies of one another.
        by_rows: The columns whose losses are known row by row.

    Examples:
        >>> claim = {"better": {"rows": ["a"], "than": ["b", "c"], "column": "test"}}
        >>> least_p(claim, rows=3, members=6), least_p(claim, rows=3, members=1, by_rows=["test"])
        ((0.03125, 0.0625), (0.0, 0.0))
    """
    ((form, said),) = claim.items()
    if form == "all":
        parts = [least_p(part, rows=rows, members=members, by_rows=by_rows) for part in said]
        return max(shown for shown, _ in parts), min(1.0, len(parts) * max(refuted for _, refuted in parts))
    if form != "ratio" and said["column"] in by_rows:
        return 0.0, 0.0
    if form == "alike":
        return (0.0, 0.0) if members >= LEAST_ALIKE else (1.0, 1.0)
    named = len(said.get("rows", ()))
    counts = {
        "better": named * len(said.get("than", ())),
        "worse": named * len(said.get("than", ())),
        "best": rows - 1,
        "below": named,
        "above": named,
    }
    return smallest_p(members), min(1.0, counts.get(form, 1) * smallest_p(members))
