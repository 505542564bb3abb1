"""MLflow's database in a folder that was moved or copied: the files of its runs are looked for where they lie now.

MLflow notes absolute addresses. A copied project would write into the folder that it was copied from.
"""

import sqlite3
import urllib.parse
from contextlib import closing
from pathlib import Path

from eksplora.tracker._run import ID_TAG
from eksplora.untrusted import is_name

_OURS = """
SELECT experiment_id, name, artifact_location FROM experiments WHERE EXISTS (
    SELECT 1 FROM runs JOIN tags USING (run_uuid) WHERE runs.experiment_id = experiments.experiment_id AND key = ?)"""
_SET_RUN = "UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?"
_SET_MODEL = """
UPDATE model_versions SET source = replace(source, :old, :new), storage_location = replace(storage_location, :old, :new)
WHERE run_id = :run"""


def relocate(database: Path, artifacts: Path) -> int:
    """Have the runs of this project's experiments keep their files below `artifacts`.

    New files go there, and so do those of old runs unless they lie only where they lay. Experiments whose files a
    server keeps are left as they are.

    Returns:
        The number of runs whose files are looked for elsewhere now.
    """
    moved = 0
    with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
        for number, name, location in connection.execute(_OURS, (ID_TAG,)).fetchall():
            known, folder = local_folder(location), artifacts / str(name)
            if known is None or not is_name(name) or (known == folder and "%" not in str(known)):
                continue
            if location != folder.as_uri():
                moved += _relocate(connection, number, folder)
    return moved


def local_folder(location: str | None) -> Path | None:
    """The folder of an address of files; None where that is not on this machine."""
    parts = urllib.parse.urlparse(location or "")
    if not location or parts.scheme not in ("", "file"):
        return None
    return Path(urllib.parse.unquote(parts.path) if parts.scheme else location)


def _relocate(connection: sqlite3.Connection, experiment: int, folder: Path) -> int:
    runs = connection.execute("SELECT run_uuid, artifact_uri FROM runs WHERE experiment_id = ?", (experiment,))
    moved = 0
    for run_id, uri in runs.fetchall():
        known, here = local_folder(uri), folder / str(run_id) / "artifacts"
        if known is None or not is_name(run_id) or (known.is_dir() and not here.is_dir()):
            continue
        connection.execute(_SET_RUN, (here.as_uri(), run_id))
        connection.execute(_SET_MODEL, {"old": uri, "new": here.as_uri(), "run": run_id})
        moved += 1
    change = "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?"
    connection.execute(change, (folder.as_uri(), experiment))
    return moved
