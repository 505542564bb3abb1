"""Studies whose tracker was away or whose driver was killed, brought into MLflow later; real processes."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import until

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"
SMALL = [
    "experiment=boston_mlp",
    "sampler=random",
    "study.n_trials=2",
    "trainer.max_epochs=2",
    "space.params.model.widths=choice([8], [8, 8])",
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Prepared data that the tests here share."""
    return f"paths.data={tmp_path_factory.mktemp('data')}"


def command(pipeline: str, *overrides: str) -> list[str]:
    return [sys.executable, str(PIPELINES / f"{pipeline}.py"), *overrides]


def statuses(folder: Path) -> dict[str, tuple[str, str]]:
    """MLflow's status and our tag, by run name; each name once."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("boston_mlp")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    names = [f"{run.data.tags['study']}/{run.info.run_name}" for run in found]
    assert len(set(names)) == len(names)
    return {name: (run.info.status, run.data.tags["status"]) for name, run in zip(names, found, strict=True)}


def test_study_runs_to_its_end_without_the_server_and_is_filled_in_later(tmp_path: Path, data: str) -> None:
    study = command("search", *SMALL, data, "study.name=away", "tracker.uri=http://127.0.0.1:1")
    done = subprocess.run(study, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Study away: 2 finished" in done.stdout
    assert done.stderr.count("does not answer") == 1
    for _ in range(2):  # the second finds nothing to do, and doubles nothing
        filled = subprocess.run(command("sync"), cwd=tmp_path, capture_output=True, text=True)
        assert filled.returncode == 0, filled.stderr
        assert statuses(tmp_path) == {
            f"away/{name}": ("FINISHED", "finished") for name in ("away", "trial-000", "trial-001")
        }
    assert filled.stdout == "MLflow has everything already.\n"


@pytest.mark.slow
def test_what_a_kill_left_running_is_put_right_when_another_study_starts(tmp_path: Path, data: str) -> None:
    long = command("search", *SMALL, data, "study.name=killed", "trainer.max_epochs=100000")
    driver = subprocess.Popen(long, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_until_running(tmp_path)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert statuses(tmp_path)["killed/killed"] == ("RUNNING", "running")
    other = command("search", *SMALL, data, "study.name=other")
    subprocess.run(other, cwd=tmp_path, capture_output=True, check=True)
    found = statuses(tmp_path)
    assert found["other/other"] == ("FINISHED", "finished")
    assert {status for name, status in found.items() if name.startswith("killed/")} == {("KILLED", "interrupted")}


def _wait_until_running(folder: Path) -> None:
    """Until MLflow shows a running trial of the study."""
    until(lambda: (folder / "mlruns/mlflow.db").exists() and _num_running(folder) >= 2)


def _num_running(folder: Path) -> int:
    import sqlite3

    connection = sqlite3.connect(f"file:{folder}/mlruns/mlflow.db?mode=ro", uri=True)
    try:
        return int(connection.execute("select count(*) from runs where status = 'RUNNING'").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()
