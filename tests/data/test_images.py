"""Images of a user's own as a data set: prepared once, cut into parts, and opened as any other."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picturing import folder_of, picture, save
from PIL import Image

from eksplora.data.arrays import fold_arrays
from eksplora.data.given import read_given
from eksplora.data.images import Images
from eksplora.errors import ConfigError, DataError
from eksplora.types import Split

STATED: dict[str, Any] = {
    **dict.fromkeys(("fingerprint", "file", "target", "part", "group", "task", "size", "channels", "num_targets")),
    "fit": "crop",
    "unreadable": 0.0,
    "test_fraction": 0.2,
    "split_seed": 0,
    "batch_size": 8,
    "scaling": "channel",
    "target_scaling": "none",
    "input_shape": [3, 12, 16],
    "num_classes": 2,
    "stratified": True,
}


def images(path: Path, **changed: Any) -> Images:
    return Images(root=str(path.parent / "data"), path=str(path), **{**STATED, **changed})


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photos", {"cat": 30, "dog": 20})


def seeds(dataset: Images, part: Any) -> list[int]:
    """Which pictures of `folder_of` the rows of a part are."""
    known = {picture(seed).transpose(2, 0, 1).tobytes(): seed for seed in range(60)}
    return [known[np.asarray(image).tobytes()] for image in dataset.open(part)[0]]


def test_every_image_is_in_one_part_with_its_class_as_it_is_in_its_file(photos: Path) -> None:
    dataset = images(photos)
    card = dataset.prepare()
    assert (card["name"], card["rows"], card["classes"]) == ("photos", {"train": 40, "test": 10}, ["cat", "dog"])
    assert card["class_counts"] == {"train": [24, 16], "test": [6, 4]}
    assert dataset.beside("train", "groups") is None
    assert card["images"] == {"height": 12, "width": 16, "channels": 3, "fit": "crop"}
    train, test = seeds(dataset, "train"), seeds(dataset, "test")
    assert sorted(train + test) == list(range(50))
    for part, found in (("train", train), ("test", test)):
        assert dataset.open(part)[1].tolist() == [int(seed >= 30) for seed in found]


def test_the_seed_decides_which_images_are_test_images(photos: Path) -> None:
    first, again, other = (images(photos, split_seed=seed) for seed in (0, 0, 1))
    for dataset in (first, other):
        dataset.prepare()
    assert seeds(first, "test") == seeds(again, "test") != seeds(other, "test")
    assert first.folder != other.folder


def test_a_prepared_form_needs_the_files_no_more_once_the_fingerprint_is_stated(photos: Path) -> None:
    found = images(photos)
    found.prepare()
    photos.rename(photos.parent / "away")
    assert images(photos, fingerprint=found.fingerprint).prepare() == found.card()
    with pytest.raises(DataError, match=r"photos does not exist"):
        images(photos, split_seed=3)


def test_an_edited_folder_is_prepared_beside_the_old_one(photos: Path) -> None:
    first = images(photos)
    first.prepare()
    save(photos / "cat/000.png", 55)
    second = images(photos)
    second.prepare()
    assert second.examine().changes == "1 edited (cat/000.png)"
    assert second.fingerprint != first.fingerprint and first.folder.exists() and second.folder.exists()
    shutil.rmtree(first.folder)
    with pytest.raises(DataError, match=r"has changed since data\.fingerprint was recorded\. Leave data\.fingerprint"):
        images(photos, fingerprint=first.fingerprint).prepare()


def test_folders_of_parts_are_kept_and_near_duplicates_in_both_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    folder_of(photos / "train", {"a": 12, "b": 12})
    folder_of(photos / "test", {"a": 3, "b": 2}, first=40)
    Image.fromarray(picture(0)).save(photos / "test/a/again.bmp")
    dataset = images(photos)
    card = dataset.prepare()
    assert card["rows"] == {"train": 24, "test": 6}
    assert sorted(seeds(dataset, "test")) == [0, 40, 41, 42, 43, 44]
    said = (
        "1 test images have a near-duplicate, or one of their group, in the training part (such as test/a/again.bmp and"
    )
    assert said in capsys.readouterr().err
    assert any(said in sentence for sentence in card["warnings"])


def test_near_duplicates_are_in_one_part_and_other_classes_of_them_are_said(photos: Path) -> None:
    for number in range(0, 30, 3):
        Image.fromarray((picture(number) * 0.9).astype(np.uint8)).save(photos / f"cat/copy_{number}.png")
    Image.fromarray(picture(1)).save(photos / "dog/copy.png")
    dataset = images(photos)
    card = dataset.prepare()
    parts = {part: dataset.open(part)[0].astype(int) for part in ("train", "test")}
    for number in range(0, 30, 3):
        original = picture(number).transpose(2, 0, 1)
        counts = [int((abs(rows - original).mean((1, 2, 3)) < 20).sum()) for rows in parts.values()]
        assert sorted(counts) == [0, 2], number
    groups = [dataset.beside(part, "groups") for part in ("train", "test")]
    assert all(own is not None for own in groups) and sum(len(np.unique(own)) for own in groups) == 50
    assert any("22 images are near-duplicates of another, in 11 groups" in said for said in card["warnings"])
    assert any("1 images have another class than an image that they are like" in said for said in card["warnings"])


def test_groups_of_a_list_are_in_one_part(tmp_path: Path) -> None:
    lines = ["file,length,patient"]
    for number in range(40):
        save(tmp_path / f"scans/{number}.png", number)
        lines.append(f"{number}.png,{number / 7:.3f},{number % 20}")
    (tmp_path / "scans/list.csv").write_text("\n".join(lines))
    stated = {"group": "patient", "num_classes": None, "num_targets": 1, "stratified": False}
    dataset = images(tmp_path / "scans/list.csv", **stated)
    card = dataset.prepare()
    assert (card["task"], card["rows"], card["target_names"]) == ("regression", {"train": 32, "test": 8}, ["length"])
    train, test = seeds(dataset, "train"), seeds(dataset, "test")
    groups = dataset.beside("train", "groups")
    assert groups is not None and len({(seed % 20, group) for seed, group in zip(train, groups, strict=True)}) == 16
    assert not {seed % 20 for seed in train} & {seed % 20 for seed in test}
    np.testing.assert_allclose(dataset.open("test")[1][:, 0], np.array(test) / 7, atol=1e-3)


def test_what_is_damaged_behind_its_header_is_left_out_and_named(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (photos / "cat/003.png").read_bytes()
    (photos / "cat/003.png").write_bytes(content[: len(content) // 2])
    (photos / "dog/001.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"It is one of 2 \(of 50 files\) that cannot be used"):
        images(photos, unreadable=0.02).prepare()
    assert not list((photos.parent / "data/prepared").glob(".*.download")), "nothing is left"
    dataset = images(photos, unreadable=0.04)
    card = dataset.prepare()
    assert sorted(seeds(dataset, "train") + seeds(dataset, "test")) == [n for n in range(50) if n not in (3, 31)]
    assert set(card["skipped"]) == {"cat/003.png", "dog/001.png"}
    assert "2 files are left out: dog/001.png cannot be read" in capsys.readouterr().err
    assert dataset.fingerprint == images(photos, unreadable=0.9).fingerprint


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"input_shape": [1, 12, 16]}, r"data\.input_shape is \[1, 12, 16\], but photos has \[3, 12, 16\]\. Set it to"),
        ({"num_classes": 3}, r"data\.num_classes is 3, but photos has 2\. Set it to 2\."),
    ],
)
def test_what_is_stated_is_compared_with_the_files(stated: dict[str, Any], message: str, photos: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        images(photos, **stated).prepare()


def test_a_model_takes_images_of_any_size_by_the_rule_of_its_card(photos: Path, tmp_path: Path) -> None:
    card = images(photos).prepare()
    save(tmp_path / "new/a/large.jpg", 3, height=120, width=160)
    save(tmp_path / "new/same.png", 4)
    (tmp_path / "new/list.csv").write_text("path,note\nsame.png,x\na/large.jpg,y\n")
    names, features = read_given(tmp_path / "new", card)
    assert names == ["a/large.jpg", "same.png"]
    assert features.dtype == np.uint8 and features.shape == (2, 3, 12, 16)
    np.testing.assert_array_equal(features[1], picture(4).transpose(2, 0, 1))
    assert abs(features[0].astype(int) - picture(3).transpose(2, 0, 1)).mean() < 5
    names, listed = read_given(tmp_path / "new/list.csv", card)
    assert names == ["same.png", "a/large.jpg"]
    np.testing.assert_array_equal(listed, features[::-1])
    (tmp_path / "new/same.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"^input: .*same\.png cannot be read"):
        read_given(tmp_path / "new", card)


def test_channels_are_scaled_by_what_the_rows_to_learn_from_show(photos: Path) -> None:
    dataset = images(photos)
    dataset.prepare()
    features = dataset.open("train")[0].astype(np.float64)
    rows = np.arange(0, 40, 2)
    (arrays,) = fold_arrays(dataset, [Split(train=rows, validation=np.arange(1, 40, 2))])
    mean, deviation = (getattr(features[rows], name)(axis=(0, 2, 3), keepdims=True)[0] for name in ("mean", "std"))
    np.testing.assert_allclose(arrays.scaling.shift, mean)
    np.testing.assert_allclose(arrays.scaling.scale, deviation)
    np.testing.assert_allclose(arrays.features, (features - mean) / deviation, atol=1e-5)


def test_options_are_the_keys_of_the_data(photos: Path) -> None:
    stated = {"size": [6, 8], "fit": "pad", "channels": 1, "test_fraction": 0.4, "split_seed": 7, "unreadable": 0.5}
    options = dataclasses.asdict(images(photos, **stated).options)
    assert {key: options[key] for key in stated} == {**stated, "size": (6, 8)}
