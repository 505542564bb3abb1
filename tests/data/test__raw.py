import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eksplora.data import _raw, _store
from eksplora.data.card import RawData, sealed
from eksplora.errors import DataError, StorageError

ORIGIN = {"name": "table", "source": "made here", "licence": "none"}
FILES = ("card.json", "features.npy", "notes.txt", "targets.npy")


def source():
    content = {"features": np.arange(8000.0).reshape(2000, 4), "targets": np.arange(2000), "notes.txt": b"as they came"}
    return RawData(content, feature_names=np.array(["a", "b", "c", "d"]), classes=["low", "high"])


def no_source():
    pytest.fail("the source was asked")


def fetched(folder, source=source):
    return _raw.fetched(folder, ORIGIN, source)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def way_out(folder):
    return rf"Delete the folder {folder} or run `dvc checkout --force {folder}`, then run the same command again\.$"


def test_the_raw_form_holds_the_sources_rows_and_files_with_their_hashes(tmp_path):
    folder = tmp_path / "raw" / "table"
    card = fetched(folder)
    assert names(folder) == list(FILES)
    np.testing.assert_array_equal(np.load(folder / "features.npy"), source().content["features"])
    np.testing.assert_array_equal(np.load(folder / "targets.npy"), source().content["targets"])
    assert (folder / "notes.txt").read_bytes() == b"as they came"
    assert json.loads((folder / "card.json").read_text()) == card
    assert (card["feature_names"], card["classes"]) == (["a", "b", "c", "d"], ["low", "high"])
    assert card | ORIGIN == card
    entries = {f"{name}.npy": entry for name, entry in card["arrays"].items()} | card["files"]
    assert sorted(entries) == sorted(set(FILES) - {"card.json"})
    for name, entry in entries.items():
        stored = (folder / name).read_bytes()
        assert (entry["sha256"], entry["bytes"]) == (hashlib.sha256(stored).hexdigest(), len(stored))


def test_the_same_source_gives_the_same_bytes(tmp_path):
    fetched(tmp_path / "one" / "table")
    fetched(tmp_path / "other" / "table")
    assert content(tmp_path / "one" / "table") == content(tmp_path / "other" / "table")


def test_a_raw_form_that_is_there_is_used_and_the_source_is_not_asked(tmp_path):
    folder = tmp_path / "table"
    card = fetched(folder)
    (tmp_path / ".table.lock").unlink()
    assert fetched(folder, no_source) == card
    assert names(tmp_path) == ["table"]  # nothing was written, not even a lock


@pytest.mark.parametrize("name", ["features.npy", "targets.npy", "notes.txt"])
@pytest.mark.parametrize("is_used_before", [True, False])
def test_a_changed_byte_is_refused_by_file_with_the_way_out_and_nothing_is_mended(tmp_path, name, is_used_before):
    folder = tmp_path / "table"
    fetched(folder)
    if is_used_before:
        fetched(folder, no_source)
    with (folder / name).open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"\x7f")
    before = content(folder)
    message = rf"^{folder}/{name} has changed since it was fetched: its sha256 is not the card's\. {way_out(folder)}"
    with pytest.raises(DataError, match=message):
        fetched(folder, no_source)
    assert content(folder) == before


def test_a_truncated_or_missing_file_is_refused_by_name(tmp_path):
    folder = tmp_path / "table"
    fetched(folder)
    os.truncate(folder / "notes.txt", 3)
    with pytest.raises(DataError, match=rf"notes\.txt has changed since it was fetched.*{way_out(folder)}"):
        fetched(folder, no_source)
    (folder / "notes.txt").unlink()
    with pytest.raises(DataError, match=rf"notes\.txt is missing\. {way_out(folder)}"):
        fetched(folder, no_source)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\xfe", b"{}"])
def test_a_damaged_card_is_refused(tmp_path, damage):
    folder = tmp_path / "table"
    fetched(folder)
    (folder / "card.json").write_bytes(damage)
    with pytest.raises(DataError, match=rf"card\.json (cannot be read|has been altered).*{way_out(folder)}"):
        fetched(folder, no_source)


