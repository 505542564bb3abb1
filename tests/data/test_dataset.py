import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from waiting import at_a_random_moment

from eksplora.counter import derive
from eksplora.data import _store, _verify
from eksplora.data.card import RawData, sealed
from eksplora.data.dataset import Dataset
from eksplora.errors import ConfigError, DataError, EksploraError, StorageError
from eksplora.splitting.rows import split_rows

ARRAYS = ("train_features", "train_targets", "test_features", "test_targets")


class Blobs(Dataset):
    """A synthetic table; its preparation goes through the same code as every data set's."""

    name = "blobs"
    source = "made here"
    licence = "none"
    fetches = 0

    def from_source(self):
        type(self).fetches += 1
        features = np.random.default_rng(0).normal(size=(5000, 4))
        content = {"features": features, "targets": (features[:, 0] > 0).astype(np.int64)}
        return RawData(content, feature_names=["a", "b", "c", "d"], classes=["low", "high"])


VALUES = {"batch_size": 32, "scaling": "standard", "input_shape": [4], "num_classes": 2, "num_targets": None}
VALUES |= {"stratified": True, "test_fraction": 0.2, "split_seed": 0}


def blobs(root, **changes):
    return Blobs(root=str(root), **VALUES | changes)


def content(dataset):
    return {path.name: path.read_bytes() for path in dataset.folder.iterdir()}


def test_preparing_again_does_nothing(tmp_path):
    first = blobs(tmp_path).prepare()
    states = {path: path.stat().st_mtime_ns for path in blobs(tmp_path).folder.iterdir()}
    fetches = Blobs.fetches
    assert blobs(tmp_path).prepare() == first
    assert Blobs.fetches == fetches
    assert {path: path.stat().st_mtime_ns for path in blobs(tmp_path).folder.iterdir()} == states


def test_a_ready_folder_needs_no_writable_root(tmp_path):
    card = blobs(tmp_path).prepare()
    (tmp_path / "prepared" / ".blobs.lock").unlink()
    blobs(tmp_path).prepare()
    assert not (tmp_path / "prepared" / ".blobs.lock").exists()
    assert blobs(tmp_path).card() == card


def test_a_prepared_form_needs_no_raw_form(tmp_path):
    card = blobs(tmp_path).prepare()
    shutil.rmtree(tmp_path / "raw")
    fetches = Blobs.fetches
    assert blobs(tmp_path).prepare() == card
    assert len(blobs(tmp_path).open("train")[0]) == 4000
    assert Blobs.fetches == fetches
    assert not (tmp_path / "raw").exists()


def test_another_split_is_cut_from_the_raw_form_and_the_source_is_asked_once(tmp_path):
    fetches = Blobs.fetches
    for seed in range(3):
        blobs(tmp_path, split_seed=seed).prepare()
    assert Blobs.fetches == fetches + 1


def test_the_prepared_form_is_cut_from_the_raw_rows_by_the_protocol(tmp_path):
    dataset = blobs(tmp_path)
    dataset.prepare()
    rows = dataset.read()
    train, test = split_rows(rows.targets, 0.2, derive(0, "test"), True, key="data.test_fraction")
    for part, index in (("train", train), ("test", test)):
        features, targets = dataset.open(part)
        np.testing.assert_array_equal(features, rows.features[index])
        np.testing.assert_array_equal(targets, rows.targets[index])


def test_a_changed_raw_byte_is_refused_and_nothing_is_prepared_from_it(tmp_path):
    dataset = blobs(tmp_path)
    dataset.fetch()
    with (dataset.raw_folder / "targets.npy").open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(b"\x7f")
    with pytest.raises(DataError, match=r"raw/blobs/targets\.npy has changed since it was fetched.*dvc checkout"):
        dataset.prepare()
    assert not dataset.folder.exists()


def test_another_split_is_prepared_anew_and_not_opened_by_mistake(tmp_path):
    blobs(tmp_path).prepare()
    other = blobs(tmp_path, split_seed=1)
    with pytest.raises(DataError, match=r"another split .* Run `python pipelines/prepare\.py data=blobs`\.$"):
        other.open("train")
    first = np.array(blobs(tmp_path).open("train")[0])
    other.prepare()
    assert not np.array_equal(first, other.open("train")[0])


