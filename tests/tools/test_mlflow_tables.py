"""The tables that come with the package are those that the installed MLflow makes."""

from pathlib import Path

import pytest

from eksplora.tracker import _sqlite
from tools import mlflow_tables


def lines_of(statements: list[str]) -> list[list[str]]:
    """The lines of each statement, all sorted: MLflow's migrations make indexes and constraints in any order."""
    return sorted(sorted(line.strip().rstrip(",") for line in statement.splitlines()) for statement in statements)


def test_the_installed_mlflow_has_a_file() -> None:
    assert _sqlite.tables_file().exists(), "MLflow has another version. Run `python -m tools.mlflow_tables`."


@pytest.mark.slow
def test_the_file_has_what_the_installed_mlflow_makes_by_its_migrations(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    made = mlflow_tables.statements(_sqlite.make(ours))
    assert lines_of(made) == lines_of(mlflow_tables.statements(_sqlite.migrated(theirs)))
    (layout,) = (line for line in made if line.startswith('INSERT INTO "alembic_version"'))
    assert any(f"'{known}'" in layout for known in _sqlite.KNOWN_LAYOUTS)


def test_without_a_file_for_its_version_mlflow_makes_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sqlite.metadata, "version", lambda name: "99.0.0")
    monkeypatch.setattr(_sqlite, "migrated", lambda folder: folder / "by-mlflow.db")
    assert _sqlite.make(tmp_path) == tmp_path / "by-mlflow.db"
