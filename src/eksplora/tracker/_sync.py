"""One spool on its way into MLflow: where it stands, and the next piece."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from eksplora.errors import StorageError, UserError
from eksplora.events.spool import Event, consistent, last, read, study_of
from eksplora.files import LockHeldError, sync, take_lock
from eksplora.tracker import _sqlite
from eksplora.tracker._client import ClientStore
from eksplora.tracker._explain import check_layout, check_whole
from eksplora.tracker._relocate import relocate
from eksplora.tracker._replay import Replay
from eksplora.tracker._run import Change, Mark
from eksplora.tracker.address import client_uri, masked, sqlite_path
from eksplora.tracker.base import Unreachable
from eksplora.untrusted import path_inside

EVENTS_PER_STEP = 200
"""Events that go in together: many, so that a trial's events meet in one piece; few, so that a step is short."""


class Store(Protocol):
    """Place in which runs are kept."""

    def is_current(self) -> bool:
        """Whether what is open is still what lies at the address."""

    def marks(self) -> dict[str, Mark]:
        """Stored state of each study, by its id."""

    def mark(self, study: str) -> Mark | None:
        """Stored state of a study, its runs counted; None where it is unknown."""

    def apply(self, changes: list[Change]) -> None:
        """Bring the changes in; applying them again changes nothing."""

    def close(self) -> None:
        """Let go of it."""


def open_store(uri: str, artifacts: Path, experiment: str) -> tuple[Store, int]:
    """The quickest store that suits the address, and how many runs of a moved project it found the files of.

    Raises:
        DataError: If the experiment's name is none, or its folder is a link.
        StorageError: If a database is none of MLflow's, or of another version's.
    """
    database = sqlite_path(uri)
    folder = path_inside(artifacts.absolute(), experiment, source="the study")
    if database is None:
        return ClientStore(uri=uri, experiment=experiment, artifacts=None), 0
    _sqlite.create(database, artifacts.absolute())
    layout, moved = check_layout(database), relocate(database, artifacts.absolute())
    if layout in _sqlite.KNOWN_LAYOUTS:
        try:
            return _sqlite.SqliteStore(database=database, experiment=experiment, artifacts=folder), moved
        except _sqlite.NotLocal:
            return ClientStore(uri=client_uri(database), experiment=experiment, artifacts=None), moved
    return ClientStore(uri=client_uri(database), experiment=experiment, artifacts=folder), moved


def behind(spools: Sequence[Path], uri: str, artifacts: Path, *, counts_runs: bool) -> list[Path]:
    """Those of the spools that the MLflow at an address does not have all of, as it says itself.

    Args:
        spools: Studies' files.
        uri: The address.
        artifacts: Folder of the runs' files.
        counts_runs: Whether to look for runs that somebody deleted, and for damage to the database, too.
    """
    stores: dict[str, tuple[Store, dict[str, Mark]]] = {}
    database = sqlite_path(uri)
    if database is not None and not _sqlite.has_content(database):
        return list(spools)
    if database is not None and counts_runs:
        check_whole(database)
    try:
        return [spool for spool in spools if _is_behind(spool, stores, uri, artifacts, counts_runs)]
    finally:
        for store, _ in stores.values():
            store.close()


def _is_behind(
    spool: Path, stores: dict[str, tuple[Store, dict[str, Mark]]], uri: str, artifacts: Path, counts_runs: bool
) -> bool:
    try:
        with consistent(spool):
            if last(spool) is None:
                return False
            study = study_of(spool)
        if study.experiment not in stores:
            opened, _ = open_store(uri, artifacts, study.experiment)
            stores[study.experiment] = opened, opened.marks()
    except Unreachable:
        raise
    except (UserError, OSError):
        return True  # whoever brings it in says why
    store, marks = stores[study.experiment]
    mark = marks.get(study.id)
    if counts_runs and mark is not None and mark.present is None:
        mark = store.mark(study.id)
    return mark is None or mark.offset != spool.stat().st_size or (counts_runs and not mark.is_whole)


def stem(uri: str) -> str:
    """Name of the lock file of an address, beside a spool."""
    return f"mlflow-{hashlib.sha256(masked(uri).encode()).hexdigest()[:8]}"


class Sync:
    """Brings a spool into MLflow, piece by piece, each event once.

    How far it came stands in MLflow itself, on the study's run, written after MLflow has the piece. A kill in between
    repeats the piece, which changes nothing. So a database that was removed, replaced or brought back from a copy says
    itself what it lacks. The state of the replay is not stored: it is folded again from the events before.
    """

    def __init__(self, *, spool: Path, uri: str, artifacts: Path) -> None:
        """Take hold of the spool; nothing is read yet.

        Raises:
            StorageError: If another process is at it.
        """
        self._spool, self._uri, self._artifacts = spool, uri, artifacts
        self._store: Store | None = None
        self.moved = 0
        self._begin_again()
        try:
            self._lock = take_lock(spool.with_name(f"{stem(uri)}.lock"), patience_seconds=0)
        except LockHeldError:
            raise StorageError(
                f"Another process is bringing {spool} into MLflow. Wait until it is done, then try again."
            ) from None

    @property
    def offset(self) -> int:
        """Bytes of the spool that are in."""
        return self._offset

    def step(self) -> int:
        """Bring the next piece in; returns the number of its events, 0 when there are none.

        Raises:
            UserError: If the spool is damaged, or the store is not MLflow's.
        """
        if self._store is not None and not self._store.is_current():
            self._store.close()
            self._store = None
        if self._store is None and not self._open():
            return 0
        events = self._fold(islice(read(self._spool, self._offset), EVENTS_PER_STEP))
        if events:
            self._flush_spool()
            self._apply()
            self._mark()
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

    def _begin_again(self) -> None:
        self._replay, self._offset = Replay(folder=self._spool.parent.absolute()), 0

    def _open(self) -> bool:
        """Connect to MLflow and go to where an earlier process stopped; False while the spool is empty."""
        if not self._spool.exists() or last(self._spool) is None:
            return False
        study = study_of(self._spool)
        store, moved = open_store(self._uri, self._artifacts, study.experiment)
        try:
            mark = store.mark(study.id)
            self._begin_again()
            if mark is not None and mark.is_whole:
                self._skip_to(mark.offset)
        except BaseException:
            store.close()
            raise
        self._store, self.moved = store, self.moved + moved
        return True

    def _skip_to(self, offset: int) -> None:
        """Fold what MLflow has already. An offset that fits no line belongs to another file: begin again."""
        self._fold(event for event in read(self._spool) if event.end <= offset)
        self._replay.take()
        if self._offset != offset:
            self._begin_again()

    def _fold(self, events: Iterator[Event]) -> int:
        count = 0
        with consistent(self._spool):
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
        sync(self._spool)

    def _mark(self) -> None:
        assert self._store is not None
        self._store.apply([self._replay.mark(self._offset)])