def test_hashes_and_numbers_of_the_card_equal_recomputed_ones(tmp_path):
    dataset = blobs(tmp_path)
    card = dataset.prepare()
    assert json.loads((dataset.folder / "card.json").read_text()) == card
    for name in ARRAYS:
        raw = (dataset.folder / f"{name}.npy").read_bytes()
        entry, array = card["arrays"][name], np.load(dataset.folder / f"{name}.npy")
        assert (entry["sha256"], entry["bytes"]) == (hashlib.sha256(raw).hexdigest(), len(raw))
        assert (entry["shape"], entry["dtype"]) == (list(array.shape), str(array.dtype))
    features, targets = dataset.open("train")
    assert card["rows"] == {"train": dataset.rows("train"), "test": 1000} == {"train": len(targets), "test": 1000}
    assert card["feature_ranges"] == [[column.min(), column.max()] for column in features.T]
    assert card["class_counts"]["train"] == np.bincount(targets).tolist()


def test_opened_arrays_are_read_only_memory_maps(tmp_path):
    dataset = blobs(tmp_path)
    dataset.prepare()
    for array in dataset.open("test"):
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_opening_the_training_part_leaves_the_test_files_alone(tmp_path):
    dataset = blobs(tmp_path)
    dataset.prepare()
    for name in ("test_features", "test_targets"):
        (dataset.folder / f"{name}.npy").unlink()
    assert len(dataset.open("train")[0]) == 4000
    with pytest.raises(DataError, match=r"test_features\.npy is missing"):
        dataset.open("test")


@pytest.mark.parametrize("name", ["train_features", "train_targets"])
@pytest.mark.parametrize("is_opened_before", [True, False])
def test_an_altered_array_is_refused_by_name_with_the_way_out(tmp_path, name, is_opened_before):
    dataset = blobs(tmp_path)
    dataset.prepare()
    if is_opened_before:
        dataset.open("train")
    path = dataset.folder / f"{name}.npy"
    with path.open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"\x7f")
    way_out = rf"Delete the folder {dataset.folder}\. Run `python pipelines/prepare\.py data=blobs`\.$"
    with pytest.raises(DataError, match=rf"{name}\.npy has changed since it was prepared.*{way_out}"):
        dataset.open("train")


class Holed(Blobs):
    """Blobs of which one number is none."""

    hole = float("nan")

    def from_source(self):
        raw = super().from_source()
        raw.content["features"][7, 2] = self.hole
        return raw


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_not_prepared(tmp_path, hole):
    dataset = Holed(root=str(tmp_path), **VALUES)
    dataset.hole = hole
    message = r"blobs: (train|test)_features holds values that are no finite numbers\. Correct its source\.$"
    with pytest.raises(DataError, match=message):
        dataset.prepare()
    assert not dataset.folder.exists()


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_what_is_no_number_is_not_opened_though_its_seal_is_right(tmp_path, hole):
    dataset = blobs(tmp_path)
    card = dataset.prepare()
    arrays = {name: np.load(dataset.folder / f"{name}.npy") for name in ARRAYS}
    arrays["train_features"][4000 - 1, 3] = hole
    _store.write(dataset.folder, arrays, {key: card[key] for key in card if key not in ("arrays", "fingerprint")})
    way_out = rf"Delete the folder {dataset.folder}\. Run `python pipelines/prepare\.py data=blobs`\.$"
    for _ in range(2):
        with pytest.raises(
            DataError, match=rf"train_features\.npy holds values that are no finite numbers\. {way_out}"
        ):
            dataset.open("train")
    dataset.open("test")


def test_a_truncated_array_is_refused_and_preparing_mends_it(tmp_path):
    dataset = blobs(tmp_path)
    card = dataset.prepare()
    os.truncate(dataset.folder / "train_features.npy", 1000)
    with pytest.raises(DataError, match=r"train_features\.npy has changed"):
        dataset.open("train")
    assert dataset.prepare() == card
    assert len(dataset.open("train")[0]) == 4000


