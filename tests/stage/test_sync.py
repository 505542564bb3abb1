"""Studies whose tracker was away or whose driver was killed, brought into MLflow later; real processes."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import hostile_spools
import preloaded
import pytest
from waiting import until

from eksplora.errors import DataError, UserError
from eksplora.events.spool import read
from eksplora.reproduction import record
from eksplora.study.definition import Definition
from eksplora.study.ledger import Ledger
from eksplora.study.resume import recall

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


def run(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder; `more` goes into its environment."""
    return preloaded.run(command(*words), cwd=folder, env=os.environ | more)


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What a command complains of: its steps, which it shows too, are no complaints."""
    return [line for line in done.stderr.splitlines() if not line.startswith("sync MLflow")]


SECRET = "-".join(["top", "secret"])  # not as it is written here: a study records the diff of the sources
AWAY = f"http://ann:{SECRET}@127.0.0.1:1?token={SECRET}"


def test_study_runs_to_its_end_without_the_server_and_is_filled_in_later(
    tmp_path: Path, data: str, empty_database: Path
) -> None:
    """The server is named by MLflow's own variable; its password stays there."""
    (tmp_path / "mlruns").mkdir()
    shutil.copy(empty_database, tmp_path / "mlruns/mlflow.db")
    done = run(tmp_path, "search", *SMALL, data, "study.name=away", MLFLOW_TRACKING_URI=AWAY)
    assert done.returncode == 0, done.stderr
    assert "Study away: 2 finished" in done.stdout
    assert done.stderr.count("does not answer") == 1
    assert "MLflow at http://***@127.0.0.1:1?token=***, which MLFLOW_TRACKING_URI names" in done.stderr
    here = "tracker.uri=sqlite:///mlruns/mlflow.db"
    for _ in range(2):  # the second finds nothing to do, and doubles nothing
        filled = run(tmp_path, "sync", here, MLFLOW_TRACKING_URI=AWAY)
        assert filled.returncode == 0, filled.stderr
        assert "mlflow.db, which tracker.uri names, not at http://***@127.0.0.1:1?token=*** of MLFLOW" in filled.stderr
        assert statuses(tmp_path) == {
            f"away/{name}": ("FINISHED", "finished") for name in ("away", "trial-000", "trial-001")
        }
    assert filled.stdout == "MLflow has everything already.\n"
    shown = done.stdout + done.stderr + filled.stdout + filled.stderr
    assert SECRET not in shown
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_an_address_that_was_typed_is_reported_and_kept_without_its_password(tmp_path: Path) -> None:
    folder = tmp_path / "mlruns" / "studies"
    for name in ("one", "two"):
        hostile_spools.write(folder / name, hostile_spools.small_study(name))
    done = run(tmp_path, "sync", f"tracker.uri='{AWAY}'")
    assert done.returncode == 2
    (error,) = errors(done)
    assert error.startswith("error: MLflow at http://***@127.0.0.1:1?token=*** does not answer. Fix that or set")
    for address in (f"//ann:{SECRET}@host", f"ann:{SECRET}@host"):
        wrong = run(tmp_path, "sync", f"tracker.uri='{address}'")
        assert (wrong.returncode, SECRET in wrong.stderr) == (2, False)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.fixture(scope="module")
def synced(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Many altered studies, five that lead elsewhere and a good one, after `sync`."""
    root = tmp_path_factory.mktemp("synced")
    outside, studies = root / "outside", root / "project" / "mlruns" / "studies"
    outside.mkdir()
    (outside / "secret").write_text("the secret\n")
    for index, (_, events) in enumerate(hostile_spools.mutations("s", outside, count=25, seed=5)):
        hostile_spools.write(studies / f"s-{index}", events)
    for name in ("damaged", "fifo", "folder", "lock", "zz-good"):
        hostile_spools.write(studies / name, hostile_spools.small_study(name))
    (studies / "linked").symlink_to(outside)
    (studies / "lock" / "lock").symlink_to(outside / "secret")
    (studies / "damaged" / "spool.jsonl").write_bytes(b"00000000 {}\n")
    for name, make in (("fifo", os.mkfifo), ("folder", os.mkdir)):
        (studies / name / "spool.jsonl").unlink()
        make(studies / name / "spool.jsonl")
    shutil.copy(empty_database, studies.with_name("mlflow.db"))
    return root, run(root / "project", "sync")


def test_every_study_is_tried_and_what_is_left_is_reported_in_one_line(
    synced: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = synced
    assert done.returncode == 2
    (error,) = errors(done)
    assert error.startswith("error: ")
    for shown in (
        "studies are left:",
        "damaged/spool.jsonl, line 1, is damaged: its checksum does not match.",
        "fifo/spool.jsonl is no file of its own",
        "folder/spool.jsonl is no file of its own",
        "lock: cannot be written",
    ):
        assert shown in done.stderr
    assert "zz-good: 14 events sent" in done.stdout


def test_nothing_outside_was_read_or_written(synced: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    root, _ = synced
    assert sorted(path.name for path in root.iterdir()) == ["outside", "project"]
    assert [path.name for path in root.joinpath("outside").iterdir()] == ["secret"]
    assert (root / "outside" / "secret").read_text() == "the secret\n"
    assert [path.name for path in root.joinpath("project").iterdir()] == ["mlruns"]
    kept = [path for path in (root / "project" / "mlruns" / "artifacts").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"the secret" in path.read_bytes()]


def test_the_other_readers_of_a_spool_refuse_what_is_altered_in_one_line_too(tmp_path: Path) -> None:
    """A study that goes on, and one that is reproduced."""
    refused = 0
    for index, (change, events) in enumerate(hostile_spools.mutations("s", tmp_path / "outside", count=150, seed=6)):
        spool = hostile_spools.write(tmp_path / str(index), events)
        for reader in (_goes_on, _reproduces):
            try:
                reader(spool)
            except UserError as error:
                refused += 1
                assert "\n" not in str(error), change
    assert refused > 50


@pytest.mark.parametrize("link", ["trials", "populations/0000", "summary/best", ".summary.new"])
def test_a_study_with_links_in_its_folder_does_not_go_on(tmp_path: Path, link: str) -> None:
    spool = hostile_spools.write(tmp_path / "study", hostile_spools.small_study("s"))
    (tmp_path / "outside").mkdir()
    shutil.rmtree(spool.parent / link, ignore_errors=True)
    (spool.parent / link).parent.mkdir(exist_ok=True)
    (spool.parent / link).symlink_to(tmp_path / "outside")
    with pytest.raises(DataError, match=r"is a symbolic link\. Put the file itself in its place"):
        _goes_on(spool)


def _goes_on(spool: Path) -> None:
    ledger = Ledger("val/mae", "minimize")
    recall(spool, ledger, Definition({"model.width": 3}))
    for trial in ledger.trials.values():
        for result in trial.results.values():
            assert result.weights is None or Path(result.weights).is_relative_to(spool.parent / "trials")


def _reproduces(spool: Path) -> None:
    recorded = record.recall(read(spool))
    for number in recorded.trials:
        recorded.members(number, None)


@pytest.mark.slow
def test_what_a_kill_left_running_is_put_right_when_another_study_starts(tmp_path: Path, data: str) -> None:
    long = command("search", *SMALL, data, "study.name=killed", "trainer.max_epochs=100000")
    driver = preloaded.start(long, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
