import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # example_study.py, for the tests here and the processes they start
sys.path.insert(0, str(Path(__file__).parents[1]))  # hostile_spools.py


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: making one takes seconds, copying does not."""
    from eksplora.tracker import _sqlite

    database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    _sqlite.create(database, database.parent / "artifacts")
    return database