def test_an_array_is_hashed_once_per_process(tmp_path, monkeypatch):
    dataset = blobs(tmp_path)
    dataset.prepare()
    hashed, sha256 = [], _verify.sha256
    monkeypatch.setattr(_verify, "sha256", lambda path: hashed.append(path.name) or sha256(path))
    dataset.open("train")
    once = list(hashed)
    assert {"train_features.npy", "train_targets.npy"} <= set(once) and len(set(once)) == len(once)
    dataset.open("train")
    assert hashed == once


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\xfe", b"{}", b"null"])
def test_a_damaged_card_is_refused_by_name_and_preparing_mends_it(tmp_path, damage):
    dataset = blobs(tmp_path)
    card = dataset.prepare()
    (dataset.folder / "card.json").write_bytes(damage)
    with pytest.raises(DataError, match=r"card\.json .*Run `python pipelines/prepare\.py data=blobs`\.$"):
        dataset.card()
    assert dataset.prepare() == card


def test_an_edited_card_is_refused(tmp_path):
    dataset = blobs(tmp_path)
    path = dataset.folder / "card.json"
    card = dataset.prepare()
    path.write_text(json.dumps(card | {"licence": "mine"}))
    with pytest.raises(DataError, match=r"card\.json has been altered"):
        dataset.open("train")


