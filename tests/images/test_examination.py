"""The card of images: decisions that follow from the files, their identity, and what is said or refused."""

import csv
import os
from pathlib import Path
from typing import Any

import pytest
from picturing import folder_of, save

from eksplora.errors import ConfigError, DataError
from eksplora.images import ImageOptions, ImagesCard, examination, examine
from eksplora.images.examination import rule_of
from eksplora.images.seen import Seen


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "my photos", {"cat": 30, "dog": 20})


def card_of(path: Path, root: Path | None = None, **options: Any) -> ImagesCard:
    return examine(ImageOptions(path=str(path), **options), root=root)


def list_of(folder: Path, values: list[object], column: str = "value") -> Path:
    """A list of images, a value of each."""
    with (folder / "list.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", column])
        for number, value in enumerate(values):
            table.writerow([save(folder / f"{number}.png", number).name, value])
    return folder / "list.csv"


# --- decisions -----------------------------------------------------------------------------------------------------


def test_a_folder_of_two_classes(photos: Path) -> None:
    card = card_of(photos)
    assert (card.name, card.task, card.classes, card.num_targets) == ("my_photos", "binary", ("cat", "dog"), None)
    assert (card.input_shape, card.num_classes, card.rows) == ((3, 12, 16), 2, 50)
    assert (card.train_rows, card.test_rows, card.is_stratified) == (40, 10, True)
    assert card.targets[0].name == "class" and card.targets[0].counts == (30, 20)
    assert card.split == "seeded split, each class in proportion, near-duplicates together"
    assert card.notes == ("Images are 12x16 pixels, in colours.",)
    assert card.warnings == ("The test part has about 10 images of 50: its result has a wide interval.",)


def test_folders_of_parts_say_which_images_are_test_images(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos/train", {"a": 12, "b": 12, "c": 12})
    folder_of(tmp_path / "photos/test", {"a": 3, "b": 2, "c": 1}, first=100)
    card = card_of(tmp_path / "photos")
    assert (card.task, card.train_rows, card.test_rows) == ("classification", 36, 6)
    assert card.split == "as the folders train and test"


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([f"{number / 3:.3f}" for number in range(12)], "regression"),
        (list(range(30)), "regression"),
        ([number % 3 for number in range(12)], "classification"),
        (["yes", "no"] * 6, "binary"),
        (["1", "no"] * 6, "binary"),
    ],
)
def test_the_task_of_a_list_follows_from_its_values(values: list[object], task: str, tmp_path: Path) -> None:
    assert card_of(list_of(tmp_path, values)).task == task


def test_the_task_of_a_list_can_be_said(tmp_path: Path) -> None:
    path = list_of(tmp_path, [number % 3 for number in range(12)])
    card = card_of(path, task="regression")
    assert (card.task, card.classes, card.num_targets) == ("regression", None, 1)
    (target,) = card.targets
    assert (target.name, target.low, target.high, target.mean, target.is_positive) == ("value", 0, 2, 1, False)
    with pytest.raises(DataError, match=r"data\.task=binary: .* has 3 classes\. Drop data\.task\.$"):
        card_of(path, task="binary")


def seen(height: int, width: int, grey: int = 0) -> Seen:
    return Seen("", 0, 0, "", width, height, grey)


@pytest.mark.parametrize(
    ("files", "options", "shape"),
    [
        ([seen(20, 30), seen(22, 30), seen(90, 900)], {}, (3, 22, 30)),
        ([seen(20, 30, 1), seen(22, 31, 1)], {}, (1, 21, 30)),
        ([seen(20, 30, 1), seen(20, 30, 0)], {}, (3, 20, 30)),
        ([seen(600, 800)] * 3, {}, (3, 48, 64)),
        ([seen(600, 800)] * 100_000, {}, (3, 26, 35)),  # 1 GiB as float32
        ([seen(600, 800)] * 300_000, {}, (3, 16, 21)),
        ([seen(8, 800)] * 3, {}, (3, 1, 64)),
        ([seen(600, 800)] * 3, {"size": 224}, (3, 224, 224)),
        ([seen(600, 800)] * 3, {"size": (10, 12), "channels": 1, "fit": "pad"}, (1, 10, 12)),
    ],
)
def test_the_size_is_the_median_and_bounded(files: list[Seen], options: dict[str, Any], shape: tuple[int, ...]) -> None:
    rule = rule_of(ImageOptions(path="photos", **options), files)
    assert rule.shape == shape and rule.fit == options.get("fit", "crop")


def test_other_sizes_are_said(photos: Path) -> None:
    save(photos / "cat/large.png", 999, height=60, width=90)
    assert card_of(photos).notes == (
        "Images of 12x16 to 60x90 pixels become 12x16, from the median size, in colours; "
        "where the shape is another, the middle is cut out (data.fit=crop).",
    )


# --- identity ------------------------------------------------------------------------------------------------------


