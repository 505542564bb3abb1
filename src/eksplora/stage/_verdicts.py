"""What a search may say of its best trials: compared with each other and with the experiment's own configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from eksplora.stage._ledger import Ledger
from eksplora.stage._narrowing import values_of
from eksplora.statistics.verdict import compare_all, in_words

MOST_COMPARED = 3
"""Best trials that are compared: each further one makes the correction harder for all."""


def verdicts(ledger: Ledger, reference: Sequence[float] | None) -> list[dict[str, Any]]:
    """Each of the best trials against the best one, and each against the baseline; Holm over each of the two families.

    The values are those that the best were chosen by, so they flatter: the stage `confirm` compares on fresh members.

    Args:
        ledger: The trials.
        reference: The objective of the baseline's members, the same as the trials'; None where it was not trained.
    """
    best = ledger.ranked(ledger.trials.values())[:MOST_COMPARED]
    values = {f"trial-{trial.number}": values_of(trial) for trial in best}
    if not best or len(next(iter(values.values()))) < 2:
        return []
    first = next(iter(values))
    found = _against(first, values[first], {name: own for name, own in values.items() if name != first}, ledger)
    return found + (_against("baseline", reference, values, ledger) if reference is not None else [])


def _against(
    reference: str, known: Sequence[float], values: Mapping[str, Sequence[float]], ledger: Ledger
) -> list[dict[str, Any]]:
    """Each of some trials against a reference, in numbers and in words."""
    if not values:
        return []
    compared = compare_all([(own, known) for own in values.values()], direction=ledger.direction)
    return [
        {
            "name": name,
            "against": reference,
            **asdict(one),
            "verdict": str(one.verdict),
            "in_words": in_words(one, name=name, reference=reference),
        }
        for name, one in zip(values, compared, strict=True)
    ]
