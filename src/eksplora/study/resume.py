"""Resumption: a study's recorded state, compared with the request."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from eksplora.errors import StudyError
from eksplora.events import spool as spools
from eksplora.events.event import StudyEvent
from eksplora.study.definition import Definition
from eksplora.study.ledger import Ledger
from eksplora.types import MemberResult
from eksplora.untrusted import path_inside

MOST_SHOWN = 4
"""Differences that an error lists."""


def recall(path: Path, ledger: Ledger, definition: Definition) -> str | None:
    """Fill the ledger from the spool; returns the study's id, or None for a new study.

    Raises:
        StudyError: If the recorded study differs from the one that is asked for, or its events do not fit each other.
        DataError: If an event says what no event of its kind says.
    """
    if not path.exists() or not path.stat().st_size:
        return None
    _check_no_links(path.parent)
    bodies = [event.body for event in spools.read(path)]
    if not bodies:
        return None
    with spools.consistent(path):
        first = bodies[0]
        assert isinstance(first, StudyEvent)
        # Before the replay: events of another study would only confuse the message.
        _check_same(first.name, definition.differences(first.definition or {}))
        ledger.replay(bodies)
        ledger.locate(lambda result: _here(result, path))
        return first.id


def _check_no_links(folder: Path) -> None:
    """Refuse a study's folder with symbolic links in it: what goes on there would be written elsewhere."""
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path_inside(Path(root), name, source=f"the study {folder.name}")


def _check_same(name: str, differences: Sequence[str]) -> None:
    if differences:
        shown = "; ".join(differences[:MOST_SHOWN])
        more = f"; and {len(differences) - MOST_SHOWN} more" if len(differences) > MOST_SHOWN else ""
        raise StudyError(
            f"study '{name}' was begun with other settings ({shown}{more}). "
            "Give the changed one a name of its own: study.name=<new name>."
        )


def _here(result: MemberResult, spool: Path) -> MemberResult:
    """A recorded result with its weights in the study's own folder, wherever the record says that they lie."""
    if result.weights is None:
        return result
    own = f"trials/{result.trial:04d}/member-{result.member}/{Path(result.weights).name}"
    return replace(result, weights=str(path_inside(spool.parent, own, source=spool)))


def is_over(ledger: Ledger, num_trials: int | None, num_points: int | None) -> bool:
    """Whether the budget is spent and every trial has its final status."""
    budget = min(limit for limit in (num_trials, num_points) if limit is not None)
    return ledger.num_over == len(ledger.trials) >= budget
