"""Files and folders that are there whole or not at all, locks, and files in two places without a second copy."""

import errno
import fcntl
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

from eksplora.errors import StorageError, reason_of

AGAIN = "Free space or fix the folder's permissions, then give the same command again: nothing is trained twice."

POLL_SECONDS = 0.2
"""Between two attempts to take a lock that another process holds."""


def unwritable(failure: OSError, target: Path | str, way_out: str = AGAIN) -> StorageError:
    """The error for a file or folder that cannot be written."""
    return StorageError(f"{target}: cannot be written ({reason_of(failure)}). {way_out}")


@contextmanager
def writing(target: Path, way_out: str = AGAIN) -> Iterator[None]:
    """Turn an operating system's refusal to write into an error that names `target` and the way out."""
    try:
        yield
    except OSError as failure:
        raise unwritable(failure, target, way_out) from failure


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `target` when the block ends well; otherwise nothing is left of it.

    Its name is always the same: what a killed process left is written anew.
    """
    new = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)  # a link is not followed
        yield new
        new.replace(target)
    finally:
        with suppress(OSError):
            new.unlink()  # also after the end, where both were one file: renaming leaves both names


def write_file(path: Path, content: str | bytes, *, way_out: str = AGAIN) -> None:
    """Write a file so that, whatever happens, either the old or the whole new content is there.

    Raises:
        StorageError: If it cannot be written; what was there before still is.
    """
    with writing(path, way_out):
        with new_file(path) as new:
            new.write_bytes(content.encode() if isinstance(content, str) else content)
            sync(new)
        sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's content, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def new_folder(target: Path, *, durable: bool = False, way_out: str = AGAIN) -> Iterator[Path]:
    """A folder to fill, which takes the place of `target` when the block ends well; otherwise nothing is left of it.

    Args:
        target: Where it appears.
        durable: Whether it survives a power cut.
        way_out: What helps where it cannot be written.

    Raises:
        StorageError: If it cannot be written; what was there before still is.
    """
    new, old = beside(target)
    try:
        recover(target)
        new.mkdir(parents=True)
        yield new
        for path in (*new.rglob("*"), new) if durable else ():
            sync(path)
        if target.exists():
            if not target.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target))
            target.rename(old)
        new.rename(target)
        if durable:
            sync(target.parent)
    except OSError as failure:
        raise unwritable(failure, failure.filename or target, way_out) from failure
    finally:
        recover(target)


def beside(target: Path) -> tuple[Path, Path]:
    """Paths beside a folder: of its new form while it is written, and of the old one while it is replaced."""
    return target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")


def recover(target: Path) -> None:
    """Put right what a killed writer left: the old folder comes back where no new one took its place."""
    new, old = beside(target)
    if old.is_dir() and not old.is_symlink() and not target.exists():
        with suppress(OSError):
            old.rename(target)
    for left in (new, old) if target.exists() else (new,):
        if left.is_symlink():
            left.unlink()
        shutil.rmtree(left, ignore_errors=True)


class LockHeldError(Exception):
    """Another process holds a lock; the text is its number, or `unknown` where it could not write it."""


def take_lock(path: Path, *, patience_seconds: float = math.inf) -> FileIO:
    """Take an operating system's lock on a file; it ends with its process, however that ends, or when it is closed.

    Args:
        path: The file; it is made where it is missing.
        patience_seconds: How long to wait for another holder.

    Raises:
        LockHeldError: If another process holds it longer.
        OSError: If the file cannot be opened for writing.
    """
    until = time.monotonic() + patience_seconds
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with ExitStack() as opened:
            file = opened.enter_context(FileIO(os.open(path, flags, 0o644), "r+"))
            _wait_for(file, until)
            # The lock is on the open file: a holder that gives up removes its folder, and the path has another file.
            if lies_at(file, path):
                with suppress(OSError):  # a full disk: the lock holds, only the owner's number is missing
                    os.ftruncate(file.fileno(), 0)
                    os.pwrite(file.fileno(), str(os.getpid()).encode(), 0)
                opened.pop_all()
                return file


def _wait_for(lock: FileIO, until: float) -> None:
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                owner = os.pread(lock.fileno(), 20, 0).decode(errors="replace")
                raise LockHeldError(owner or "unknown") from None
            time.sleep(POLL_SECONDS)


def lies_at(file: FileIO, path: Path) -> bool:
    """Whether an open file is the one that a path names now."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


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
