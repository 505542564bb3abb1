import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # surviving.py and what it starts
sys.path.insert(0, str(Path(__file__).parents[1]))  # hostile_spools.py


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The override that lets the studies of these tests share one folder of prepared data."""
    from once import shared

    return f"paths.data={shared(tmp_path_factory) / 'data'}"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and warm workers."""
    import surviving

    surviving.warm_up()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a folder with an empty MLflow in it: copying one takes no time, making one takes seconds."""
    from once import once

    from eksplora.tracker import _sqlite

    database = (
        once(tmp_path_factory, "mlflow", lambda at: _sqlite.create(at / "mlflow.db", at / "artifacts")) / "mlflow.db"
    )

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        (folder / "mlruns").mkdir()
        shutil.copy(database, folder / "mlruns/mlflow.db")
        return folder

    return make


@pytest.fixture(scope="session")
def diabetes(new_folder: Callable[[str], Path], prepared: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where an experiment went through all stages, search to report, all of it tracked; to be read.

    Its runs in MLflow keep their files where they were made: once, for all processes of the tests.
    """
    import confirming as here
    import surviving
    from once import once

    def build(target: Path) -> None:
        folder = new_folder("diabetes")
        asked = [*here.DIABETES, prepared]
        here.run(folder, "search", *asked, "sampler=random", "study.n_trials=4", "output=results/diabetes_mlp")
        for stage in ("confirm", "evaluate", "explain", "report"):
            here.run(folder, stage, *asked, *here.MEMBERS.get(stage, ()))
        here.copy(folder, target)

    surviving.warm_up()
    return here.copy(once(tmp_path_factory, "diabetes", build), tmp_path_factory.mktemp("diabetes"))
