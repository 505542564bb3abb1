"""Checkpoints that survive kill -9, power loss and a full disk.

A generation is written whole and durably (`files.write_file`). Its manifest (hash, step, configuration) comes last,
sealed by a hash of its own. Two generations are kept; loading takes the newest whose manifest and content are whole,
whatever happened to the other.
"""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from eksplora.counter import fingerprint
from eksplora.errors import DataError
from eksplora.files import write_file, writing
from eksplora.untrusted import read_json, read_plain

GENERATIONS = ("a", "b")
WAY_OUT = "Free space or fix the folder's permissions."


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
    file, about = folder / f"{oldest}.pt", folder / f"{oldest}.json"
    with writing(about, WAY_OUT):
        # Manifest first: a kill between these writes leaves a state without manifest, which nobody reads.
        about.unlink(missing_ok=True)
    write_file(file, content, way_out=WAY_OUT)
    manifest = Manifest(serial, hashlib.sha256(content).hexdigest(), state["step"], config_hash).sealed()
    write_file(about, json.dumps(asdict(manifest)), way_out=WAY_OUT)


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
