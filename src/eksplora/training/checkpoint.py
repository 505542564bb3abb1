"""Checkpoints that survive kill -9, power loss and a full disk.

A generation is written to a temporary file in the same folder, flushed, fsynced and renamed, and the folder is fsynced;
its manifest (hash, step, configuration) comes last. Two generations are kept; loading takes the newest that verifies.
"""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from eksplora.errors import StorageError, reason_of

GENERATIONS = ("a", "b")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that, whatever happens, either the old or the whole new content is there.

    Raises:
        StorageError: If the disk is full or the folder cannot be written; the old file is untouched.
    """
    temporary = path.with_name(f".{path.name}.tmp")  # one name: what a kill leaves is overwritten, not heaped up
    with _told(path):
        try:
            _write(temporary, content)
            temporary.replace(path)
            _sync_folder(path.parent)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one that names the file and the way out."""
    try:
        yield
    except OSError as error:
        way_out = "Free space or mend the folder's rights."
        raise StorageError(f"{path}: cannot be written ({reason_of(error)}). {way_out}") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save(folder: Path, state: dict[str, Any], *, config_hash: str) -> None:
    """Save a state (tensors, numbers, strings, and lists and dicts of them) as the newest generation.

    Raises:
        StorageError: If it cannot be written; the older generations are untouched.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    present = _manifests(folder)
    serial = 1 + max((manifest["serial"] for manifest in present.values()), default=0)
    oldest = min(GENERATIONS, key=lambda name: present[name]["serial"] if name in present else -1)
    with _told(folder / f"{oldest}.json"):
        (folder / f"{oldest}.json").unlink(missing_ok=True)
    write_atomically(folder / f"{oldest}.pt", content)
    digest = hashlib.sha256(content).hexdigest()
    manifest = {"serial": serial, "sha256": digest, "step": state["step"], "config": config_hash}
    write_atomically(folder / f"{oldest}.json", json.dumps(manifest).encode())


def load(folder: Path, *, config_hash: str) -> dict[str, Any] | None:
    """The newest state that verifies and belongs to this configuration; None when there is none."""
    manifests = _manifests(folder)
    for name in sorted(manifests, key=lambda name: -manifests[name]["serial"]):
        content = _read(folder / f"{name}.pt")
        good = hashlib.sha256(content).hexdigest() == manifests[name]["sha256"]
        if good and manifests[name]["config"] == config_hash:
            state: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
            return state
    return None


def _manifests(folder: Path) -> dict[str, dict[str, Any]]:
    """The readable manifests, by generation."""
    found = {}
    for name in GENERATIONS:
        try:
            found[name] = json.loads(_read(folder / f"{name}.json"))
        except ValueError:
            continue  # missing or torn: that generation does not count
    return found


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
