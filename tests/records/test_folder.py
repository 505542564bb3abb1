"""What stages hand on: whole or not at all, on disks that take it and on disks that do not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import confirming
import pytest

from eksplora.errors import DataError, StorageError
from eksplora.files import new_folder, try_new_folders, try_writing, unwritable, write_file
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

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
"""Runs a shell that may mount: a disk that cannot be written needs no rights of the machine's own."""


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder that an earlier run handed on."""
    folder = tmp_path / "results/confirm"
    folder.mkdir(parents=True)
    (folder / "facts.json").write_text("old")
    (folder / "left.csv").write_text("old")
    return folder


def test_a_new_folder_takes_the_place_of_the_old_one_whole(old: Path) -> None:
    with new_folder(old) as folder:
        (folder / "facts.json").write_text("new")
        assert content(old) == {"facts.json": "old", "left.csv": "old"}, "the old one stays until the new one is whole"
    assert content(old.parent) == {"confirm/facts.json": "new"}


def test_folders_above_are_made(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a/b/c") as folder:
        (folder / "facts.json").write_text("new")
    assert content(tmp_path) == {"a/b/c/facts.json": "new"}


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(143)])
def test_an_error_leaves_the_old_folder_and_nothing_else(old: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), new_folder(old) as folder:
        (folder / "facts.json").write_text("half")
        raise error
    assert content(old.parent) == {"confirm/facts.json": "old", "confirm/left.csv": "old"}


def test_an_error_leaves_nothing_where_nothing_was(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), new_folder(tmp_path / "confirm") as folder:
        (folder / "facts.json").write_text("half")
        raise ValueError("no")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_of_the_user_that_names_the_file(old: Path) -> None:
    message = r"confirm\.new/x: cannot be written \(No space left on device\)\. Free"
    with pytest.raises(StorageError, match=message), new_folder(old) as folder:
        raise OSError(28, os.strerror(28), str(folder / "x"))
    assert content(old.parent) == {"confirm/facts.json": "old", "confirm/left.csv": "old"}


def test_a_failure_between_the_two_renames_brings_the_old_folder_back(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fails_once_the_old_is_aside(self: Path, target: Path) -> Path:
        if self.name == ".confirm.new":
            raise OSError(5, os.strerror(5), str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_once_the_old_is_aside)
    with pytest.raises(StorageError, match="Input/output error"), new_folder(old) as folder:
        (folder / "facts.json").write_text("new")
    assert content(old.parent) == {"confirm/facts.json": "old", "confirm/left.csv": "old"}


def test_what_a_kill_between_the_two_renames_left_is_put_right(old: Path) -> None:
    old.rename(old.with_name(".confirm.old"))
    (old.with_name(".confirm.new")).mkdir()
    (old.with_name(".confirm.new") / "half").write_text("half")
    with pytest.raises(ValueError, match="no"), new_folder(old):
        raise ValueError("no")
    assert content(old.parent) == {"confirm/facts.json": "old", "confirm/left.csv": "old"}


def test_a_file_in_the_folders_place_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "confirm").write_text("mine")
    message = r"confirm: cannot be written \(Not a directory\)"
    with pytest.raises(StorageError, match=message), new_folder(tmp_path / "confirm") as folder:
        (folder / "facts.json").write_text("new")
    assert content(tmp_path) == {"confirm": "mine"}


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a/report.md"
    for text in ("old", "new: größer"):
        write_file(path, text)
        assert path.read_bytes() == text.encode() and [entry.name for entry in path.parent.iterdir()] == ["report.md"]


def test_a_file_that_cannot_be_encoded_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    write_file(path, "old")
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        write_file(path, "new \udcff")
    assert content(tmp_path) == {"report.md": "old"}


@pytest.mark.parametrize(("place", "reason"), [("file/report.md", "File exists"), ("folder", "Is a directory")])
def test_a_place_that_takes_no_file_is_refused_by_name(tmp_path: Path, place: str, reason: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        StorageError, match=rf"cannot be written \({reason}\)\. Free space or fix the folder's permissions"
    ):
        write_file(tmp_path / place, "new")
    assert content(tmp_path) == {"file": "mine"}


@pytest.mark.parametrize(
    ("place", "reason"),
    [("file/x", "Not a directory"), ("file", "Not a directory"), ("gone/x", "No such file or directory")],
)
def test_what_takes_no_folder_is_refused_before_it_is_needed(tmp_path: Path, place: str, reason: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StorageError, match=rf"{tmp_path}/{place}: cannot be written \({reason}\)\. Free space"):
        try_new_folders(tmp_path / "new/folder", tmp_path / place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "gone"]


def test_what_takes_no_file_is_refused_before_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    try_writing(tmp_path / "folder/new", tmp_path / "other/new")
    with pytest.raises(StorageError, match=r"folder: cannot be written \(Is a directory\)\. Free space"):
        try_writing(tmp_path / "folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_a_failure_without_a_reason_of_the_systems_is_said_in_its_own_words(tmp_path: Path) -> None:
    assert "(None)" not in str(unwritable(shutil.Error([("a", "b", "no room")]), tmp_path))
    assert "no room" in str(unwritable(shutil.Error([("a", "b", "no room")]), tmp_path))


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


ON_A_READ_ONLY_DISK = """
import sys; from pathlib import Path
from eksplora.errors import StorageError
from eksplora.files import new_folder, try_new_folders, try_writing, write_file
def folder():
    with new_folder(Path("results/confirm")): pass
early = lambda: try_new_folders(Path("results/confirm")), lambda: try_writing(Path("results/a/report.md"))
for act in (folder, lambda: write_file(Path("results/report.md"), "new"), *early):
    try: act()
    except StorageError as error: print(error)
"""


def test_a_read_only_folder_is_an_error_of_the_user(old: Path, tmp_path: Path) -> None:
    (old.parent / "report.md").write_text("old")
    before = content(tmp_path)
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("mounting in a user namespace is not permitted here")
    script = 'mount --bind results results && mount -o remount,bind,ro results && exec "$@"'
    words = [*NAMESPACE, script, "sh", sys.executable, "-c", ON_A_READ_ONLY_DISK]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.partition(": ")[2].partition(". ")[0] for line in done.stdout.splitlines()]
    assert told == ["cannot be written (Read-only file system)"] * 4
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("text", "told"),
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
    tmp_path: Path, text: str | None, told: str
) -> None:
    if text is not None:
        (tmp_path / "confirm").mkdir()
        (tmp_path / "confirm/confirm.json").write_text(text, errors="surrogateescape")
    way_out = r"Run the stage before: python pipelines/confirm\.py experiment=wine_mlp, or dvc repro\.$"
    with pytest.raises(DataError, match=rf"^{tmp_path}/confirm/confirm\.json {told}.*\. {way_out}"):
        read_record(tmp_path, ConfirmRecord, experiment="wine_mlp")


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    facts = CONFIRMED | {"headline": "größer", "alpha": 0.1 + 0.2, "of a newer version": [1]}
    write_file(tmp_path / "confirm/confirm.json", json.dumps(facts))
    found = read_record(tmp_path, ConfirmRecord, experiment="wine_mlp")
    assert (found.headline, found.alpha, found.registered) == ("größer", 0.1 + 0.2, None)
    write_file(tmp_path / "confirm/confirm.json", to_json(found))
    assert read_record(tmp_path, ConfirmRecord, experiment="wine_mlp") == found
