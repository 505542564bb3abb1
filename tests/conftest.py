import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.doctest import DoctestModule

# The tests start hundreds of processes. Each would compile what it imports: 1 to 2 s of CPU for a stage.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
sys.path.insert(0, str(Path(__file__).parent))  # mutating.py and waiting.py, for all tests
import hypothesis  # noqa: E402
import quick_hydra  # noqa: E402

# A first call takes long. At a desk each run draws other examples; the gate has the same ones each time.
hypothesis.settings.register_profile("unhurried", deadline=None, max_examples=40, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("unhurried")

# Ctrl-C and a closed terminal do what they do by default, in the commands that the tests start, too: in the background
# of a shell, or under nohup, they would be ignored.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

# Set before anything imports torch or MLflow: nothing reports home, and two tests at once do not fight for cores.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)  # runs of tests are nobody's
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("MKL_CBWR", "AUTO")  # as the package sets it, before any test multiplies

quick_hydra.quicken()

MOST_COMPARED = 20_000


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for no examples in docstrings of tests: those are in `src/`."""
    found = yield
    return [one for one in found if not isinstance(one, DoctestModule)]


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of garbage collections: there are millions of objects, and all stay."""
    gc.collect()
    gc.freeze()


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Large texts that differ: where they begin to. pytest would look for the shortest list of changes, for hours."""
    if op != "==" or not isinstance(left, str | bytes) or type(left) is not type(right) or len(left) < MOST_COMPARED:
        return None
    start = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    first, second = (repr(text[max(0, start - 100) : start + 300]) for text in (left, right))  # type: ignore[index]
    return [f"texts of {len(left)} and {len(right)} characters differ at {start}", first, second]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The system's Chromium; the test is skipped where it is not installed."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        pytest.skip("chromium and chromium-driver are not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    profile = tmp_path_factory.mktemp("profile")
    looks = ["headless=new", "no-sandbox", "disable-gpu", "no-first-run", "hide-scrollbars", "window-size=1600,1000"]
    stays_at_home = ["disable-quic", "disable-background-networking", "disable-component-update", "disable-sync"]
    for switch in [*looks, *stays_at_home, f"user-data-dir={profile}"]:
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The override that lets the studies of these tests share one folder of prepared data."""
    from once import shared

    return f"paths.data={shared(tmp_path_factory) / 'data'}"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, and warm workers; studies draw nothing."""
    import surviving

    surviving.warm_up()
    monkeypatch.chdir(tmp_path)
    with surviving.without_plots():
        yield tmp_path


@pytest.fixture(scope="session")
def new_folder(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a folder with an empty MLflow in it."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        (folder / "mlruns").mkdir()
        shutil.copy(empty_database, folder / "mlruns/mlflow.db")
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


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs, to be copied."""
    from eksplora.tracker import _sqlite

    folder = tmp_path_factory.mktemp("mlflow")
    _sqlite.create(folder / "mlflow.db", folder / "artifacts")
    return folder / "mlflow.db"
