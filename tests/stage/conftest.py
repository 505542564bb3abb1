import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # surviving.py and what it starts


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The override that lets the studies of these tests share one folder of prepared data."""
    return f"paths.data={tmp_path_factory.mktemp('data')}"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and warm workers."""
    import surviving

    surviving.warm_up()
    monkeypatch.chdir(tmp_path)
    return tmp_path
