"""Studies in MLflow: experiment = experiment, run = study, child = trial, grandchild = member."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eksplora.errors import ConfigError, StorageError
from eksplora.tracker._lookup import MlflowLookup
from eksplora.tracker._registry import MlflowRegistry
from eksplora.tracker._sync import Sync, cursor_offset, sqlite_path

POLL_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
LIBRARIES = ("mlflow", "sqlalchemy", "sqlite3", "requests", "urllib3", "alembic")
"""Whose errors are told in one line."""

DEAD_SECONDS = 2.0
"""How long the end of a study waits for an MLflow that did not answer before."""


class MlflowTracker:
    """Fills MLflow from the spool, in a thread that never disturbs the driver."""

    def __init__(self, *, uri: str, artifacts: str, timeout_seconds: float) -> None:
        """Nothing is opened yet.

        Args:
            uri: `sqlite:///<file>`, or the address of a server.
            artifacts: Folder of the runs' files when `uri` is a SQLite file.
            timeout_seconds: Longest wait of `finish`, in seconds, at least 0.

        Raises:
            ConfigError: If a value is out of range.
        """
        if "://" not in uri or uri.startswith("file:"):
            raise ConfigError(
                f"tracker.uri must be a database or a server, got {uri!r}. "
                "Use sqlite:///<path>/mlflow.db or http://<host>:<port>."
            )
        if timeout_seconds < 0:
            raise ConfigError(f"tracker.timeout_seconds must not be negative, got {timeout_seconds}. Use e.g. 30.")
        self._uri, self._artifacts, self._timeout_seconds = uri, Path(artifacts), timeout_seconds
        self._thread: threading.Thread | None = None
        self._wake, self._stop = threading.Event(), threading.Event()
        self._is_level = True
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why MLflow is behind, in one line; None when all is well."""
        return self._trouble

    def where(self, study_name: str) -> str:
        """One line that tells how to look at the study."""
        if sqlite_path(self._uri) is not None:
            return f"`make ui`, then the run {study_name} in MLflow ({self._uri.removeprefix('sqlite:///')})"
        return f"{self._uri}, then the run {study_name} in MLflow"

    def sync(self, spool: Path, *, is_over: bool) -> int:
        """Bring what is new in a spool into MLflow, now; returns the number of events.

        Args:
            spool: The study's file.
            is_over: Whether nobody drives the study: runs still open are then marked interrupted.

        Raises:
            StorageError: If MLflow does not take it; the spool keeps everything.
            StudyError: If the spool is damaged.
        """
        try:
            return self._sync(spool, is_over=is_over)
        except (StorageError, ConfigError):
            raise
        except Exception as error:  # MLflow, SQLAlchemy, requests and sqlite3 each have their own
            raise StorageError(self._explain(error, spool)) from error

    def is_level(self, spool: Path) -> bool:
        """Whether MLflow has everything in a spool, as far as the cursor beside it tells."""
        return cursor_offset(spool, self._uri) == spool.stat().st_size

    def start(self, spool: Path) -> None:
        """Follow the spool in the background from now on."""
        self._stop.clear()
        self._is_level = False
        self._thread = threading.Thread(target=self._follow, args=(spool,), name="mlflow", daemon=True)
        self._thread.start()

    def notify(self) -> None:
        """Look at the spool at once instead of at the next poll."""
        self._wake.set()

    def finish(self, timeout_seconds: float | None = None) -> bool:
        """Catch up and stop following; False when MLflow does not have everything by then.

        Args:
            timeout_seconds: Longest wait; None: the one given to the constructor. An MLflow in trouble gets 2 s.
        """
        if self._thread is None:
            return True
        wait = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        self._stop.set()
        self._wake.set()
        self._thread.join(min(wait, DEAD_SECONDS) if self._trouble else wait)
        return self._is_level and not self._thread.is_alive()

    @contextmanager
    def registry(self) -> Iterator[MlflowRegistry]:
        """MLflow's registry of models.

        Raises:
            StorageError: On leaving, if MLflow did not take something.
        """
        with self._told():
            yield MlflowRegistry(self._address)

    @contextmanager
    def lookup(self) -> Iterator[MlflowLookup]:
        """MLflow's runs, by id.

        Raises:
            StorageError: On leaving, if MLflow does not answer.
        """
        with self._told():
            yield MlflowLookup(self._address)

    @property
    def _address(self) -> str:
        """The tracking address, from wherever one stands."""
        database = sqlite_path(self._uri)
        if database is not None and not database.exists():
            raise StorageError(f"{database} is missing: nothing was tracked here. Set tracker.uri, or train first.")
        return self._uri if database is None else f"sqlite:///{database}"

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what MLflow's libraries raise into one line."""
        try:
            yield
        except Exception as error:  # MLflow and what it rests on each have their own
            if type(error).__module__.partition(".")[0] not in LIBRARIES:
                raise
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise StorageError(
                f"MLflow at {self._uri} cannot be used ({reason}). Mend it, then give the same command again."
            ) from error

    def _sync(self, spool: Path, *, is_over: bool) -> int:
        sync, count = Sync(spool=spool, uri=self._uri, artifacts=self._artifacts), 0
        try:
            while events := sync.step():
                count += events
            if is_over:
                sync.settle()
        finally:
            sync.close()
        return count

    def _follow(self, spool: Path) -> None:
        """The thread: bring in what is there, sleep, again; after a failure begin anew from the cursor."""
        sync: Sync | None = None
        pause, is_last = POLL_SECONDS, False
        while not is_last:
            is_last = self._stop.is_set()  # asked before looking: what was written before `finish` is seen
            try:
                sync = sync or Sync(spool=spool, uri=self._uri, artifacts=self._artifacts)
                while sync.step():
                    pass
                self._trouble, pause, self._is_level = None, POLL_SECONDS, is_last
            except Exception as error:  # whatever MLflow's libraries raise must not end a study
                self._trouble, pause = self._explain(error, spool), min(2 * pause, LONGEST_PAUSE_SECONDS)
                if sync:
                    sync.close()
                sync = None
            if not is_last:
                self._wake.wait(pause)
                self._wake.clear()
        if sync:
            sync.close()

    def _explain(self, error: Exception, spool: Path) -> str:
        reason = " ".join(str(error).split())
        if any(sign in reason for sign in ("Max retries exceeded", "timed out", "Connection aborted")):
            problem = f"MLflow at {self._uri} does not answer"
        else:
            problem = f"MLflow at {self._uri} cannot be filled ({reason[:200] or type(error).__name__})"
        return f"{problem}. Nothing is lost: {spool} keeps everything, and the next start or `make sync` brings it in."
