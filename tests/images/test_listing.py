"""Folders of images: which files are of which class and part, and what is refused."""

from pathlib import Path

import pytest

from eksplora.errors import DataError
from eksplora.images.listing import class_names, images_below, list_folder


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def labels(folder: Path) -> dict[str, tuple[str, str]]:
    return {entry.name: (entry.label[0], entry.part) for entry in list_folder(folder).entries}


def test_a_folder_below_the_top_is_a_class_and_what_lies_deeper_belongs_to_it(tmp_path: Path) -> None:
    touch(tmp_path, "cat/b.PNG", "cat/2020/may/a.jpeg", "dog/c.webp", "dog/.hidden.png", "__MACOSX/cat/b.png")
    assert labels(tmp_path) == {"cat/2020/may/a.jpeg": ("cat", ""), "cat/b.PNG": ("cat", ""), "dog/c.webp": ("dog", "")}


def test_a_folder_with_but_one_folder_is_passed_through(tmp_path: Path) -> None:
    touch(tmp_path, "photos/all/cat/a.png", "photos/all/dog/b.png", "photos/readme.txt")
    listing = list_folder(tmp_path)
    assert listing.folder == tmp_path / "photos/all"
    assert [entry.label for entry in listing.entries] == [("cat",), ("dog",)]


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Training", "TEST")])
def test_folders_train_and_test_are_parts(train: str, test: str, tmp_path: Path) -> None:
    touch(tmp_path, f"{train}/cat/a.png", f"{train}/dog/b.png", f"{test}/cat/a.png", "val/dog/c.png")
    listing = list_folder(tmp_path)
    parts = {entry.name: entry.part for entry in listing.entries}
    assert parts == {
        f"{train}/cat/a.png": "train",
        f"{train}/dog/b.png": "train",
        f"{test}/cat/a.png": "test",
        "val/dog/c.png": "train",
    }
    assert listing.notes == ["Images of val/ join the training part: rows to validate on are drawn from it."]


def test_without_a_test_folder_nothing_is_a_part(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/a.png", "train/dog/b.png", "val/cat/c.png")
    assert {part for _, part in labels(tmp_path).values()} == {""}
    assert {label for label, _ in labels(tmp_path).values()} == {"cat", "dog"}


def test_a_class_may_be_called_test(tmp_path: Path) -> None:
    touch(tmp_path, "test/a.png", "real/b.png")
    assert labels(tmp_path) == {"real/b.png": ("real", ""), "test/a.png": ("test", "")}


def test_what_is_left_out_is_counted_and_named(tmp_path: Path) -> None:
    touch(tmp_path, "cat/a.png", "dog/b.png", "loose.png", "cat/notes.txt")
    assert list_folder(tmp_path).notes == [
        "1 images lie in no folder of a class (loose.png): they are left out.",
        "1 files are no images by their names (cat/notes.txt): they are left out.",
    ]


def test_images_without_folders_of_classes_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png")
    with pytest.raises(DataError, match=r"holds 2 images but no folder of a class\. Put the images of each class into"):
        list_folder(tmp_path)


@pytest.mark.parametrize("name", [".keep", "cat/notes.txt"])
def test_a_folder_without_images_is_refused(name: str, tmp_path: Path) -> None:
    touch(tmp_path, name)
    with pytest.raises(DataError, match=r"holds no images \(\.png, .*\)\. Give a folder with a folder per class\.$"):
        list_folder(tmp_path)


@pytest.mark.parametrize("name", ["cat/link.png", "lion"])
def test_links_are_refused(name: str, tmp_path: Path) -> None:
    touch(tmp_path / "photos", "cat/a.png", "dog/b.png")
    touch(tmp_path, "elsewhere/secret.png")
    target = tmp_path / "elsewhere" / ("secret.png" if name.endswith("png") else "")
    (tmp_path / "photos" / name).symlink_to(target)
    with pytest.raises(DataError, match=rf"{name} is a symbolic link\. Put the files themselves there"):
        list_folder(tmp_path / "photos")
    with pytest.raises(DataError, match=r"^input: .* is a symbolic link"):
        images_below(tmp_path / "photos", "input")


def test_all_images_below_a_folder_are_found_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a/c.jpg", "a/notes.txt")
    assert images_below(tmp_path, "input") == ["a/c.jpg", "b.png"]


def test_numbered_classes_are_in_the_order_of_their_numbers() -> None:
    assert class_names(["10", "2", "-1", "2"]) == ("-1", "2", "10")
    assert class_names(["10", "2", "x"]) == ("10", "2", "x")
