"""Files and folders that are there whole or not at all, and files in two places without a second copy."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from eksplora.errors import StorageError, reason_of

AGAIN = "Free space or fix the folder's permissions, then give the same command again: nothing is trained twice."


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `target` when the block ends well; otherwise nothing is left of it.

    Raises:
        StorageError: If it cannot be written; what was there before still is.
    """
    new, old = (target.with_name(f".{target.name}.{word}") for word in ("new", "old"))
    try:
        _settle(target, old)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        yield new
        if target.exists():
            if not target.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target))
            target.rename(old)
        new.rename(target)
    except OSError as failure:
        raise unwritable(failure, target) from failure
    finally:
        _settle(target, old)
        shutil.rmtree(new, ignore_errors=True)


def _settle(target: Path, old: Path) -> None:
    """Bring back an old folder that was moved aside where no new one took its place; else remove it."""
    if not target.exists():
        with suppress(OSError):
            old.rename(target)
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)


def write_file(path: Path, text: str) -> None:
    """Write a file so that either the old or the whole new content is there.

    Raises:
        StorageError: If it cannot be written.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as failure:
        raise unwritable(failure, path) from failure
    finally:
        with suppress(OSError):
            new.unlink()


def unwritable(failure: OSError, path: Path) -> StorageError:
    """The error for a file or folder that cannot be written."""
    return StorageError(f"{failure.filename or path}: cannot be written ({reason_of(failure)}). {AGAIN}")


def try_writing(*targets: Path, is_folder: bool = False) -> None:
    """Refuse files that could not be written at the end, before anything is trained; leaves nothing.

    Args:
        targets: Where they will be; folders above are made later.
        is_folder: Whether they are folders.

    Raises:
        StorageError: Naming the first, and why.
    """
    for target in targets:
        if target.is_dir() and not is_folder:
            raise unwritable(IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)), target)
        above = next(folder for folder in target.absolute().parents if os.path.lexists(folder))
        try:
            with tempfile.TemporaryFile(dir=above):
                pass
        except OSError as failure:
            raise unwritable(OSError(failure.errno, failure.strerror), target) from None


def try_new_folders(*targets: Path) -> None:
    """The same for folders that are to be filled: a file may not stand in the place of one.

    Raises:
        StorageError: Naming the first, and why.
    """
    for target in targets:
        if os.path.lexists(target) and not target.is_dir():
            raise unwritable(NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)), target)
    try_writing(*targets, is_folder=True)


def as_json(facts: Mapping[str, Any]) -> str:
    """Facts as the text of a file."""
    return json.dumps(facts, indent=2) + "\n"


def link_or_copy(source: Path, target: Path) -> None:
    """Have `target` hold what `source` holds: the same file where the file system permits it, otherwise a copy.

    For files of a study and of MLflow, and for pages. Their writers replace them by new ones; the spool alone is
    written to again, and only by lines at its end, which MLflow's copy may have as well. What people edit in
    `results/` is copied.
    """
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, a file system without links, a file of another user
        shutil.copyfile(source, target)
