from pathlib import Path

from eksplora.tracker.base import Tracker
from eksplora.tracker.mlflow import MlflowTracker
from eksplora.tracker.off import OffTracker


def test_off_offers_all_that_a_tracker_has() -> None:
    names = {name for name in vars(Tracker) if not name.startswith("_")}
    assert names == {name for name in vars(OffTracker) if not name.startswith("_")}
    assert names == {name for name in vars(MlflowTracker) if not name.startswith("_")}


def test_off_writes_nothing_and_is_always_done(tmp_path: Path) -> None:
    off = OffTracker()
    off.start(tmp_path / "spool")
    off.notify()
    assert off.sync(tmp_path / "spool", is_over=True) == 0
    assert off.finish(0.0) is True
    assert off.where("study") == ""
    assert off.problem is None
    assert list(tmp_path.iterdir()) == []
