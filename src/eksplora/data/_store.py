"""Raw and prepared folders as they are written: whole or not at all, by one process at a time."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.data import card as cards
from eksplora.data._verify import CARD, sha256
from eksplora.errors import StorageError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write under `folder` into a StorageError."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "the disk may be full"
        raise StorageError(
            f"Cannot write {folder}: {reason}. Free space, or choose another folder with paths.data=<folder>."
        ) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from making `folder`; the lock ends with the process, however it ends."""
    with writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder.with_name(f".{folder.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


def once(folder: Path, is_there: Callable[[], bool], make: Callable[[], None]) -> None:
    """Make a folder unless it is there; of several processes one makes it, and what killed ones left is removed.

    Args:
        folder: The folder; nothing is written where it is there and no process left or is leaving anything beside it.
        is_there: Whether it is there and whole; asked again when no other process can be making it.
        make: Makes it by `write`, under `locked`. Where it fails, what lies in `download_folder` is kept for the next.
    """
    if is_there() and not has_leftovers(folder):
        return
    with locked(folder):
        clear_leftovers(folder)
        if not is_there():  # another process may have made it while this one waited
            make()
        shutil.rmtree(download_folder(folder), ignore_errors=True)


def download_folder(folder: Path) -> Path:
    """Where files for `folder` arrive, so that a later attempt goes on; removed once `folder` is whole."""
    return folder.with_name(f".{folder.name}.download")


def has_leftovers(folder: Path) -> bool:
    """Whether a killed process left something beside the folder, or a living one is writing."""
    return any(path.exists() for path in (*_siblings(folder), download_folder(folder)))


def clear_leftovers(folder: Path) -> None:
    """Remove what killed processes left half-written; call it under `locked`."""
    for path in _siblings(folder):
        shutil.rmtree(path, ignore_errors=True)


def write(folder: Path, content: Mapping[str, NDArray[Any] | bytes], card: Mapping[str, Any]) -> None:
    """Write content and card to `folder`, replacing what was there; call it under `locked`.

    Args:
        folder: Where it appears, whole.
        content: By name: an array becomes `<name>.npy` and is listed under `arrays` in the card; bytes become the file
            `<name>` and are listed under `files`.
        card: What else the card says.

    Raises:
        StorageError: The disk is full or the folder cannot be written; what was there before is still there.
    """
    new, _ = _siblings(folder)
    try:
        with writing(folder):
            new.mkdir()
            sealed = cards.sealed({**card, **_write_content(new, content)})
            _write_durably(new / CARD, json.dumps(sealed, indent=1).encode())
            sync_folder(new)
            _replace(folder, new)
    finally:
        clear_leftovers(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _siblings(folder: Path) -> tuple[Path, Path]:
    """Where the new form is written and the old one waits for removal; fixed names, so that a kill's rest is found."""
    return folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")


def _write_content(folder: Path, content: Mapping[str, NDArray[Any] | bytes]) -> dict[str, Any]:
    """Write every array and file; what the card says of them. A kind of which there is none has no key."""
    said: dict[str, dict[str, Any]] = {}
    for name, item in content.items():
        if isinstance(item, bytes):
            said.setdefault("files", {})[name] = _write_file(folder / name, item)
        else:
            said.setdefault("arrays", {})[name] = _write_array(folder / f"{name}.npy", item)
    return said


def _write_array(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    size = path.stat().st_size
    return {"shape": list(array.shape), "dtype": str(array.dtype), "bytes": size, "sha256": sha256(path)}


def _write_file(path: Path, content: bytes) -> dict[str, Any]:
    _write_durably(path, content)
    return {"bytes": len(content), "sha256": sha256(path)}


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(folder: Path, new: Path) -> None:
    """Put `new` in the place of `folder`; a kill between the two renames leaves no folder, never half of one."""
    _, old = _siblings(folder)
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    sync_folder(folder.parent)