def test_a_card_of_another_format_is_refused_because_the_source_may_have_changed(tmp_path):
    folder = tmp_path / "table"
    card = fetched(folder)
    del card["fingerprint"]
    (folder / "card.json").write_text(json.dumps(sealed(card | {"format": 99})))
    with pytest.raises(DataError, match=rf"card\.json has format 99, this version reads 1\. {way_out(folder)}"):
        fetched(folder, no_source)


def test_files_without_a_card_are_no_raw_form_and_are_fetched_anew(tmp_path):
    folder = tmp_path / "table"
    card = fetched(folder)
    (folder / "card.json").unlink()
    (folder / "features.npy").write_bytes(b"half")
    assert fetched(folder) == card
    assert names(folder) == list(FILES)


def test_what_has_been_downloaded_is_kept_until_the_raw_form_is_whole(tmp_path):
    folder = tmp_path / "table"
    part = _store.download_folder(folder) / "file.part"

    def interrupted():
        part.parent.mkdir()
        part.write_bytes(b"half")
        raise DataError("the network is away")

    with pytest.raises(DataError, match="the network is away"):
        fetched(folder, interrupted)
    assert part.read_bytes() == b"half"
    assert not folder.exists()
    fetched(folder)
    assert names(tmp_path) == [".table.lock", "table"]


def test_what_a_killed_download_left_beside_a_whole_raw_form_is_removed(tmp_path):
    folder = tmp_path / "table"
    card = fetched(folder)
    _store.download_folder(folder).mkdir()
    (tmp_path / ".table.new").mkdir()
    assert fetched(folder, no_source) == card
    assert names(tmp_path) == [".table.lock", "table"]


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "raw").touch()
    with pytest.raises(StorageError, match=r"/raw: cannot be written .*paths\.data=<folder>\.$"):
        fetched(tmp_path / "raw" / "table")


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_full_disk_is_a_storage_error_and_leaves_nothing(tmp_path, monkeypatch, call):
    monkeypatch.setattr(os, call, lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match=r"/table: cannot be written \(No space left on device\)\. Free space"):
        fetched(tmp_path / "table")
    assert names(tmp_path) == [".table.lock"]


# A process that imports this very file and fetches; it kills itself before its n-th durable step.
PROCESS = """
import importlib.util, os, pathlib, signal, sys
spec = importlib.util.spec_from_file_location("raw", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
steps_left = int(sys.argv[3])

def counted(call):
    def counting(*args):
        global steps_left
        if not steps_left:
            os.kill(os.getpid(), signal.SIGKILL)
        steps_left -= 1
        return call(*args)
    return counting

os.fsync, os.rename = counted(os.fsync), counted(os.rename)
module.fetched(pathlib.Path(sys.argv[2]))
"""
DURABLE_STEPS = 7  # three files, the card, the new folder's names, the rename, the parent's names


def start(folder, steps):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    return subprocess.Popen([sys.executable, "-c", PROCESS, __file__, str(folder), str(steps)], env=environment)


def test_a_kill_before_any_durable_step_leaves_no_raw_form_or_a_whole_one(tmp_path):
    fetched(tmp_path / "undisturbed" / "table")
    reference = content(tmp_path / "undisturbed" / "table")
    folders = [tmp_path / str(steps) / "table" for steps in range(DURABLE_STEPS + 1)]
    codes = [start(folder, steps).wait() for steps, folder in enumerate(folders)]
    assert codes == [-signal.SIGKILL] * DURABLE_STEPS + [0]
    assert [folder.exists() for folder in folders] == [False] * (DURABLE_STEPS - 1) + [True, True]
    for folder in folders:
        fetched(folder, no_source if folder.exists() else source)
        assert content(folder) == reference
        assert names(folder.parent) == [".table.lock", "table"]


def test_processes_that_fetch_at_once_all_succeed(tmp_path):
    processes = [start(tmp_path / "table", 100) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    fetched(tmp_path / "table", no_source)
    assert names(tmp_path) == [".table.lock", "table"]
