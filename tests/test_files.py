"""Files and folders: there whole or not at all, on disks that take them and on disks that do not; and their locks."""

import os
import shutil
import subprocess
import sys
import threading
from io import FileIO
from pathlib import Path

import pytest
from spooling import put

from eksplora import files
from eksplora.errors import StorageError
from eksplora.events.spool import Spool
from eksplora.files import (
    LockHeldError,
    link_or_copy,
    new_folder,
    take_lock,
    try_new_folders,
    try_writing,
    unwritable,
    write_file,
)

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


def test_a_link_that_lies_where_a_new_file_or_folder_is_written_is_not_followed(old: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("mine")
    (tmp_path / ".report.md.new").symlink_to(other / "mine")
    write_file(tmp_path / "report.md", "new")
    for name in (".confirm.new", ".confirm.old"):
        (old.parent / name).symlink_to(other)
    with new_folder(old) as folder:
        (folder / "facts.json").write_text("new")
    assert content(tmp_path) == {"other/mine": "mine", "report.md": "new", "results/confirm/facts.json": "new"}
    assert [path.name for path in old.parent.iterdir()] == ["confirm"]


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
    shown = [line.partition(": ")[2].partition(". ")[0] for line in done.stdout.splitlines()]
    assert shown == ["cannot be written (Read-only file system)"] * 4
    assert content(tmp_path) == before


def test_a_lock_is_refused_to_others_until_it_is_closed(tmp_path: Path) -> None:
    with take_lock(tmp_path / "new/lock"), pytest.raises(LockHeldError, match=rf"^{os.getpid()}$"):
        take_lock(tmp_path / "new/lock", patience_seconds=0)
    take_lock(tmp_path / "new/lock", patience_seconds=0).close()


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    first = take_lock(tmp_path / "lock")
    threading.Timer(0.01, first.close).start()
    with take_lock(tmp_path / "lock"):
        assert first.closed


def test_a_lock_in_a_removed_folder_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A holder that gives up removes its folder; another may have opened the lock in it just before."""
    folder, waits = tmp_path / "small", []
    really_wait = files._wait_for

    def wait_and_lose(lock: FileIO, until: float) -> None:
        waits.append(lock)
        if len(waits) == 1:
            shutil.rmtree(folder)
        really_wait(lock, until)

    monkeypatch.setattr(files, "_wait_for", wait_and_lose)
    with take_lock(folder / "lock"), pytest.raises(LockHeldError):
        take_lock(folder / "lock", patience_seconds=0)
    assert len(waits) == 3


def test_a_file_is_linked_and_replacing_one_leaves_the_other(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("first")
    target.write_text("old")
    link_or_copy(source, target)
    assert target.samefile(source)
    new = tmp_path / "new"
    new.write_text("second")
    new.replace(source)  # as every writer here does
    assert (source.read_text(), target.read_text()) == ("second", "first")


def test_lines_added_to_a_linked_spool_are_in_both(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.jsonl")
    put(spool, "study", name="first")
    link_or_copy(spool.path, tmp_path / "copy")
    put(spool, "stop", message="second")
    spool.close()
    assert (tmp_path / "copy").samefile(spool.path)
    assert [line.count(b"kind") for line in (tmp_path / "copy").read_bytes().splitlines()] == [1, 1]


def test_where_nothing_can_be_linked_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a").write_text("text")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "text" and not (tmp_path / "b").samefile(tmp_path / "a")
