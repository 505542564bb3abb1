"""Runs written straight into MLflow's SQLite file, all new events in one transaction.

`MlflowClient` costs about 30 ms for a finished trial with 50 parameters and 40 points, all of it in its
object-relational layer; the same rows cost about 1 ms here. The statements below say what
`mlflow.store.tracking.SqlAlchemyStore` says (3.17); they are used only while the database has a layout that they were
compared with (`KNOWN_LAYOUTS`). With any other, MLflow's client is used: slower, the same runs.
"""

import math
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from importlib import metadata
from pathlib import Path

from eksplora.errors import StorageError
from eksplora.files import take_lock
from eksplora.tracker._artifact import write_artifacts
from eksplora.tracker._client import ENVIRONMENT, deleted
from eksplora.tracker._relocate import local_folder
from eksplora.tracker._run import ID_TAG, MARK_TAG, Change, Mark, Point
from eksplora.untrusted import path_inside

KNOWN_LAYOUTS = frozenset({"dc11669786a5"})
"""MLflow's names (alembic revisions) for the layouts of its tables that this module was tested with: 3.17.2."""

PAGE_BYTES = 1024
"""Page size of a new database: MLflow's 218 tables and indexes have a page each at least, most of them empty.

With SQLite's usual 4096 an empty database has 1.1 MB, with these 0.46; writing takes 12% more of SQLite's own time.
"""

LARGEST = 1.7976931348623157e308  # what MLflow stores for infinity

_ADD_EXPERIMENT = """
INSERT OR IGNORE INTO experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace)
VALUES (:name, :folder, 'active', :now, :now, 'default')"""
_ADD_RUN = """
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,
                  source_version, lifecycle_stage, artifact_uri, experiment_id)
VALUES (?, ?, 'UNKNOWN', '', '', 'unknown', 'RUNNING', ?, '', 'active', ?, ?)"""
_SET_TAG = """
INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)
ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value"""
_ADD_PARAM = "INSERT OR IGNORE INTO params (run_uuid, key, value) VALUES (?, ?, ?)"
_ADD_POINT = "INSERT OR IGNORE INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)"
_SET_LATEST = """
INSERT INTO latest_metrics AS old (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key, run_uuid) DO UPDATE
SET value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan
WHERE (excluded.step, excluded.timestamp, excluded.value) > (old.step, old.timestamp, old.value)"""
_SET_STATUS = "UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ?"
_RESTORE = "UPDATE runs SET lifecycle_stage = 'active', deleted_time = NULL WHERE run_uuid = ?"
_ADD_DATASET = """
INSERT OR IGNORE INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source,
                                dataset_profile)
VALUES (?, ?, ?, ?, 'code', ?, ?)"""
_ADD_INPUT = """
INSERT OR IGNORE INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id)
SELECT ?, 'DATASET', dataset_uuid, 'RUN', ? FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?"""
_ADD_CONTEXT = """
INSERT OR IGNORE INTO input_tags (input_uuid, name, value)
SELECT input_uuid, 'mlflow.data.context', 'training' FROM inputs
WHERE source_type = 'DATASET' AND destination_type = 'RUN' AND destination_id = ?"""
_MARKS = """
SELECT substr(own.value, 1, instr(own.value || '/', '/') - 1), sum(runs.lifecycle_stage = 'active'), max(mark.value)
FROM tags AS own JOIN runs USING (run_uuid) LEFT JOIN tags AS mark ON mark.run_uuid = own.run_uuid AND mark.key = ?
WHERE own.key = ? AND runs.experiment_id = ? GROUP BY 1"""

_Row = tuple[str, str, float, int, int, bool]


