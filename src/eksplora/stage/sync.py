"""The stage `sync`: MLflow is filled from the spools of all studies."""

from collections.abc import Iterator
from pathlib import Path

from eksplora.build import Request, part
from eksplora.errors import EksploraError, StudyError
from eksplora.stage._lock import hold
from eksplora.tracker._base import Tracker


def sync(request: Request) -> None:
    """Replay what MLflow does not have yet; what a kill left open is put right.

    Raises:
        EksploraError: If the tracking server cannot be reached.
    """
    tracker: Tracker = part(request.config, "tracker")
    for spool, count in sync_all(tracker, Path(request.settings.paths.mlruns) / "studies"):
        print(f"{spool.parent.name}: {count} events sent")


def sync_all(tracker: Tracker, studies: Path) -> Iterator[tuple[Path, int]]:
    """Replay the spool of every study that no driver runs now; yields each spool with the number of events sent."""
    for spool in sorted(studies.glob("*/spool.jsonl")):
        try:
            with hold(spool.parent):
                yield spool, tracker.sync(spool, is_over=True)
        except StudyError:
            continue  # its own driver keeps MLflow up to date


__all__ = ["EksploraError", "sync", "sync_all"]
