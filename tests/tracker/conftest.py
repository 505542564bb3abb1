from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: making one takes seconds, copying does not."""
    from eksplora.tracker import _sqlite

    database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    _sqlite.create(database, database.parent / "artifacts")
    return database
