"""What stages hand on, and what they say where it cannot be written or read."""

import json
from pathlib import Path

import confirming
import pytest

from eksplora.errors import DataError, StorageError
from eksplora.files import write_file
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.folder import read_record
from eksplora.records.record import to_json

CONFIRMED = {
    "studies": {"confirm": "a", "final": "b"},
    "provenance": {"git.commit": "c0ffee"},
    "experiment": "wine_mlp",
    "headline": "Chosen: baseline.",
    "metric": "val/accuracy",
    "direction": "maximize",
    "chosen": "baseline",
    "configurations": [{"name": "baseline", "key": "k", "values": {}}],
    "final": {"key": "k", "weights_sha256": ["0"]},
}


@pytest.mark.parametrize(
    ("stage", "overrides", "place"),
    [
        ("search", ["paths.results=file"], "file/wine_mlp-tpe"),
        ("search", ["output=file/x"], "file/x/config.yaml"),
        ("confirm", ["output=file"], "file/confirm"),
        ("evaluate", ["output=file"], "file/evaluate"),
        ("explain", ["output=file/x"], "file/x/explain"),
    ],
)
def test_no_stage_trains_for_a_place_that_cannot_be_written(
    stage: str, overrides: list[str], place: str, tmp_path: Path, prepared: str
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError, match=rf"^{place}[\w-]*: cannot be written \(Not a directory\)"):
        confirming.run(tmp_path, stage, "experiment=wine_mlp", prepared, "tracker=off", *overrides)
    assert not list(tmp_path.rglob("spool.jsonl")) and (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "is missing: the stage confirm has not ended"),
        ("{", r"cannot be read \(Invalid JSON: EOF while parsing"),
        ("[1]", r"cannot be read \("),
        ("\udcff", r"cannot be read \(Invalid JSON: "),
        (json.dumps({key: value for key, value in CONFIRMED.items() if key != "final"}), r"cannot be read \(final: "),
        (json.dumps(CONFIRMED | {"configurations": []}), r"cannot be read \(configurations is empty\)"),
        (json.dumps(CONFIRMED | {"studies": {"final": "../x"}}), r"cannot be read \(studies is "),
    ],
)
def test_facts_that_are_not_there_are_answered_with_the_command_that_makes_them(
    tmp_path: Path, text: str | None, expected: str
) -> None:
    if text is not None:
        (tmp_path / "confirm").mkdir()
        (tmp_path / "confirm/confirm.json").write_text(text, errors="surrogateescape")
    way_out = r"Run the stage before: python pipelines/confirm\.py experiment=wine_mlp, or dvc repro\.$"
    with pytest.raises(DataError, match=rf"^{tmp_path}/confirm/confirm\.json {expected}.*\. {way_out}"):
        read_record(tmp_path, ConfirmRecord, experiment="wine_mlp")


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    facts = CONFIRMED | {"headline": "größer", "alpha": 0.1 + 0.2, "of a newer version": [1]}
    write_file(tmp_path / "confirm/confirm.json", json.dumps(facts))
    found = read_record(tmp_path, ConfirmRecord, experiment="wine_mlp")
    assert (found.headline, found.alpha, found.registered) == ("größer", 0.1 + 0.2, None)
    write_file(tmp_path / "confirm/confirm.json", to_json(found))
    assert read_record(tmp_path, ConfirmRecord, experiment="wine_mlp") == found
