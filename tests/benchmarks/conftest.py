import pytest


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The override that lets the trainings of these tests share one folder of prepared data."""
    return f"paths.data={tmp_path_factory.mktemp('data')}"
