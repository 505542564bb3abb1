"""The stage `sync`: MLflow is filled from the spools of all studies."""

from collections.abc import Iterator
from pathlib import Path

from eksplora.build import Request, part
from eksplora.console.work import Work
from eksplora.errors import StudyError
from eksplora.stage._begin import begin
from eksplora.stage._lock import hold
from eksplora.tracker import spool as spools
from eksplora.tracker._base import Tracker


def sync(request: Request) -> None:
    """Replay what MLflow does not have yet; what a kill left open is put right.

    Raises:
        StorageError: If MLflow does not take it.
    """
    tracker: Tracker = part(request.config, "tracker")
    begin(request, "MLflow")
    sent = list[tuple[str, int]]()
    with Work("sync MLflow") as work:
        work.step("looking at the studies")
        for name, count in sync_all(tracker, Path(request.settings.paths.mlruns) / "studies"):
            sent.append((name, count))
            work.step(f"{name} is in; {len(sent)} studies, {sum(events for _, events in sent)} events so far")
    for name, count in sent:
        print(f"{name}: {count} events sent")
    if not sent:
        print("MLflow has everything already.")


def sync_all(tracker: Tracker, studies: Path) -> Iterator[tuple[str, int]]:
    """Bring every study that no driver runs now into MLflow; yields those that were behind, with the events sent."""
    for spool in sorted(studies.glob("*/spool.jsonl")):
        try:
            with hold(spool.parent, waits=False):  # for a moment only: its own driver may want to start
                close_if_killed(spool)
        except StudyError:
            continue  # its own driver keeps MLflow up to date
        if not tracker.is_level(spool):
            yield spool.parent.name, tracker.sync(spool, is_over=True)


def close_if_killed(path: Path) -> None:
    """Note the end that a killed driver could not note."""
    event = spools.last(path)
    if event is None or event.kind in ("stop", *spools.ADDITIONS):
        return
    spool = spools.Spool(path)
    spool.append(
        "stop",
        durable=True,
        status="interrupted",
        message="the driver was killed",
        metrics={},
        tags={},
        artifacts={},
        best_trial=None,
        best_artifacts={},
    )
    spool.close()