def create(database: Path, artifacts: Path) -> None:
    """Create MLflow's database, unless it exists. Whole or not at all, once, whoever else tries.

    It is made in a new file that is renamed when it is complete: several creators do not meet, and a kill leaves
    nothing half made. Write-ahead logging is a lasting property of the file: people who look do not keep the writer
    waiting.
    """
    if has_content(database):
        return
    lock = take_lock(database.parent / ".mlflow.lock")
    with lock, tempfile.TemporaryDirectory(dir=database.parent, prefix=".mlflow-new-") as folder:
        if has_content(database):
            return
        new = make(Path(folder))
        with closing(sqlite3.connect(new)) as connection, connection:
            # MLflow needs its experiment 0, and makes it again where it is missing; deleted, no page shows it.
            now = time.time_ns() // 1_000_000
            connection.execute(
                "UPDATE experiments SET artifact_location = ?, creation_time = ?, last_update_time = ?,"
                " lifecycle_stage = 'deleted' WHERE experiment_id = 0",
                ((artifacts / "Default").as_uri(), now, now),
            )
            connection.commit()
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            connection.execute("VACUUM")
            connection.execute("PRAGMA journal_mode = WAL")
        for rest in ("-wal", "-shm"):  # of a database that was removed: SQLite would take them for the new one's
            database.with_name(database.name + rest).unlink(missing_ok=True)
        new.replace(database)


def make(folder: Path) -> Path:
    """A database as MLflow makes it, in an empty folder: from the tables of this version, else by MLflow itself."""
    tables = tables_file()
    if not tables.exists():
        return migrated(folder)
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        connection.executescript(tables.read_text())
    return folder / "mlflow.db"


def tables_file() -> Path:
    """The tables of the installed version of MLflow as SQL; `tools/mlflow_tables.py` writes it for a new version."""
    return Path(__file__).with_name("tables") / f"mlflow-{metadata.version('mlflow')}.sql"


def migrated(folder: Path) -> Path:
    """A database that MLflow itself makes in an empty folder, in a process of its own: about 6 s of CPU."""
    code = "import mlflow; mlflow.MlflowClient('sqlite:///mlflow.db')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | ENVIRONMENT, cwd=folder, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise StorageError(f"MLflow could not create a database: {done.stderr.strip().rpartition(chr(10))[2]}")
    return folder / "mlflow.db"


def has_content(database: Path) -> bool:
    """Whether there is a database; an empty file is one that was torn before anything was in it."""
    return database.exists() and (not database.is_file() or database.stat().st_size > 0)


