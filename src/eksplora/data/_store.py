"""Raw and prepared folders as they are written: whole or not at all, by one process at a time."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora import files
from eksplora.data import card as cards
from eksplora.data._verify import CARD
from eksplora.untrusted import sha256

WAY_OUT = "Free space, or choose another folder with paths.data=<folder>."


def writing(folder: Path) -> AbstractContextManager[None]:
    """Turn an operating system's refusal to write under `folder` into a StorageError."""
    return files.writing(folder, WAY_OUT)


def locked(folder: Path) -> FileIO:
    """Keep other processes from making `folder` until what is returned is closed."""
    with writing(folder.parent):
        return files.take_lock(folder.with_name(f".{folder.name}.lock"))


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
        files.recover(folder)
        if not is_there():  # another process may have made it while this one waited
            make()
        shutil.rmtree(download_folder(folder), ignore_errors=True)


def download_folder(folder: Path) -> Path:
    """Folder in which files for `folder` arrive, so that a later attempt goes on; removed once `folder` is whole."""
    return folder.with_name(f".{folder.name}.download")


def has_leftovers(folder: Path) -> bool:
    """Whether a killed process left something beside the folder, or a living one is writing."""
    return any(path.exists() for path in (*files.beside(folder), download_folder(folder)))


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
    with files.new_folder(folder, durable=True, way_out=WAY_OUT) as new:
        sealed = cards.sealed({**card, **_write_content(new, content)})
        (new / CARD).write_text(json.dumps(sealed, indent=1), encoding="utf-8")


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
    try:
        np.save(path, np.ascontiguousarray(array), allow_pickle=False)
    except OSError as error:
        if error.errno is None:  # NumPy counts bytes that were not written
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise
    size = path.stat().st_size
    return {"shape": list(array.shape), "dtype": str(array.dtype), "bytes": size, "sha256": sha256(path)}


def _write_file(path: Path, content: bytes) -> dict[str, Any]:
    path.write_bytes(content)
    return {"bytes": len(content), "sha256": sha256(path)}
