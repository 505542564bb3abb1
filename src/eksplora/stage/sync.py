"""Fill MLflow from the spools of all studies."""

from pathlib import Path

from eksplora.config import Request
from eksplora.console.work import Work, begin
from eksplora.errors import StorageError, UserError
from eksplora.study.setup import tracker_of
from eksplora.study.sync import sync_all
from eksplora.tracker.base import Unreachable


def sync(request: Request) -> None:
    """Replay what MLflow does not have; what a kill left open is put right.

    Raises:
        StorageError: If something is left, after all studies were tried; it says what and why.
    """
    tracker = tracker_of(request.config)
    begin(request.root, "MLflow")
    if moved := tracker.relocated():
        print(f"The project was moved or copied: the files of {moved} runs are looked for where they lie now.")
    failed: list[str] = []
    sent: list[str] = []
    try:
        with Work("sync MLflow") as work:
            work.step("looking at the studies")
            for name, outcome in sync_all(tracker, Path(request.settings.paths.mlruns) / "studies", counts_runs=True):
                if isinstance(outcome, UserError):
                    failed.append(f"{name}: {outcome}")
                elif outcome:
                    sent.append(f"{name}: {outcome} events sent")
                    work.step(f"{name} is in; {len(sent)} studies so far")
    except Unreachable as error:
        failed.append(str(error))
    for line in sent:
        print(line)
    if failed:
        raise StorageError(" ".join([f"{len(failed)} studies are left:"] * (len(failed) > 1) + failed))
    if not sent:
        print("MLflow has everything already.")
