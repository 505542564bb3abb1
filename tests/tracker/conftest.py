import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # example_study.py, for the tests here and the processes they start
sys.path.insert(0, str(Path(__file__).parents[1]))  # hostile_spools.py


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: making one takes seconds, copying does not."""
    from once import once

    from eksplora.tracker import _sqlite

    return once(tmp_path_factory, "mlflow", lambda at: _sqlite.create(at / "mlflow.db", at / "artifacts")) / "mlflow.db"
