import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import example_study as example
import pytest
from waiting import at_a_random_moment, until

from eksplora.errors import ConfigError, StorageError
from eksplora.events.spool import Spool
from eksplora.tracker import _sqlite
from eksplora.tracker._explain import check_layout
from eksplora.tracker._run import MARK_TAG
from eksplora.tracker.mlflow import MlflowTracker

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture
def folder(tmp_path: Path, empty_database: Path) -> Path:
    """An mlruns folder with a fresh database: making one takes seconds, copying does not."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    (tmp_path / "study").mkdir()
    return tmp_path


@pytest.fixture
def spool(folder: Path) -> Path:
    return folder / "study" / "spool"


def tracker(folder: Path) -> MlflowTracker:
    return MlflowTracker(
        uri=f"sqlite:///{folder}/mlflow.db", database="unused", artifacts=str(folder / "artifacts"), timeout_seconds=30
    )


def dead() -> MlflowTracker:
    """A tracker whose server is away: it is not waited for as long as one that answers, or the test would hang."""
    return MlflowTracker(uri="http://127.0.0.1:1", database="unused", artifacts="unused", timeout_seconds=36000)


def test_mlflow_shows_the_whole_study(folder: Path, spool: Path) -> None:
    example.whole_study(spool)
    assert tracker(folder).sync(spool, is_over=True) > 40
    runs = example.content(folder / "mlflow.db")
    statuses = {name: (run["status"], run["tags"]["status"]) for name, run in runs.items()}
    assert statuses[example.STUDY] == ("FINISHED", "finished")
    assert statuses["trial-002"] == ("KILLED", "pruned")
    assert statuses["trial-003"] == ("FAILED", "failed")
    assert statuses["trial-004"] == ("FAILED", "diverged")
    assert runs["trial-000"]["tags"]["mlflow.parentRunId"] == example.STUDY
    assert runs["trial-001-member-1"]["tags"]["mlflow.parentRunId"] == "trial-001"
    assert runs["trial-000"]["params"]["model.widths"] == "[64, 64]"
    assert [step for step, *_ in runs["trial-002"]["points"]["val/metric_0"]] == list(range(1, 11))
    evaluated = ("evaluation/evaluate.json", 3)
    assert runs["trial-000"]["files"] == [("best/config.yaml", 8), ("config.yaml", 420), evaluated]
    assert [name for name, _ in runs["trial-003"]["files"]] == ["config.yaml", "error.txt"]
    assert {"space.yaml", "long_params.yaml", evaluated[0]} == {name for name, _ in runs[example.STUDY]["files"]}
    assert runs[example.STUDY]["latest"]["test/mae"] == "3.0", "of the evaluation that came last"
    tested = {name: run["latest"]["test/mae"] for name, run in runs.items() if "test/mae" in run["latest"]}
    assert tested == {
        example.STUDY: "3.0",
        "trial-000": "2.5",
        "trial-001": "3.0",
        "trial-001-member-0": "3.0",
        "trial-001-member-1": "4.0",
    }


def test_mlflows_client_and_the_direct_way_give_the_same_runs(
    folder: Path, spool: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example.whole_study(spool)
    tracker(folder).sync(spool, is_over=True)
    other = folder / "client"
    other.mkdir()
    shutil.copy(empty_database, other / "mlflow.db")
    monkeypatch.setattr(_sqlite, "KNOWN_LAYOUTS", frozenset({"of a newer MLflow"}))
    tracker(other).sync(spool, is_over=True)
    assert example.content(other / "mlflow.db") == example.content(folder / "mlflow.db")
    assert rows(other / "mlflow.db") == rows(folder / "mlflow.db")


def rows(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """The tables themselves, without the random ids."""
    connection = sqlite3.connect(database)
    columns = {
        "runs": "name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, "
        "source_version, lifecycle_stage, experiment_id, deleted_time",
        "metrics": "key, value, timestamp, step, is_nan",
        "latest_metrics": "key, value, timestamp, step, is_nan",
        "params": "key, value",
        "experiments": "name, lifecycle_stage, workspace",
    }
    found = {t: sorted(map(repr, connection.execute(f"SELECT {c} FROM {t}"))) for t, c in columns.items()}
    connection.close()
    return found


def test_replaying_again_changes_nothing(folder: Path, spool: Path) -> None:
    example.whole_study(spool)
    tracker(folder).sync(spool, is_over=True)
    before = example.content(folder / "mlflow.db"), example.count_points(folder / "mlflow.db")
    assert tracker(folder).sync(spool, is_over=True) == 0
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection, connection:
        connection.execute("DELETE FROM tags WHERE key = ?", (MARK_TAG,))  # as an earlier version left it
    assert tracker(folder).sync(spool, is_over=True) > 40
    assert (example.content(folder / "mlflow.db"), example.count_points(folder / "mlflow.db")) == before


KILLED = """
import sys, time; sys.path.insert(0, {tests!r})
from pathlib import Path
from eksplora.tracker import _sqlite, _sync
from eksplora.tracker.mlflow import MlflowTracker
_sync.EVENTS_PER_STEP = {step}
if {is_client}:
    _sqlite.KNOWN_LAYOUTS = frozenset()
    import mlflow
