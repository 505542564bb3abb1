"""MLflow's empty tables as one file: `python -m tools.mlflow_tables` after an upgrade of MLflow.

MLflow makes a new database by every migration since its beginning: about 6 s of CPU, in each new working folder. The
file has the tables that they end with, for the installed version.
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from eksplora.tracker import _sqlite


def statements(database: Path) -> list[str]:
    """SQL that makes the same tables with the same rows, without the place and the time at which they were made."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE experiments SET artifact_location = '', creation_time = 0, last_update_time = 0")
        return list(connection.iterdump())


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        lines = statements(_sqlite.migrated(Path(folder)))
    _sqlite.tables_file().write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
