"""Checkpoints that survive kill -9, power loss and a full disk.

A generation is written to a temporary file in the same folder, flushed, fsynced and renamed, and the folder is fsynced;
its manifest (hash, step, configuration) comes last, sealed by a hash of its own. Two generations are kept; loading
takes the newest whose manifest and content are whole, whatever happened to the other.
"""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from eksplora.counter import fingerprint
from eksplora.errors import DataError, StorageError, reason_of
from eksplora.untrusted import read_json, read_plain

GENERATIONS = ("a", "b")


@dataclass(frozen=True)
class Manifest:
    """Manifest of a state, written beside it.

    Attributes:
        serial: The newer state has the greater one.
        sha256: Hash of the state's file.
        step: Optimizer steps done.
        config: Whose state it is.
        seal: Fingerprint of the four others: a flipped bit in one of them must not make an old state the newest. None
            in manifests of earlier versions.
    """

    serial: int
    sha256: str
    step: int
    config: str
    seal: str | None = None

    def sealed(self) -> "Manifest":
        """The same with its seal."""
        return Manifest(self.serial, self.sha256, self.step, self.config, fingerprint(self._content()))

    @property
    def is_whole(self) -> bool:
        """Whether it is what was written."""
        return self.seal in (None, fingerprint(self._content()))

    def _content(self) -> list[int | str]:
        return [self.serial, self.sha256, self.step, self.config]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that, whatever happens, either the old or the whole new content is there.

    Raises:
        StorageError: If the disk is full or the folder cannot be written; the old file is untouched.
    """
    temporary = path.with_name(f".{path.name}.tmp")  # one name: what a kill leaves is overwritten, not heaped up
    with _readable_errors(path):
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
def _readable_errors(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one that names the file and the way out."""
    try:
        yield
    except OSError as error:
        way_out = "Free space or fix the folder's permissions."
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
    serial = 1 + max((manifest.serial for manifest in present.values()), default=0)
    # A missing generation counts as the oldest: -1.
    oldest = min(GENERATIONS, key=lambda name: present[name].serial if name in present else -1)
    with _readable_errors(folder / f"{oldest}.json"):
        # Manifest first: a kill between these writes leaves a state without manifest, which nobody reads.
        (folder / f"{oldest}.json").unlink(missing_ok=True)
    write_atomically(folder / f"{oldest}.pt", content)
    manifest = Manifest(serial, hashlib.sha256(content).hexdigest(), state["step"], config_hash).sealed()
    write_atomically(folder / f"{oldest}.json", json.dumps(asdict(manifest)).encode())


def load(
    folder: Path, *, config_hash: str, is_whole: Callable[[dict[str, Any]], bool] = lambda state: True
) -> dict[str, Any] | None:
    """The newest state that is whole and belongs to this configuration; None when there is none.

    Args:
        folder: Where it was saved.
        config_hash: Whose state is wanted.
        is_whole: Whether a state holds what who saved it needs: hashes are right also in a state that was made up.
    """
    manifests = _manifests(folder)
    for name in sorted(manifests, key=lambda name: -manifests[name].serial):
        if manifests[name].config == config_hash:
            state = _state(folder / f"{name}.pt", manifests[name])
            if state is not None and is_whole(state):
                return state
    return None


def _state(path: Path, manifest: Manifest) -> dict[str, Any] | None:
    """The state of a file, None where it is not the one that its manifest describes."""
    try:
        content = read_plain(path)
    except OSError:  # missing, or its disk cannot be read
        return None
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        return None
    try:
        state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception:  # altered together with its hash: torch, zipfile and pickle each have their own
        return None
    is_whole = isinstance(state, dict) and state.get("step") == manifest.step
    return state if is_whole else None


def _manifests(folder: Path) -> dict[str, Manifest]:
    """The manifests that are whole, by generation; one that is missing or torn does not count, nor does its state."""
    found = {}
    for name in GENERATIONS:
        with contextlib.suppress(DataError):
            manifest = read_json(folder / f"{name}.json", Manifest, way_out="")
            if manifest.is_whole:
                found[name] = manifest
    return found
