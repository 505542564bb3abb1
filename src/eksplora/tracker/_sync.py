"""One spool on its way into MLflow: where it stands, and the next piece."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from eksplora.errors import StorageError
from eksplora.tracker import _sqlite
from eksplora.tracker._client import ClientStore
from eksplora.tracker._replay import Replay
from eksplora.tracker._run import Change
from eksplora.tracker.spool import Event, read

EVENTS_PER_STEP = 200
"""Events that go in together: many, so that a trial's events meet in one piece; few, so that a step is short."""


class Store(Protocol):
    """Where runs are kept."""

    def has(self, key: str) -> bool:
        """Whether the run exists."""

    def apply(self, changes: list[Change]) -> None:
        """Bring the changes in; applying them again changes nothing."""

    def close(self) -> None:
        """Let go of it."""


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite address, None for others."""
    return Path(uri.removeprefix("sqlite:///")).absolute() if uri.startswith("sqlite:///") else None


def open_store(uri: str, artifacts: Path, experiment: str) -> Store:
    """The quickest store that suits the address."""
    database, folder = sqlite_path(uri), artifacts.absolute() / experiment
    if database is None:
        return ClientStore(uri=uri, experiment=experiment, artifacts=None)
    _sqlite.create(database, artifacts.absolute())
    if _sqlite.is_known(database):
        try:
            return _sqlite.SqliteStore(database=database, experiment=experiment, artifacts=folder)
        except _sqlite.NotLocal:
            pass
    return ClientStore(uri=f"sqlite:///{database}", experiment=experiment, artifacts=folder)


def stem(uri: str) -> str:
    """Name of the cursor and lock files of an address, beside a spool."""
    return f"mlflow-{hashlib.sha256(uri.encode()).hexdigest()[:8]}"


def load_cursor(path: Path) -> dict[str, Any]:
    """The content of a cursor file; empty when it is lost, which costs time and nothing else."""
    try:
        cursor = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return cursor if isinstance(cursor, dict) else {}


def cursor_offset(spool: Path, uri: str) -> int:
    """How much of a spool, in bytes, is in the MLflow at an address."""
    return int(load_cursor(spool.with_name(f"{stem(uri)}.json")).get("offset", 0))


class Sync:
    """Brings a spool into MLflow, piece by piece, each event once.

    How far it came stands in a cursor file beside the spool, written after MLflow has the piece. A kill in between
    repeats the piece, which changes nothing. The state of the replay is not stored: it is folded again from the events
    before the cursor.
    """

    def __init__(self, *, spool: Path, uri: str, artifacts: Path) -> None:
        """Take hold of the spool; nothing is read yet.

        Raises:
            StorageError: If another process is at it.
        """
        name = stem(uri)
        self._spool, self._uri, self._artifacts = spool, uri, artifacts
        self._cursor = spool.with_name(f"{name}.json")
        self._store: Store | None = None
        self._replay = Replay(folder=spool.parent.absolute())
        self._offset = 0
        self._lock = spool.with_name(f"{name}.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise StorageError(
                f"Another process is bringing {spool} into MLflow. Wait until it is done, then try again."
            ) from None

    def step(self) -> int:
        """Bring the next piece in; returns the number of its events, 0 when there are none."""
        if self._store is None and not self._open():
            return 0
        events = self._fold(islice(read(self._spool, self._offset), EVENTS_PER_STEP))
        if events:
            self._flush_spool()
            self._apply()
            self._save()
        return events

    def settle(self) -> None:
        """Mark what is still open as interrupted: nobody drives the study."""
        if self._store is not None:
            self._replay.settle()
            self._apply()

    def close(self) -> None:
        """Let others have it."""
        if self._store is not None:
            self._store.close()
        self._lock.close()

    def _open(self) -> bool:
        """Connect to MLflow and go to where an earlier process stopped; False while the spool is empty."""
        first = next(iter(read(self._spool)), None) if self._spool.exists() else None
        if first is None:
            return False
        study = first.data
        store = open_store(self._uri, self._artifacts, study["experiment"])
        cursor = load_cursor(self._cursor)
        if cursor.get("study") == study["id"] and store.has(study["id"]):
            self._skip_to(cursor["offset"])
        self._store = store
        return True

    def _skip_to(self, offset: int) -> None:
        """Fold what MLflow has already. A cursor that fits no line belongs to another file: begin again."""
        self._fold(event for event in read(self._spool) if event.end <= offset)
        self._replay.take()
        if self._offset != offset:
            self._replay, self._offset = Replay(folder=self._spool.parent.absolute()), 0

    def _fold(self, events: Iterator[Event]) -> int:
        count = 0
        for event in events:
            self._replay.fold(event)
            self._offset = event.end
            count += 1
        return count

    def _apply(self) -> None:
        assert self._store is not None
        self._store.apply(self._replay.take())

    def _flush_spool(self) -> None:
        """MLflow never knows what a power cut could take from the spool."""
        descriptor = os.open(self._spool, os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def _save(self) -> None:
        temporary = self._cursor.with_suffix(".tmp")
        with temporary.open("w") as file:
            json.dump({"study": self._replay.study["id"], "offset": self._offset, "uri": self._uri}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._cursor)
