"""Bringing studies into MLflow whose drivers are gone."""

from collections.abc import Iterator
from pathlib import Path

from eksplora.errors import StorageError, UserError
from eksplora.events import spool as spools
from eksplora.events.event import Stop
from eksplora.study.lock import StudyInUse, hold
from eksplora.tracker.base import Tracker, Unreachable
from eksplora.types import Status


def sync_all(tracker: Tracker, studies: Path, *, counts_runs: bool) -> Iterator[tuple[str, int | UserError]]:
    """Bring every study that no driver runs now into MLflow.

    Args:
        tracker: Where to.
        studies: The folder of all studies.
        counts_runs: Whether to look for runs that somebody deleted in MLflow, too.

    Yields:
        The name of each study that was behind, with the number of events that were sent, or why it is left.

    Raises:
        StorageError: If MLflow cannot be used at all.
    """
    left: list[Path] = []
    for spool in sorted(studies.glob("*/spool.jsonl")):
        try:
            _check_no_link(spool)
            with hold(spool.parent, waits=False):  # for a moment only: its own driver may want to start
                close_if_killed(spool)
            left.append(spool)
        except StudyInUse:
            continue  # its own driver keeps MLflow up to date
        except UserError as error:
            yield spool.parent.name, error
        except OSError as error:
            yield spool.parent.name, StorageError(f"{spool} cannot be read ({error.strerror}). Change its rights.")
    # Without the locks: uploading may take long, and a driver of such a study syncs it itself.
    for spool in tracker.behind(left, counts_runs=counts_runs):
        try:
            yield spool.parent.name, tracker.sync(spool, is_over=True)
        except Unreachable:
            raise
        except UserError as error:
            yield spool.parent.name, error


def _check_no_link(spool: Path) -> None:
    """Refuse a study that lies elsewhere, or whose spool is no file: reading it could go anywhere, or never end."""
    if spool.parent.is_symlink() or spool.is_symlink() or not spool.is_file():
        raise StorageError(f"{spool} is no file of its own, or behind a symbolic link. Put the file itself there.")


def close_if_killed(path: Path) -> None:
    """Note the end that a killed driver could not note.

    Raises:
        UserError: If the spool cannot be read or written.
    """
    event = spools.last(path)
    if event is None or event.kind in ("stop", *spools.ADDITIONS):
        return
    spool = spools.Spool(path)
    stop = Stop(Status.INTERRUPTED, "the driver was killed", metrics={}, tags={}, artifacts={}, best_artifacts={})
    spool.append(stop, durable=True)
    spool.close()