print("ready", flush=True)
folder = Path({folder!r})
uri = f"sqlite:///{{folder}}/mlflow.db"
tracker = MlflowTracker(uri=uri, database="unused", artifacts=str(folder / "artifacts"), timeout_seconds=1)
tracker.sync(Path({spool!r}), is_over=True)
"""


@pytest.mark.parametrize(
    ("is_client", "kills", "longest_seconds"),
    [(False, 12, 0.08), pytest.param(True, 4, 1.5, marks=pytest.mark.slow)],
)
def test_kills_at_any_moment_change_nothing(
    folder: Path, spool: Path, empty_database: Path, is_client: bool, kills: int, longest_seconds: float
) -> None:
    example.whole_study(spool)
    undisturbed = folder / "undisturbed"
    undisturbed.mkdir()
    shutil.copy(empty_database, undisturbed / "mlflow.db")
    tracker(undisturbed).sync(spool, is_over=True)
    code = KILLED.format(
        tests=str(Path(__file__).parents[1]), step=3, is_client=is_client, folder=str(folder), spool=str(spool)
    )
    random.seed(1)
    ended = [kill(code, random.uniform(0, longest_seconds)) for _ in range(kills)]
    assert -signal.SIGKILL in ended
    tracker(folder).sync(spool, is_over=True)
    assert example.content(folder / "mlflow.db") == example.content(undisturbed / "mlflow.db")
    assert example.count_points(folder / "mlflow.db") == example.count_points(undisturbed / "mlflow.db")


def kill(code: str, seconds: float) -> int:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    at_a_random_moment(random.Random(seconds), seconds)
    process.kill()
    process.communicate()
    return process.returncode


def test_the_follower_shows_events_while_the_study_runs(folder: Path, spool: Path) -> None:
    follower = tracker(folder)
    writer = Spool(spool)
    follower.start(spool)
    example.begin(writer)
    follower.notify()
    example.start_trial(writer, 0)
    until(lambda: status_of(folder, "trial-000") == "RUNNING")
    example.add_epochs(writer, 0)
    example.end_trial(writer, 0)
    example.stop(writer)
    assert follower.finish()
    assert follower.problem is None
    assert status_of(folder, "trial-000") == status_of(folder, example.STUDY) == "FINISHED"
    assert not [thread for thread in threading.enumerate() if thread.name == "mlflow"]


def status_of(folder: Path, name: str) -> str | None:
    connection = sqlite3.connect(folder / "mlflow.db")
    row = connection.execute("SELECT status FROM runs WHERE name = ?", (name,)).fetchone()
    connection.close()
    return row[0] if row else None


def test_what_a_kill_left_running_is_put_right_and_runs_again_under_the_same_run(folder: Path, spool: Path) -> None:
    writer = Spool(spool)
    example.begin(writer)
    example.start_trial(writer, 0)
    tracker(folder).sync(spool, is_over=False)
    assert status_of(folder, "trial-000") == status_of(folder, example.STUDY) == "RUNNING"
    assert tracker(folder).sync(spool, is_over=True) == 0
    assert status_of(folder, "trial-000") == status_of(folder, example.STUDY) == "KILLED"
    example.drive(writer)
    example.start_trial(writer, 0)
    tracker(folder).sync(spool, is_over=False)
    assert status_of(folder, "trial-000") == status_of(folder, example.STUDY) == "RUNNING"
    assert len(example.content(folder / "mlflow.db")) == 2


def test_a_deleted_database_is_filled_again_from_the_beginning(folder: Path, spool: Path, empty_database: Path) -> None:
    example.whole_study(spool)
    tracker(folder).sync(spool, is_over=True)
    before = example.content(folder / "mlflow.db")
    for file in folder.glob("mlflow.db*"):
        file.unlink()
    other = folder / "mlflow.db"
    shutil.copy(empty_database, other)
    tracker(folder).sync(spool, is_over=True)
    connection = sqlite3.connect(other)  # MLflow's client would still have the old file open
    assert connection.execute("SELECT count(*) FROM runs").fetchone() == (len(before),)
    connection.close()


def test_a_dead_server_neither_blocks_nor_raises_and_gets_everything_later(folder: Path, spool: Path) -> None:
    follower, writer = dead(), Spool(spool)
    follower.start(spool)
    example.begin(writer)
    example.run_trial(writer, 0)
    until(lambda: follower.problem is not None)
    assert follower.problem is not None
    assert follower.problem.startswith("MLflow at http://127.0.0.1:1 does not answer. Nothing is lost: ")
    assert "\n" not in follower.problem
    example.stop(writer)
    assert follower.finish() is False
    tracker(folder).sync(spool, is_over=True)
    assert set(example.content(folder / "mlflow.db")) == {example.STUDY, "trial-000"}


def test_syncing_with_a_dead_server_is_an_error_of_the_user(spool: Path) -> None:
    example.begin(Spool(spool))
    with pytest.raises(StorageError, match=r"does not answer\. Nothing is lost: .* `make sync` brings it in"):
        dead().sync(spool, is_over=True)


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/served.db",
        "--artifacts-destination",
        str(folder / "served"),
    ]
    shutil.copy(folder / "mlflow.db", folder / "served.db")
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/health"), process=process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.mark.slow
def test_a_server_gets_the_same_runs_as_the_database(folder: Path, spool: Path, server: str) -> None:
    from mlflow import MlflowClient

    example.whole_study(spool)
    tracker(folder).sync(spool, is_over=True)
    served = MlflowTracker(uri=server, database="unused", artifacts="unused", timeout_seconds=36000)
    served.sync(spool, is_over=True)
    assert served.sync(spool, is_over=True) == 0
    assert example.client_content(MlflowClient(server)) == example.content(folder / "mlflow.db")


def test_a_file_that_is_no_database_is_trouble_and_not_an_end(folder: Path, spool: Path) -> None:
    (folder / "mlflow.db").write_bytes(b"this is no database, and long enough to be read as one" * 40)
    follower = tracker(folder)
    example.begin(Spool(spool))
    follower.start(spool)
    until(lambda: follower.problem is not None)
    assert "is damaged, or no database. Move it away" in (follower.problem or "")
    assert follower.finish(timeout_seconds=0.5) is False


def test_a_deleted_experiment_is_said(folder: Path, spool: Path) -> None:
    example.begin(Spool(spool))
    tracker(folder).sync(spool, is_over=True)
    connection = sqlite3.connect(folder / "mlflow.db")
    connection.execute("UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = ?", (example.EXPERIMENT,))
    connection.commit()
    connection.close()
    with pytest.raises(StorageError, match=r"experiment 'boston_mlp' is deleted there\. Restore it"):
        tracker(folder).sync(spool, is_over=True)


def test_two_processes_do_not_fill_from_one_spool_at_once(folder: Path, spool: Path) -> None:
    from eksplora.tracker._sync import Sync

    example.begin(Spool(spool))
    uri = f"sqlite:///{folder}/mlflow.db"
    first = Sync(spool=spool, uri=uri, artifacts=folder / "artifacts")
    with pytest.raises(StorageError, match=r"Another process is bringing .* Wait until it is done"):
        tracker(folder).sync(spool, is_over=True)
    first.close()
    assert tracker(folder).sync(spool, is_over=True) == 2


def test_several_processes_may_meet_a_folder_without_a_database(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from eksplora.tracker import _sqlite\n"
        f"_sqlite.create(Path({str(tmp_path / 'new' / 'mlflow.db')!r}), Path({str(tmp_path)!r}))\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [".mlflow.lock", "mlflow.db"]
    assert check_layout(tmp_path / "new" / "mlflow.db") in _sqlite.KNOWN_LAYOUTS


def test_following_a_database_imports_no_mlflow_and_reports_nothing(folder: Path, spool: Path) -> None:
    example.whole_study(spool)
    code = KILLED.format(tests="", step=200, is_client=False, folder=str(folder), spool=str(spool))
    code += "print({'mlflow', 'sqlalchemy', 'torch', 'requests'} & set(sys.modules))\n"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("ready\nset()\n", "")
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] > 1, "it was brought there"


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns", ""])
def test_an_address_that_mlflow_would_refuse_is_refused_first(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"tracker\.uri must be a database or a server, .* Use sqlite:///"):
        MlflowTracker(uri=uri, database="unused", artifacts="a", timeout_seconds=1)


def test_a_negative_wait_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tracker\.timeout_seconds must be .*, got -1"):
        MlflowTracker(uri="http://127.0.0.1:1", database="unused", artifacts="a", timeout_seconds=-1)


def test_the_user_is_shown_where_to_look(folder: Path) -> None:
    assert "`make ui`" in tracker(folder).where("my-study")
    assert dead().where("my-study") == (
        "http://127.0.0.1:1/#/experiments?workflowType=machine_learning, then the run my-study in MLflow"
    )


def test_the_cost_of_a_trial_is_low_and_does_not_grow(folder: Path, spool: Path) -> None:
    costs = {}
    for count in (20, 400):
        path = spool.with_name(f"spool-{count}")
        writer = Spool(path)
        example.begin(writer, study_id=f"{count:08x}")
        for number in range(count):
            example.run_trial(writer, number, num_params=50)
        start = time.process_time()
        tracker(folder).sync(path, is_over=True)
        costs[count] = (time.process_time() - start) / count
    assert costs[400] < 3 * costs[20]
