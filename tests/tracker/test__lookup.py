"""From ids of runs to studies, in a real database and behind a real server."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import example_study as example
import pytest
from spooling import put
from waiting import until

from eksplora.errors import DataError, StorageError
from eksplora.events.spool import Spool, study_of
from eksplora.tracker import _sqlite
from eksplora.tracker.base import SPOOL, RunContent
from eksplora.tracker.mlflow import MlflowTracker

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """An MLflow with two studies of the same name, and one that was killed before its end."""
    folder = tmp_path_factory.mktemp("mlruns")
    shutil.copy(empty_database, folder / "mlflow.db")
    for study_id in ("0123abcd", "4567cdef", "killed00"):
        (folder / study_id).mkdir()
        spool = Spool(folder / study_id / SPOOL)
        example.begin(spool, study_id=study_id)
        example.run_trial(spool, 0)
        example.start_trial(spool, 1, members=2)
        for member in (0, 1):
            example.add_epochs(spool, 1, member=member)
            example.end_member(spool, 1, member=member)
        example.end_trial(spool, 1)
        if study_id != "killed00":
            stop(spool)
        spool.close()
        tracker(folder).sync(folder / study_id / SPOOL, is_over=True)
    return folder


def stop(spool: Spool) -> None:
    put(
        spool, "stop", status="finished", message="", metrics={}, tags={}, artifacts={SPOOL: SPOOL}, best_trial=None,
        best_artifacts={},
    )  # fmt: skip


def tracker(folder: Path) -> MlflowTracker:
    return MlflowTracker(
        uri=f"sqlite:///{folder}/mlflow.db", database="unused", artifacts=str(folder / "artifacts"), timeout_seconds=30
    )


def run_id(where: Path | str, key: str) -> str:
    """The id of the run that shows a study, a trial or a member, in a folder or behind an address."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{where}/mlflow.db" if isinstance(where, Path) else where)
    experiment = client.get_experiment_by_name(example.EXPERIMENT)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], f"tags.`eksplora.id` = '{key}'")
    return str(run.info.run_id)


@pytest.mark.parametrize(
    ("key", "trial", "member"),
    [("0123abcd", None, None), ("0123abcd/0", 0, None), ("4567cdef/1", 1, None), ("4567cdef/1/1", 1, 1)],
)
def test_a_run_shows_a_study_a_trial_or_a_member(folder: Path, key: str, trial: int | None, member: int | None) -> None:
    with tracker(folder).lookup() as lookup:
        assert lookup.shown(run_id(folder, key)) == RunContent(example.STUDY, key[:8], trial, member)


@pytest.mark.parametrize("key", ["0123abcd", "0123abcd/0", "4567cdef/1/1"])
def test_the_record_is_that_of_the_runs_own_study_byte_for_byte(folder: Path, key: str, tmp_path: Path) -> None:
    with tracker(folder).lookup() as lookup:
        found = lookup.spool(lookup.shown(run_id(folder, key)), run_id(folder, key), tmp_path)
    assert found.parent == tmp_path
    assert found.read_bytes() == (folder / key[:8] / SPOOL).read_bytes()
    assert study_of(found).id == key[:8]


def test_a_study_that_was_killed_has_no_record_in_mlflow(folder: Path, tmp_path: Path) -> None:
    asked = run_id(folder, "killed00/0")
    shown = (
        rf"^run={asked}: neither this machine nor MLflow holds spool\.jsonl of the study {example.STUDY}, where its .*"
    )
    with (
        tracker(folder).lookup() as lookup,
        pytest.raises(DataError, match=rf"{shown} Bring back its folder under mlr"),
    ):
        lookup.spool(lookup.shown(asked), asked, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_study_whose_run_was_deleted_has_no_record_in_mlflow(folder: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    asked, study = run_id(folder, "4567cdef/0"), run_id(folder, "4567cdef")
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    client.delete_run(study)
    try:
        with tracker(folder).lookup() as lookup, pytest.raises(DataError, match="nor MLflow holds"):
            lookup.spool(lookup.shown(asked), asked, tmp_path)
    finally:
        client.restore_run(study)


@pytest.mark.parametrize("asked", ["0" * 32, "trial-000", "no id; at all", "../mlflow.db"])
def test_an_id_that_no_run_has_is_refused_with_the_place_and_the_way_out(folder: Path, asked: str) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    with tracker(folder).lookup() as lookup, pytest.raises(DataError) as raised:  # compared whole
        lookup.shown(asked)
    assert str(raised.value) == (
        f"run={asked}: MLflow at {uri} has no such run. Take the id from a run's page (`make ui`)."
    )


def test_a_run_of_another_project_is_refused(folder: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    run = client.create_run(client.create_experiment("theirs"), tags={"study": "theirs", "trial": "0"})
    shown = (
        f"^run={run.info.run_id} is a run of another project: it has no tag eksplora.id. Give the id of a trial or a"
    )
    with tracker(folder).lookup() as lookup, pytest.raises(DataError, match=shown):
        lookup.shown(run.info.run_id)


def test_a_missing_database_is_refused_and_not_made(tmp_path: Path) -> None:
    with (
        pytest.raises(
            StorageError, match=r"mlflow\.db is missing: nothing was tracked here\. Set tracker\.uri, or train"
        ),
        tracker(tmp_path).lookup(),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_not_a_run_that_does_not_exist() -> None:
    dead = MlflowTracker(uri="http://127.0.0.1:1", database="unused", artifacts="unused", timeout_seconds=1)
    shown = r"^MLflow at http://127\.0\.0\.1:1 does not answer\. Fix that or set tracker\.uri, then give the same .*\.$"
    with pytest.raises(StorageError, match=shown) as raised, dead.lookup() as lookup:
        lookup.shown("0" * 32)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_a_server_gives_the_same(folder: Path, tmp_path: Path) -> None:
    with served(tmp_path / "server") as uri:
        there = MlflowTracker(uri=uri, database="unused", artifacts="unused", timeout_seconds=30)
        shutil.copytree(folder / "0123abcd", tmp_path / "study")
        there.sync(tmp_path / "study" / SPOOL, is_over=True)
        run = run_id(uri, "0123abcd/1/0")
        with there.lookup() as lookup:
            shown = lookup.shown(run)
            assert shown == RunContent(example.STUDY, "0123abcd", 1, 0)
            assert lookup.spool(shown, run, tmp_path).read_bytes() == (folder / "0123abcd" / SPOOL).read_bytes()
            with pytest.raises(DataError, match=f"^run={'0' * 32}: MLflow at {uri} has no such run"):
                lookup.shown("0" * 32)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server whose database and files lie in a folder."""
    _sqlite.create(folder / "mlflow.db", folder / "artifacts")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    with (folder / "log").open("w") as log:
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


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database, and long enough to be read as one" * 40)
    shown = r"is damaged, or no database\. Move it away: .*\. Then give the same command again\.$"
    with pytest.raises(StorageError, match=shown) as raised, tracker(tmp_path).lookup() as lookup:
        lookup.shown("0" * 32)
    assert "\n" not in str(raised.value)