class SqliteStore:
    """The runs of one experiment in a database of a known layout."""

    def __init__(self, *, database: Path, experiment: str, artifacts: Path) -> None:
        """Open the database, and create the experiment when it does not exist.

        Args:
            database: MLflow's SQLite file.
            experiment: Name of the experiment.
            artifacts: Folder of a new experiment's files.

        Raises:
            StorageError: If the experiment was deleted in MLflow.
            NotLocal: If the experiment's files are not in a local folder.
        """
        self._connection = sqlite3.connect(database, timeout=20, isolation_level=None)
        try:
            self._database, self._file = database, _identity(database)
            self._experiment, self._location = self._open_experiment(experiment, artifacts)
            folder = local_folder(self._location)
            if folder is None:
                raise NotLocal(self._location)
            self._folder = folder
        except BaseException:
            self._connection.close()
            raise

    def is_current(self) -> bool:
        """Whether the file that is open is still the one at its path, not one that was removed or replaced."""
        return self._file == _identity(self._database)

    def marks(self) -> dict[str, Mark]:
        """Stored state of each study, by its id."""
        rows = self._connection.execute(_MARKS, (MARK_TAG, ID_TAG, self._experiment)).fetchall()
        return {study: Mark.read(text, count) for study, count, text in rows}

    def mark(self, study: str) -> Mark | None:
        """Stored state of a study, its runs counted; None where it is unknown."""
        return self.marks().get(study)

    def apply(self, changes: Sequence[Change]) -> None:
        """Bring the changes into the database, all or none; may be repeated after any interruption."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            ids = self._add_runs(changes)
            self._add_rows(changes, ids)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite has ended it already when the disk is full
                self._connection.execute("ROLLBACK")
            raise
        for change in changes:
            if change.texts or change.files:
                folder = path_inside(self._folder, f"{ids[change.key]}/artifacts", source=self._database)
                write_artifacts(folder, change)

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _open_experiment(self, name: str, artifacts: Path) -> tuple[int, str]:
        """Number and files' address of the experiment, created when it does not exist."""
        self._connection.execute("PRAGMA foreign_keys = ON")
        query = "SELECT experiment_id, artifact_location, lifecycle_stage FROM experiments WHERE name = ?"
        now = time.time_ns() // 1_000_000
        self._connection.execute(_ADD_EXPERIMENT, {"name": name, "folder": artifacts.as_uri(), "now": now})
        number, location, stage = self._connection.execute(query, (name,)).fetchone()
        if stage != "active":
            raise deleted(name)
        return number, location

    def _find(self, keys: Sequence[str]) -> dict[str, str]:
        """The ids of those runs that exist. One that somebody deleted in MLflow is the same run, and comes back."""
        marks = ", ".join("?" * len(keys))
        query = f"""
            SELECT tags.value, run_uuid, lifecycle_stage FROM tags JOIN runs USING (run_uuid)
            WHERE key = ? AND value IN ({marks}) AND experiment_id = ? ORDER BY lifecycle_stage = 'active'"""
        rows = self._connection.execute(query, (ID_TAG, *keys, self._experiment)).fetchall()
        found = {key: (run_id, stage) for key, run_id, stage in rows}
        deleted_runs = [(run_id,) for run_id, stage in found.values() if stage != "active"]
        self._connection.executemany(_RESTORE, deleted_runs)
        return {key: run_id for key, (run_id, _) in found.items()}

    def _add_runs(self, changes: Sequence[Change]) -> dict[str, str]:
        """Create the runs that do not exist; returns all ids."""
        keys = {key for change in changes for key in (change.key, change.parent) if key}
        ids = self._find(sorted(keys))
        for change in changes:
            if change.key not in ids:
                run_id = ids[change.key] = uuid.uuid4().hex
                row = (run_id, change.name, change.time, f"{self._location}/{run_id}/artifacts", self._experiment)
                self._connection.execute(_ADD_RUN, row)
                self._connection.execute(_SET_TAG, (run_id, "mlflow.runName", change.name))
            if change.parent:
                self._connection.execute(_SET_TAG, (ids[change.key], "mlflow.parentRunId", ids[change.parent]))
        return ids

    def _add_rows(self, changes: Sequence[Change], ids: dict[str, str]) -> None:
        add = self._connection.executemany
        add(_SET_TAG, [(ids[c.key], *item) for c in changes for item in c.tags.items()])
        add(_ADD_PARAM, [(ids[c.key], *item) for c in changes for item in c.params.items()])
        points = [_row(ids[c.key], point) for c in changes for point in c.metrics]
        add(_ADD_POINT, points)
        add(_SET_LATEST, _latest(points))
        add(_SET_STATUS, [(c.status, c.end_time, ids[c.key]) for c in changes if c.status])
        for dataset in {c.dataset for c in changes if c.dataset}:
            row = (uuid.uuid4().hex, self._experiment, dataset.name, dataset.digest, dataset.source, dataset.profile)
            self._connection.execute(_ADD_DATASET, row)
        trained = [(ids[c.key], c.dataset) for c in changes if c.dataset]
        add(_ADD_INPUT, [(uuid.uuid4().hex, run, self._experiment, data.name, data.digest) for run, data in trained])
        add(_ADD_CONTEXT, [(run,) for run, _ in trained])


def _identity(file: Path) -> tuple[int, int] | None:
    """Identity of a file, different for another one that comes to its path; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class NotLocal(Exception):
    """The experiment's files lie where only MLflow's client can write them."""


def _row(run_id: str, point: Point) -> _Row:
    """A point as MLflow stores it: no NaN, no infinity."""
    is_nan = math.isnan(point.value)
    value = 0.0 if is_nan else min(max(point.value, -LARGEST), LARGEST)
    return run_id, point.key, value, point.time, point.step, is_nan


def _latest(points: Sequence[_Row]) -> list[_Row]:
    """The last point of each metric, in MLflow's order: step, time, value."""
    last: dict[tuple[str, str], _Row] = {}
    for row in points:
        known = last.get(row[:2])
        if known is None or (row[4], row[3], row[2]) > (known[4], known[3], known[2]):
            last[row[:2]] = row
    return list(last.values())
