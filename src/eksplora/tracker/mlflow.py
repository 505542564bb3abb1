"""Studies in MLflow: experiment = experiment, run = study, child = trial, grandchild = member."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from eksplora.errors import ConfigError, EksploraError, StorageError
from eksplora.installation import target
from eksplora.ranges import check_number
from eksplora.tracker._explain import check_layout, explained
from eksplora.tracker._lookup import MlflowLookup
from eksplora.tracker._registry import MlflowRegistry
from eksplora.tracker._relocate import relocate
from eksplora.tracker._sqlite import create, has_content
from eksplora.tracker._sync import Sync, behind
from eksplora.tracker.address import VARIABLE, chosen, client_uri, masked, sqlite_path
from eksplora.tracker.base import Unreachable

POLL_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
LIBRARIES = ("mlflow", "sqlalchemy", "sqlite3", "requests", "urllib3", "alembic")
"""Whose errors are reported in one line: those of their own kinds, and all that are raised while their code runs."""

DEAD_SECONDS = 2.0
"""Longest wait at the end of a study for a server that did not answer before."""

_AGAIN = "Fix that or set tracker.uri, then give the same command again."

SAY_SECONDS = 5.0
"""Time between two messages at the end of a study on how far MLflow is."""


class MlflowTracker:
    """Fills MLflow from the spool, in a thread that never disturbs the driver."""

    def __init__(self, *, uri: str | None, database: str, artifacts: str, timeout_seconds: float) -> None:
        """Nothing is opened yet.

        Args:
            uri: `sqlite:///<file>`, or the address of a server; None: what MLFLOW_TRACKING_URI names.
            database: The SQLite file where neither names an address.
            artifacts: Folder of the runs' files when they go into a SQLite file.
            timeout_seconds: Longest wait of `finish` without any progress, in seconds, at least 0.

        Raises:
            ConfigError: If a value is out of range.
        """
        self._uri, self._notice = chosen(uri, database)
        if "://" not in self._uri or self._uri.startswith("file:"):
            raise ConfigError(
                f"{VARIABLE if uri is None else 'tracker.uri'} must be a database or a server, "
                f"got {masked(self._uri.rpartition('@')[2])!r}. Use sqlite:///<path>/mlflow.db or http://<host>:<port>."
            )
        check_number(timeout_seconds, "tracker.timeout_seconds", least=0, usual=30)
        self._artifacts, self._timeout_seconds = Path(artifacts), timeout_seconds
        self._database = sqlite_path(self._uri)
        self._thread: threading.Thread | None = None
        self._spool: Path | None = None
        self._wake, self._stop, self._given_up = threading.Event(), threading.Event(), threading.Event()
        self._is_level = True
        self._problem: str | None = None
        self._progress = time.monotonic(), 0

    @property
    def problem(self) -> str | None:
        """Reason for which MLflow is behind, in one line; None when it is not."""
        return self._problem

    @property
    def notice(self) -> str:
        """Influence of MLFLOW_TRACKING_URI on where runs go; empty when there is none."""
        return self._notice

    def where(self, study_name: str) -> str:
        """One line that says how to look at the study."""
        if self._database is not None:
            return f"`{target('ui')}`, then the run {study_name} in MLflow ({self._uri.removeprefix('sqlite:///')})"
        page = f"{masked(self._uri).rstrip('/')}/#/experiments?workflowType=machine_learning"
        return f"{page if self._uri.startswith('http') else masked(self._uri)}, then the run {study_name} in MLflow"

    @property
    def server_uri(self) -> str:
        """The address for a server of MLflow's that shows the runs; it may hold a password."""
        return self._uri if self._database is None else client_uri(self._database)

    def sync(self, spool: Path, *, is_over: bool) -> int:
        """Bring what is new in a spool into MLflow, now; returns the number of events.

        Args:
            spool: The study's file.
            is_over: Whether nobody drives the study: runs still open are then marked interrupted.

        Raises:
            StorageError: If MLflow does not take it; the spool keeps everything.
            StudyError: If the spool is damaged.
        """
        with self._one_line(spool):
            sync, count = Sync(spool=spool, uri=self._uri, artifacts=self._artifacts), 0
            try:
                while events := sync.step():
                    count += events
                if is_over:
                    sync.settle()
            finally:
                sync.close()
            return count

    def behind(self, spools: Sequence[Path], *, counts_runs: bool) -> list[Path]:
        """Those of the spools that MLflow does not have all of; it is asked itself.

        Raises:
            StorageError: If MLflow does not answer.
        """
        with self._one_line(None):
            return behind(spools, self._uri, self._artifacts, counts_runs=counts_runs)

    def relocated(self) -> int:
        """Find the files of a project that was moved or copied again; returns the number of runs that was done for.

        Raises:
            StorageError: If the database cannot be changed.
        """
        if self._database is None or not has_content(self._database):
            return 0
        with self._one_line(None):
            check_layout(self._database)
            return relocate(self._database, self._artifacts.absolute())

    def prepare_server(self) -> None:
        """Have ready what a server shows: a server that makes the database itself adds an empty experiment.

        Raises:
            StorageError: If there is no database and none can be made, or it cannot be changed.
        """
        if self._database is not None:
            with self._one_line(None):
                create(self._database, self._artifacts.absolute())
            self.relocated()

    def start(self, spool: Path) -> None:
        """Follow the spool in the background from now on."""
        self._stop.clear()
        self._given_up.clear()
        self._is_level, self._spool = False, spool
        self._thread = threading.Thread(target=self._follow, args=(spool,), name="mlflow", daemon=True)
        self._thread.start()

    def notify(self) -> None:
        """Look at the spool at once instead of at the next poll."""
        self._wake.set()

    def finish(self, timeout_seconds: float | None = None, say: Callable[[str], None] | None = None) -> bool:
        """Catch up and stop following; False when MLflow does not have everything by then.

        A database on this machine is waited for as long as pieces go in; only a problem that lasts ends the wait.

        Args:
            timeout_seconds: Longest wait without progress; None: the one given to the constructor. A server that
                does not answer gets 2 s.
            say: Called with the progress, at most every few seconds.
        """
        if self._thread is None or self._spool is None:
            return True
        limit = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        began, due, line = time.monotonic(), time.monotonic() + SAY_SECONDS, ""
        self._stop.set()
        self._wake.set()
        while self._thread.is_alive() and not self._is_over(limit, began):
            self._thread.join(0.05)
            if say is not None and time.monotonic() > due and line != self._how_far():
                due, line = time.monotonic() + SAY_SECONDS, self._how_far()
                say(line)
        self._given_up.set()
        self._wake.set()
        return self._is_level and not self._thread.is_alive()

    def _is_over(self, limit: float, began: float) -> bool:
        """Whether the wait for the follower has no prospect."""
        idle = time.monotonic() - max(began, self._progress[0])
        if self._database is not None:
            return self._problem is not None and idle > limit
        return idle > (min(limit, DEAD_SECONDS) if self._problem else limit)

    def _how_far(self) -> str:
        assert self._spool is not None
        share = 100 * self._progress[1] // max(1, self._spool.stat().st_size)
        what = f"has {share}% of" if self._progress[1] else "is getting ready for"
        return f"MLflow {what} {self._spool.parent.name}; all of it follows (Ctrl-C leaves, `{target('sync')}` goes on)"

    @contextmanager
    def registry(self) -> Iterator[MlflowRegistry]:
        """MLflow's registry of models.

        Raises:
            StorageError: On leaving, if MLflow did not take something.
        """
        with self._one_line(None):
            yield MlflowRegistry(self._reachable())

    @contextmanager
    def lookup(self) -> Iterator[MlflowLookup]:
        """MLflow's runs, by id.

        Raises:
            StorageError: On leaving, if MLflow does not answer.
        """
        with self._one_line(None):
            yield MlflowLookup(self._reachable())

    def _reachable(self) -> str:
        """The address for MLflow's client, from wherever one stands."""
        if self._database is None:
            return self._uri
        if not has_content(self._database):
            raise StorageError(
                f"{self._database} is missing: nothing was tracked here. Set tracker.uri, or train first."
            )
        self.relocated()
        return client_uri(self._database)

    @contextmanager
    def _one_line(self, spool: Path | None) -> Iterator[None]:
        """Turn what MLflow's libraries raise into one line; with a spool everything, for they raise anything then."""
        try:
            yield
        except EksploraError:
            raise
        except Exception as error:  # MLflow and what it rests on each have their own
            if spool is None and not _is_theirs(error):
                raise
            raise self._failure(error, spool) from error

    def _failure(self, error: Exception, spool: Path | None) -> StorageError:
        """An error of MLflow's libraries as ours."""
        problem, way_out, is_common = explained(error, self._uri)
        kept = f"Nothing is lost: {spool} keeps everything, and the next start or `{target('sync')}` brings it in."
        again = kept if spool else "Then give the same command again." if way_out else _AGAIN
        return (Unreachable if is_common else StorageError)(
            " ".join([f"{problem}.", *([way_out] * bool(way_out)), again])
        )

    def _follow(self, spool: Path) -> None:
        """The thread: bring in what is there, sleep, again; after a failure begin anew from where MLflow is."""
        sync: Sync | None = None
        pause = POLL_SECONDS
        while not self._is_level and not self._given_up.is_set():
            is_last = self._stop.is_set()  # asked before looking: what was written before `finish` is seen
            try:
                sync = sync or Sync(spool=spool, uri=self._uri, artifacts=self._artifacts)
                while sync.step():
                    self._progress = time.monotonic(), sync.offset
                self._problem, pause, self._is_level = None, POLL_SECONDS, is_last
            except Exception as error:  # whatever MLflow's libraries raise must not end a study
                known = isinstance(error, EksploraError)
                self._problem = str(error if known else self._failure(error, spool))
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                if sync:
                    sync.close()
                sync = None
            if not self._is_level:
                self._wake.wait(min(pause, 1.0) if is_last else pause)
                self._wake.clear()
        if sync:
            sync.close()


def _is_theirs(error: Exception) -> bool:
    """Whether MLflow's libraries are at fault: an answer of another shape ends as an AttributeError in their code."""
    names = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    owners = [owner for owner in (str(name).partition(".")[0] for name in names) if owner in ("eksplora", *LIBRARIES)]
    return type(error).__module__.partition(".")[0] in LIBRARIES or owners[-1:] != ["eksplora"]