def test_unprepared_data_say_how_to_prepare(tmp_path):
    with pytest.raises(DataError, match=r"card\.json is missing.* Run `python pipelines/prepare\.py data=blobs`\.$"):
        blobs(tmp_path).open("train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_shape": [5]}, r"data\.input_shape is \[5\], but blobs has \[4\]\. Set it to \[4\]\."),
        ({"num_classes": 3}, r"data\.num_classes is 3, but blobs has 2"),
        ({"num_targets": 1}, r"data\.num_targets is 1, but blobs has None"),
    ],
)
def test_stated_shapes_that_do_not_fit_are_refused_and_nothing_is_written(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        blobs(tmp_path, **changes).prepare()
    assert not (tmp_path / "prepared" / "blobs").exists()
    blobs(tmp_path).prepare()
    with pytest.raises(ConfigError, match=message):
        blobs(tmp_path, **changes).open("train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, r"data\.batch_size must be a whole number of at least 1 or full, got 0"),
        ({"batch_size": 2.5}, r"data\.batch_size must be a whole number of at least 1 or full, got 2\.5"),
        ({"scaling": "pixle"}, r"data\.scaling=pixle is unknown\. Did you mean 'pixel'\?"),
        ({"input_shape": 4}, r"data\.input_shape must be a list of sizes, got 4"),
        ({"stratified": "yes"}, r"data\.stratified must be true or false, got 'yes'"),
        ({"test_fraction": 1.0}, r"data\.test_fraction must be a number above 0 and below 1, got 1\.0"),
        ({"test_fraction": None}, r"data\.test_fraction and data\.split_seed: blobs needs both"),
        ({"split_seed": 0.5}, r"data\.split_seed must be a whole number, got 0\.5"),
    ],
)
def test_bad_values_are_refused_by_key(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        blobs(tmp_path, **changes)


def test_a_test_fraction_without_rows_names_its_key(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.test_fraction=1e-05 of 5000 rows leaves one side empty"):
        blobs(tmp_path, test_fraction=1e-5).prepare()


def test_a_root_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot be written \(Not a directory\).*paths\.data=<folder>\.$"):
        blobs(tmp_path / "file").prepare()


@pytest.mark.parametrize(("size", "form"), [("64k", "raw"), ("320k", "prepared")])
def test_a_full_disk_is_a_storage_error_and_leaves_nothing_half_written(tmp_path, size, form):
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    try:
        with pytest.raises(StorageError, match=rf"/{form}/blobs: cannot be written .*Free space"):
            blobs(tmp_path).prepare()
        assert [path.name for path in (tmp_path / form).iterdir()] == [".blobs.lock"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_failed_preparation_keeps_what_was_there(tmp_path, monkeypatch):
    dataset = blobs(tmp_path)
    dataset.prepare()
    before = content(dataset)
    monkeypatch.setattr(np, "save", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match="No space left on device"):
        blobs(tmp_path, split_seed=1).prepare()
    assert content(dataset) == before
    assert not (tmp_path / "prepared" / ".blobs.new").exists()


# A process that imports this very file, and prepares: once, or again and again with alternating splits.
PROCESS = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("blobs", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print("ready", flush=True)
seed = 0
while True:
    module.blobs(sys.argv[2], split_seed=seed).prepare()
    if sys.argv[3] == "once":
        break
    seed = 1 - seed
"""


def start(root, mode):
    command = [sys.executable, "-c", PROCESS, __file__, str(root), mode]
    project = Path(__file__).parents[2]
    paths = os.pathsep.join([str(project / "src"), str(project / "tests")])
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths})


def finish(process):
    process.communicate()
    return process.returncode


def test_a_kill_at_any_moment_leaves_data_that_the_next_start_makes_whole(tmp_path):
    blobs(tmp_path / "undisturbed").prepare()
    reference = content(blobs(tmp_path / "undisturbed"))
    moments, disturbed = random.Random(0), tmp_path / "disturbed"
    for _ in range(8):
        process = start(disturbed, "endless")
        assert process.stdout.readline() == b"ready\n"
        at_a_random_moment(moments, 0.1)
        process.send_signal(signal.SIGKILL)
        assert finish(process) == -signal.SIGKILL
        blobs(disturbed).prepare()
        assert content(blobs(disturbed)) == reference
        blobs(disturbed).open("train")
    for form in ("raw", "prepared"):
        assert sorted(path.name for path in (disturbed / form).iterdir()) == [".blobs.lock", "blobs"]


def test_processes_that_prepare_at_once_all_succeed(tmp_path):
    processes = [start(tmp_path, "once") for _ in range(3)]
    assert [finish(process) for process in processes] == [0, 0, 0]
    assert len(blobs(tmp_path).open("test")[0]) == 1000


def test_a_fixed_split_takes_no_fraction_and_no_seed(tmp_path):
    class Fixed(Blobs):
        fixed_split = "first rows"

    with pytest.raises(ConfigError, match=r"data\.test_fraction and data\.split_seed: the split of blobs is fixed"):
        Fixed(
            root=str(tmp_path),
            batch_size=1,
            scaling="none",
            input_shape=[4],
            num_classes=2,
            num_targets=None,
            stratified=True,
            split_seed=0,
        )


def test_images_have_one_range_and_regressions_no_classes(tmp_path):
    class Pictures(Blobs):
        name = "pictures"

        def from_source(self):
            images = np.arange(10 * 4, dtype=np.uint8).reshape(10, 1, 2, 2)
            content = {"features": images, "targets": np.arange(10.0)[:, np.newaxis]}
            return RawData(content, feature_names=["pixel"], classes=None)

    card = Pictures(
        root=str(tmp_path),
        batch_size=1,
        scaling="pixel",
        input_shape=[1, 2, 2],
        num_classes=None,
        num_targets=1,
        stratified=False,
        test_fraction=0.2,
        split_seed=0,
    ).prepare()
    assert len(card["feature_ranges"]) == 1
    assert (card["task"], card["classes"], card["class_counts"]) == ("regression", None, None)


# --- a source that is a file -------------------------------------------------------------------------------------


class Table(Blobs):
    """The same rows from a file that a person keeps."""

    name = "table"
    reads = 0

    def source_files(self):
        return [self.root / "houses.csv"]

    def from_source(self):
        type(self).reads += 1
        rows = np.loadtxt(self.source_files()[0], delimiter=",", ndmin=2)
        return RawData(
            {"features": rows[:, :4], "targets": rows[:, 4].astype(np.int64)}, ["a", "b", "c", "d"], ["low", "high"]
        )


def table(root):
    values = {"batch_size": 32, "scaling": "standard", "input_shape": [4], "num_classes": 2, "num_targets": None}
    return Table(root=str(root), **values, stratified=True, test_fraction=0.2, split_seed=0)


def write_houses(root, seed=0):
    rows = np.random.default_rng(seed).normal(size=(100, 4)).round(2)
    np.savetxt(root / "houses.csv", np.c_[rows, rows[:, 0] > 0], delimiter=",", fmt="%.2f")


def test_an_edited_source_file_is_read_again_and_said_so(tmp_path, capfd):
    write_houses(tmp_path)
    first, reads = table(tmp_path).prepare(), Table.reads
    assert capfd.readouterr().err == ""
    assert table(tmp_path).prepare() == first and Table.reads == reads
    write_houses(tmp_path, seed=1)
    second = table(tmp_path).prepare()
    said = f"{tmp_path}/houses.csv has changed since {tmp_path}/raw/table was made of it: it is read again\n"
    assert capfd.readouterr().err == said
    assert second["arrays"] != first["arrays"] and Table.reads == reads + 1
    assert table(tmp_path).prepare() == second and Table.reads == reads + 1
    assert capfd.readouterr().err == ""


def test_an_edit_that_changes_neither_size_nor_time_is_found_by_another_process(tmp_path):
    write_houses(tmp_path)
    file = tmp_path / "houses.csv"
    first, state = table(tmp_path).prepare(), file.stat()
    file.write_text(file.read_text().translate(str.maketrans("12", "21")))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file.stat().st_size == state.st_size
    _verify._seen.clear()  # what this process has hashed
    assert table(tmp_path).prepare()["arrays"] != first["arrays"]


def test_a_touched_or_moved_away_source_file_changes_nothing(tmp_path):
    write_houses(tmp_path)
    first, reads = table(tmp_path).prepare(), Table.reads
    os.utime(tmp_path / "houses.csv")
    assert table(tmp_path).prepare() == first
    (tmp_path / "houses.csv").unlink()
    assert table(tmp_path).prepare() == first and Table.reads == reads
    shutil.rmtree(tmp_path / "prepared")
    assert table(tmp_path).prepare() == first and Table.reads == reads


def test_a_prepared_form_without_its_raw_one_is_made_anew_of_an_edited_file(tmp_path):
    write_houses(tmp_path)
    first = table(tmp_path).prepare()
    shutil.rmtree(tmp_path / "raw")
    assert table(tmp_path).prepare() == first and not (tmp_path / "raw").exists()
    write_houses(tmp_path, seed=1)
    assert table(tmp_path).prepare()["arrays"] != first["arrays"]


def test_an_edited_file_that_cannot_be_read_keeps_what_was_there(tmp_path):
    write_houses(tmp_path)
    first = table(tmp_path).prepare()
    (tmp_path / "houses.csv").write_text("no numbers\n")
    with pytest.raises(ValueError, match="could not convert"):
        table(tmp_path).prepare()
    write_houses(tmp_path)
    assert table(tmp_path).prepare() == first


# --- cards and arrays that somebody else made --------------------------------------------------------------------


def reseal(dataset, change):
    """Alter a prepared form as somebody does who knows how it is made: hashes and fingerprint fit."""
    card = _verify.read_card(dataset.folder, "prepared", "")
    arrays = {name: np.load(dataset.folder / f"{name}.npy") for name in ARRAYS}
    card, arrays = change({key: card[key] for key in card if key not in ("arrays", "fingerprint")}, arrays)
    with _store.locked(dataset.folder):
        _store.write(dataset.folder, arrays, card)


@pytest.mark.parametrize(
    "change",
    [
        lambda card, arrays: (card, arrays | {"train_features": arrays["train_features"][:, :3]}),
        lambda card, arrays: (card, arrays | {"train_features": arrays["train_features"][:-1]}),
        lambda card, arrays: (card, arrays | {"train_features": arrays["train_features"].astype("U8")}),
        lambda card, arrays: (card, arrays | {"train_features": arrays["train_features"].astype(complex)}),
        lambda card, arrays: (card, arrays | {"train_features": arrays["train_features"].reshape(-1)}),
        lambda card, arrays: (card, arrays | {"train_targets": arrays["train_targets"].astype(float)}),
        lambda card, arrays: (card, arrays | {"train_targets": arrays["train_targets"][:, None]}),
        lambda card, arrays: (card, arrays | {"train_targets": arrays["train_targets"] + 1}),
        lambda card, arrays: (card, arrays | {"train_targets": arrays["train_targets"] - 1}),
        lambda card, arrays: (card, {name: arrays[name] for name in ARRAYS[1:]}),
        lambda card, arrays: (card, arrays | {"more": arrays["train_targets"]}),
        lambda card, arrays: (card | {"rows": {"train": 1, "test": 2}}, arrays),
        lambda card, arrays: (card | {"task": "regression"}, arrays),
        lambda card, arrays: (card | {"classes": ["a", "b", "c"]}, arrays),
        lambda card, arrays: (card | {"feature_names": ["a"]}, arrays),
        lambda card, arrays: (card | {"feature_ranges": [[0, 1]]}, arrays),
        lambda card, arrays: (card | {"input_shape": [0]}, arrays),
        lambda card, arrays: (card | {"files": {"../outside": {"bytes": 1, "sha256": ""}}}, arrays),
    ],
)
def test_a_form_that_was_sealed_again_with_other_arrays_is_refused(tmp_path, change):
    dataset = blobs(tmp_path)
    dataset.prepare()
    reseal(dataset, change)
    with pytest.raises(DataError) as raised:
        dataset.open("train")
    assert "\n" not in str(raised.value) and str(dataset.folder) in str(raised.value)
    assert str(raised.value).endswith("Run `python pipelines/prepare.py data=blobs`.")


def test_whatever_a_prepared_card_says_it_is_read_or_refused_in_one_line_and_made_anew(tmp_path):
    from mutating import mutations  # not at the top: processes of these tests read this file too

    dataset = blobs(tmp_path)
    whole = dataset.prepare()
    path, refused = dataset.folder / "card.json", 0
    for content in mutations(path.read_text(), 150):
        for text in (content, resealed(content)):
            path.write_bytes(text)
            try:
                dataset.open("train"), dataset.rows("test"), dataset.excluded_columns()
            except EksploraError as error:
                assert error.exit_code == 2 and "\n" not in str(error), error
                refused += 1
    assert refused > 150
    assert dataset.prepare() == whole or dataset.card() != whole


def resealed(content):
    try:
        card = json.loads(content)
        return json.dumps(sealed({key: value for key, value in card.items() if key != "fingerprint"})).encode()
    except (ValueError, AttributeError, RecursionError):
        return content


def test_whatever_a_raw_card_says_it_is_read_or_refused_in_one_line(tmp_path):
    from mutating import mutations

    write_houses(tmp_path)
    table(tmp_path).prepare()
    path = tmp_path / "raw/table/card.json"
    for content in mutations(path.read_text(), 100):
        for text in (content, resealed(content)):
            path.write_bytes(text)
            try:
                table(tmp_path).fetch()
                table(tmp_path).read()
            except EksploraError as error:
                assert error.exit_code == 2 and "\n" not in str(error), error


@pytest.mark.parametrize(
    "content", [b"", b"no array", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x02\x00{}", b"PK\x05\x06" + b"\0" * 18]
)
def test_a_raw_file_that_is_no_array_is_refused_though_its_hash_fits(tmp_path, content):
    dataset = blobs(tmp_path)
    dataset.fetch()
    path = dataset.raw_folder / "features.npy"
    path.write_bytes(content)
    card = json.loads((dataset.raw_folder / "card.json").read_text())
    card["arrays"]["features"] |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (dataset.raw_folder / "card.json").write_bytes(resealed(json.dumps(card).encode()))
    with pytest.raises(DataError, match=r"features\.npy holds no array"):
        dataset.prepare()


class Visits(Blobs):
    """Blobs whose rows come in groups of five."""

    name = "visits"

    def from_source(self):
        raw = super().from_source()
        groups = np.arange(5000, dtype=np.int32) // 5
        return RawData({**raw.content, "groups": groups}, raw.feature_names, raw.classes)


def test_rows_of_a_group_are_all_for_learning_or_all_for_the_test(tmp_path):
    values = blobs(tmp_path)
    dataset = Visits(root=str(tmp_path), batch_size=32, scaling="none", **values.stated, stratified=True,
                     test_fraction=0.2, split_seed=0)  # fmt: skip
    card = dataset.prepare()
    train, test = dataset.beside("train", "groups"), dataset.beside("test", "groups")
    assert not set(train) & set(test) and set(train) | set(test) == set(range(1000))
    assert card["rows"] == {"train": len(train), "test": len(test)}
    assert len(test) == pytest.approx(1000, abs=25)
    assert {"train_groups", "test_groups"} < set(card["arrays"])
    assert blobs(tmp_path).prepare() and blobs(tmp_path).beside("train", "groups") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("test_groups"), "test_groups"),
        (lambda arrays: arrays["train_groups"].update(shape=[3]), r"train_groups is int32 of shape \[3\]"),
    ],
    ids=["one part", "other rows"],
)
def test_groups_that_do_not_fit_the_rows_are_refused(tmp_path, change, message):
    values = blobs(tmp_path)
    dataset = Visits(root=str(tmp_path), batch_size=32, scaling="none", **values.stated, stratified=True,
                     test_fraction=0.2, split_seed=0)  # fmt: skip
    card = dataset.prepare()
    change(card["arrays"])
    del card["fingerprint"]
    (dataset.folder / "card.json").write_text(json.dumps(sealed(card)))
    with pytest.raises(DataError, match=message):
        dataset.card()
