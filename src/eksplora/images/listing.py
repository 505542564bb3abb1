"""Image files with what is known of each: a folder with a folder per class, or a list as CSV."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eksplora.errors import DataError, reason_of
from eksplora.images.decoding import SUFFIXES

TRAIN_FOLDERS, TEST_FOLDERS = ("train", "training"), ("test", "testing")
VALIDATION_FOLDERS = ("val", "valid", "validation", "dev")
"""Names of folders above the classes, in small letters. Rows to validate on are drawn from the training part."""


@dataclass(frozen=True)
class Entry:
    """An image file.

    Attributes:
        name: Its path below `Listing.folder`, with '/' between the parts.
        label: The class, or the numbers as texts.
        part: `train` or `test`; empty where nothing says it.
        group: What it has in common with others that stay in its part; empty where it stands alone.
    """

    name: str
    label: tuple[str, ...]
    part: str = ""
    group: str = ""


@dataclass(frozen=True)
class Listing:
    """Every image file of a folder or list, in the order of its rows.

    Attributes:
        folder: What the names of the files are relative to.
        entries: The files.
        columns: Names of what is predicted.
        notes: What was left out, one sentence each.
    """

    folder: Path
    entries: Sequence[Entry]
    columns: Sequence[str]
    notes: Sequence[str] = ()


def list_folder(folder: Path) -> Listing:
    """The images below a folder that has a folder per class, perhaps in `train/` and `test/`.

    What lies deeper than a class's folder belongs to the class. A folder in which there is but one other is passed
    through. Hidden files, and those that are no images by their name, are left out.

    Raises:
        DataError: If it cannot be read, has links, no images, or no folders of classes.
    """
    top, parts = _top(folder)
    entries, loose, others = list[Entry](), list[str](), list[str]()
    for part, place in parts:
        depth = 0 if place == top else 1
        for name in sorted(_files(place, top)):
            steps = name.split("/")
            if not _is_image(name):
                others.append(name)
            elif len(steps) < depth + 2:
                loose.append(name)
            else:
                entries.append(Entry(name, (steps[depth],), part))
    if not entries:
        _refuse_empty(folder, top, loose)
    return Listing(top, entries, ["class"], [*_left_out(loose, others), *_merged(parts)])


def images_below(folder: Path, key: str) -> list[str]:
    """Names of all images below a folder, whatever folders they lie in, sorted.

    Args:
        folder: The folder.
        key: The key that named it, for messages.

    Raises:
        DataError: If it cannot be read or has links.
    """
    return sorted(name for name in _files(folder, folder, key) if _is_image(name))


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _top(folder: Path) -> tuple[Path, list[tuple[str, Path]]]:
    """The folder above the classes, and the folders of its parts; itself, where it has none."""
    inner = _folders(folder)
    while len(inner) == 1 and not any(_is_image(path.name) for path in folder.iterdir()):
        below = _folders(inner[0])
        if not below:
            break  # a single class
        folder, inner = inner[0], below
    found = [_part_of(path.name.lower()) for path in inner]
    if len(inner) < 2 or "train" not in found or "" in found:
        return folder, [("", folder)]
    return folder, [(part if "test" in found else "", path) for part, path in zip(found, inner, strict=True)]


def _part_of(name: str) -> str:
    """The part that a folder's name means; those to validate on belong to the training part."""
    if name in TEST_FOLDERS:
        return "test"
    return "train" if name in TRAIN_FOLDERS or name in VALIDATION_FOLDERS else ""


def _folders(folder: Path) -> list[Path]:
    with _listed(folder) as found:
        return sorted(
            Path(entry.path) for entry in found if not _is_hidden(entry.name) and entry.is_dir(follow_symlinks=False)
        )


def _listed(folder: Path, key: str = "data.path") -> "os._ScandirIterator[str]":
    try:
        return os.scandir(folder)
    except OSError as error:
        raise DataError(f"{key}: {folder} cannot be read ({reason_of(error)}). Permit reading it.") from None


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def _files(folder: Path, top: Path, key: str = "data.path") -> Iterator[str]:
    """Names of all files below a folder, relative to `top`; a link could lead anywhere, and in circles.

    Raises:
        DataError: If it has a link, a pipe or a device, or cannot be read.
    """
    left, above = [folder], len(str(top)) + 1
    while left:
        with _listed(left.pop(), key) as found:
            for entry in found:
                if _is_hidden(entry.name):
                    continue
                if entry.is_symlink():
                    raise DataError(f"{key}: {entry.path} is a symbolic link. Put the files themselves there (cp -rL).")
                if entry.is_dir():
                    left.append(Path(entry.path))
                elif not entry.is_file():
                    raise DataError(f"{key}: {entry.path} is no file. Take it out of the folder.")
                else:
                    yield entry.path[above:]


def _refuse_empty(folder: Path, top: Path, loose: Sequence[str]) -> None:
    """Say why there is nothing to learn from.

    Raises:
        DataError: Always.
    """
    if loose:
        raise DataError(
            f"data.path: {top} holds {len(loose)} images but no folder of a class. Put the images of each class into a "
            "folder of its name, or give a CSV file with a column of files and one of labels."
        )
    raise DataError(
        f"data.path: {folder} holds no images ({', '.join(SUFFIXES)}). Give a folder with a folder per class."
    )


def _left_out(loose: Sequence[str], others: Sequence[str]) -> list[str]:
    notes = []
    if loose:
        notes.append(f"{len(loose)} images lie in no folder of a class ({some(loose)}): they are left out.")
    if others:
        notes.append(f"{len(others)} files are no images by their names ({some(others)}): they are left out.")
    return notes


def _merged(parts: Sequence[tuple[str, Path]]) -> list[str]:
    """A note on folders whose images join the training part."""
    joined = [path.name for _, path in parts if path.name.lower() in VALIDATION_FOLDERS]
    if not joined or len(parts) == 1:
        return []
    return [f"Images of {joined[0]}/ join the training part: rows to validate on are drawn from it."]


def some(names: Sequence[str], most: int = 3) -> str:
    """The first of several names, for a message.

    Examples:
        >>> some(["a", "b", "c", "d"]), some(["a"])
        ('a, b, c, ...', 'a')
    """
    return ", ".join([*names[:most], *(["..."] if len(names) > most else [])])


def class_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The classes, sorted; as numbers where all are whole numbers.

    Examples:
        >>> class_names(["10", "9", "9"]), class_names(["b", "a", "10"])
        (('9', '10'), ('10', 'a', 'b'))
    """
    known = Counter(labels)
    is_number = all(label.lstrip("-").isascii() and label.lstrip("-").isdigit() for label in known)
    return tuple(sorted(known, key=int if is_number else str))
