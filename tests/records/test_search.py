"""What a search hands on, also as earlier versions wrote it."""

import json

from eksplora.records.record import from_json, to_json
from eksplora.records.search import SearchRecord, TrialRecord
from eksplora.types import Command

LEAST = {"study": "wine-tpe", "trials": {"finished": 2}, "members": "1 seed", "ranked": []}


def read(text: str) -> SearchRecord:
    return from_json(text, SearchRecord, source="it", way_out="")


def test_the_best_trial_of_an_earlier_version_was_a_row_of_the_table() -> None:
    row = {"trial": 1, "status": "finished", "val/mae": 0.5, "std": None, "members": 1, "epochs": 3, "seconds": 1.5}
    earlier = {**LEAST, "metric": "val/mae", "best": {**row, "repeats": None, "optimizer.lr": 0.1}}
    best = TrialRecord(trial=1, status="finished", value=0.5, epochs=3, seconds=1.5, values={"optimizer.lr": 0.1})
    assert read(json.dumps(earlier)).best == best


def test_what_is_written_is_read_back_and_what_a_newer_version_adds_is_passed_over() -> None:
    trial = TrialRecord(trial=0, value=1.0, members=[1.0], values={"model.widths": [8, 8], "optimizer": "sgd"})
    known = SearchRecord(
        **{**LEAST, "best": trial, "all_trials": [trial], "command": Command("search", ["a=b"], {"X": "1"})}  # type: ignore[arg-type]
    )
    assert read(to_json(known)) == known
    newer = json.loads(to_json(known)) | {"added": {"later": 1}}
    newer["best"]["added"] = 1
    assert read(json.dumps(newer)) == known
