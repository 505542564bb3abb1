"""What a search may say of its best trials: compared with each other and with the experiment's own configuration."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from eksplora.stage._ledger import Ledger
from eksplora.stage._narrowing import values_of
from eksplora.statistics.verdict import compare_rows, in_words

MOST_COMPARED = 3
"""Best trials that are compared: each further one makes the correction harder for all."""


def verdicts(ledger: Ledger, reference: Sequence[float] | None) -> list[dict[str, Any]]:
    """Each of the best trials against the best one, and each against the baseline; all pairs judged together.

    The values are those that the best were chosen by, so they flatter: the stage `confirm` compares on fresh members.

    Args:
        ledger: The trials.
        reference: The objective of the baseline's members, the same as the trials'; None where it was not trained.
    """
    best = ledger.ranked(ledger.trials.values())[:MOST_COMPARED]
    values = {f"trial-{trial.number}": values_of(trial) for trial in best}
    if not best or len(next(iter(values.values()))) < 2:
        return []
    first, *others = names = list(values)
    asked = [(name, first) for name in others] + [(name, "baseline") for name in names if reference is not None]
    rows = {**values, **({} if reference is None else {"baseline": reference})}
    places = {name: place for place, name in enumerate(rows)}
    pairs = [(places[name], places[other]) for name, other in asked]
    compared = compare_rows(list(rows.values()), pairs, direction=ledger.direction)
    return [
        {
            "name": name,
            "against": other,
            **asdict(one),
            "verdict": str(one.verdict),
            "in_words": in_words(one, name=name, reference=other),
        }
        for (name, other), one in zip(asked, compared, strict=True)
    ]
