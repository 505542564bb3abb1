"""What a study's folder remembers, compared with what is asked now."""

from pathlib import Path

from eksplora.errors import StudyError
from eksplora.stage._definition import Definition
from eksplora.stage._ledger import Ledger
from eksplora.tracker import spool as spools

MOST_SHOWN = 4
"""Differences that an error lists."""


def recall(path: Path, ledger: Ledger, definition: Definition) -> str | None:
    """Fill the ledger from the spool; returns the study's id, or None for a new study.

    Raises:
        StudyError: If the recorded study differs from the one that is asked for.
    """
    if not path.exists() or not path.stat().st_size:
        return None
    events = list(spools.read(path))
    if not events:
        return None
    first = events[0].data
    differences = definition.differences(first["definition"])
    if differences:
        shown = "; ".join(differences[:MOST_SHOWN])
        more = f"; and {len(differences) - MOST_SHOWN} more" if len(differences) > MOST_SHOWN else ""
        raise StudyError(
            f"study '{first['name']}' was begun with other settings ({shown}{more}). "
            "Give the changed one a name of its own: study.name=<new name>."
        )
    ledger.replay((event.kind, event.data) for event in events)
    return str(first["id"])


def is_over(ledger: Ledger, num_trials: int | None, num_points: int | None) -> bool:
    """Whether the budget is spent and every trial has its final status."""
    budget = min(limit for limit in (num_trials, num_points) if limit is not None)
    return ledger.num_over == len(ledger.trials) >= budget
