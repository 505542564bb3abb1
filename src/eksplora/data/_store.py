"""Prepared folders on disk: written whole or not at all, read only after their hashes agree."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.data import _card
from eksplora.errors import DataError, StorageError

CARD = "card.json"
_verified: dict[tuple[str, int, int], str] = {}  # (path, mtime_ns, size) -> sha256, for the life of the process


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
    """Keep other processes from preparing `folder`; the lock ends with the process, however it ends."""
    with writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder.with_name(f".{folder.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


def has_leftovers(folder: Path) -> bool:
    """Whether a killed process left something beside the folder, or a living one is writing."""
    return any(path.exists() for path in _siblings(folder))


def clear_leftovers(folder: Path) -> None:
    """Remove what killed processes left; call it under `locked`."""
    for path in _siblings(folder):
        shutil.rmtree(path, ignore_errors=True)


def write(folder: Path, arrays: Mapping[str, NDArray[Any]], card: Mapping[str, Any]) -> None:
    """Write arrays and card to `folder`, replacing what was there; call it under `locked`.

    Raises:
        StorageError: The disk is full or the folder cannot be written; what was there before is still there.
    """
    new, _ = _siblings(folder)
    try:
        with writing(folder):
            new.mkdir()
            entries = {name: _write_array(new / f"{name}.npy", array) for name, array in arrays.items()}
            sealed = _card.sealed({**card, "arrays": entries})
            _write_durably(new / CARD, json.dumps(sealed, indent=1).encode())
            sync_folder(new)
            _replace(folder, new)
    finally:
        clear_leftovers(folder)


def read_card(folder: Path, way_out: str) -> dict[str, Any]:
    """The card of a prepared folder.

    Raises:
        DataError: It is missing, unreadable, altered, or of another format; the message ends with `way_out`.
    """
    path = folder / CARD
    try:
        card = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} is missing: the data are not prepared. {way_out}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({_one_line(error)}). {way_out}") from None
    if not _card.is_sealed(card):
        raise DataError(f"{path} has been altered: its fingerprint does not agree. {way_out}")
    if card["format"] != _card.FORMAT:
        raise DataError(f"{path} has format {card['format']}, this version reads {_card.FORMAT}. {way_out}")
    return dict(card)


def is_complete(folder: Path, card: Mapping[str, Any]) -> bool:
    """Whether all arrays are there in their full size; reads no array."""
    paths = [(folder / f"{name}.npy", entry["bytes"]) for name, entry in card["arrays"].items()]
    return all(path.is_file() and path.stat().st_size == size for path, size in paths)


def open_array(path: Path, entry: Mapping[str, Any], way_out: str) -> NDArray[Any]:
    """A read-only memory map of an array whose hash agrees with its entry in the card.

    The hash is computed once per process and state of the file.

    Raises:
        DataError: The file is missing, unreadable or altered; the message ends with `way_out`.
    """
    try:
        state = path.stat()
        seen = (str(path.absolute()), state.st_mtime_ns, state.st_size)
        if seen not in _verified:
            _verified[seen] = _sha256(path)
        if _verified[seen] == entry["sha256"]:
            array: NDArray[Any] = np.load(path, mmap_mode="r")
            return array
    except FileNotFoundError:
        raise DataError(f"{path} is missing. {way_out}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({_one_line(error)}). {way_out}") from None
    raise DataError(f"{path} has changed since it was prepared: its sha256 is not the card's. {way_out}")


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


def _write_array(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    size = path.stat().st_size
    return {"shape": list(array.shape), "dtype": str(array.dtype), "bytes": size, "sha256": _sha256(path)}


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _one_line(error: Exception) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else str(error)