def test_the_fingerprint_is_of_contents_and_options_and_not_of_the_place(photos: Path, tmp_path: Path) -> None:
    first = card_of(photos)
    assert card_of(photos, tmp_path / "data").fingerprint == first.fingerprint
    assert card_of(photos.rename(tmp_path / "other")).fingerprint == first.fingerprint
    assert card_of(tmp_path / "other").name == "other"
    options = [{"size": 8}, {"fit": "pad"}, {"channels": 1}, {"test_fraction": 0.3}, {"split_seed": 1}]
    others = [card_of(tmp_path / "other", **changed).fingerprint for changed in options]
    assert len({first.fingerprint, *others}) == 6


def test_an_edited_folder_is_another_data_set_and_the_card_says_what_changed(photos: Path, tmp_path: Path) -> None:
    first = card_of(photos, tmp_path / "data")
    assert first.changes == "" == card_of(photos, tmp_path / "data").changes
    save(photos / "cat/000.png", 1234)
    save(photos / "dog/new.png", 1235)
    (photos / "dog/003.png").unlink()
    second = card_of(photos, tmp_path / "data")
    assert second.changes == "1 edited (cat/000.png), 1 new (dog/new.png), 1 gone (dog/003.png)"
    assert second.fingerprint != first.fingerprint
    assert card_of(photos, tmp_path / "data") == second, "a command asks several times"
    examination._last.clear()
    assert card_of(photos, tmp_path / "data").changes == "", "the next command"


def test_an_image_in_another_class_is_another_data_set(photos: Path) -> None:
    first = card_of(photos)
    (photos / "cat/000.png").rename(photos / "dog/999.png")
    assert card_of(photos).fingerprint != first.fingerprint


# --- what is said and refused ----------------------------------------------------------------------------------------


def test_damaged_files_are_named_and_counted_up_to_a_share(photos: Path) -> None:
    (photos / "cat/000.png").write_bytes(b"no image")
    with pytest.raises(
        DataError, match=r"^data\.path: cat/000\.png cannot be read .*left out: data\.unreadable=0\.02\.$"
    ):
        card_of(photos)
    card = card_of(photos, unreadable=0.02)
    assert (card.rows, [name for name, _ in card.skipped]) == (49, ["cat/000.png"])
    assert card.warnings[0].startswith("1 file is left out: cat/000.png cannot be read (it is none of these kinds).")
    (photos / "dog/000.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"It is one of 2 \(of 50 files\) that cannot be used\."):
        card_of(photos, unreadable=0.02)


def test_small_classes_are_said(tmp_path: Path) -> None:
    card = card_of(folder_of(tmp_path / "photos", {"a": 300, "b": 9, "c": 1}))
    assert card.warnings == ("2 of 3 classes have fewer than 10 images (b 9, c 1).",)


def test_a_single_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has a single class \(the folder cat/\)\. Give images of at least two\.$"):
        card_of(folder_of(tmp_path / "photos", {"cat": 3}))
    with pytest.raises(DataError, match=r"has a single class \('x' everywhere\)\."):
        card_of(list_of(tmp_path, ["x", "x"], "label"))


def test_a_folder_for_each_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 5 classes for 5 images: nothing can be learned of them"):
        card_of(folder_of(tmp_path / "photos", dict.fromkeys("abcde", 1)))


def test_a_number_that_is_the_same_everywhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'value' of .* is 1\.5 everywhere\. Name another column\.$"):
        card_of(list_of(tmp_path, [1.5, 1.5, 1.5]))


def test_a_text_among_numbers_is_refused_where_numbers_are_wanted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'value' of 1\.png is 'two', no number\. Correct it, or set data\.task="):
        card_of(list_of(tmp_path, [1.5, "two", 3]), task="regression")


def test_what_is_no_folder_and_no_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").touch()
    with pytest.raises(DataError, match=r"photos\.zip is neither a folder nor a CSV file\."):
        card_of(tmp_path / "photos.zip")
    with pytest.raises(DataError, match=r"absent does not exist\. Give a folder with a folder per class, or a CSV"):
        card_of(tmp_path / "absent")
    os.mkfifo(tmp_path / "list.csv")  # which a reader would wait for
    with pytest.raises(DataError, match=r"list\.csv is a pipe or a device, not a file\."):
        card_of(tmp_path / "list.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": ""}, "data.path: has no value."),
        ({"size": 0}, "data.size must be a whole number of at least 1, got 0."),
        ({"size": (8, 8, 8)}, "data.size must be a side or [height, width]"),
        ({"size": "large"}, "data.size must be a whole number"),
        ({"fit": "zoom"}, "data.fit=zoom is unknown. Valid: crop, pad, stretch."),
        ({"channels": 2}, "data.channels must be 1 (grey), 3 (colours) or null, got 2."),
        ({"channels": True}, "data.channels must be"),
        ({"task": "multilabel"}, "data.task=multilabel is unknown."),
        ({"unreadable": 1.0}, "data.unreadable must be a number of at least 0 and below 1"),
        ({"test_fraction": 0.0}, "data.test_fraction must be a number above 0 and below 1"),
        ({"split_seed": 0.5}, "data.split_seed must be a whole number"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ImageOptions(**{"path": "photos", **options})
    assert message in str(raised.value)


@pytest.mark.parametrize("key", ["file", "target", "part", "group"])
def test_a_folder_has_no_columns(key: str, photos: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^data\.{key}: .* is a folder, which has no columns\. Drop data\.{key}\.$"):
        card_of(photos, **{key: "label"})
