"""MLflow itself says what it has: databases that were lost, replaced or moved are filled again, nothing twice."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import example_study as example
import pytest
from spooling import put

from eksplora.errors import StorageError
from eksplora.events.spool import Spool
from eksplora.tracker import _sqlite, _sync
from eksplora.tracker._run import MARK_TAG, Mark
from eksplora.tracker.base import Unreachable
from eksplora.tracker.mlflow import MlflowTracker

Content = tuple[list[Any], ...]


@pytest.fixture
def mlruns(tmp_path: Path, empty_database: Path) -> Path:
    """A folder with a database and the spool of a whole study."""
    mlruns = tmp_path / "project" / "mlruns"
    (mlruns / "studies" / "one").mkdir(parents=True)
    shutil.copy(empty_database, mlruns / "mlflow.db")
    example.whole_study(spool_of(mlruns))
    return mlruns


def spool_of(mlruns: Path) -> Path:
    return mlruns / "studies" / "one" / "spool.jsonl"


def tracker(mlruns: Path, seconds: float = 5) -> MlflowTracker:
    database, artifacts = str(mlruns / "mlflow.db"), str(mlruns / "artifacts")
    return MlflowTracker(uri=None, database=database, artifacts=artifacts, timeout_seconds=seconds)


def sync(mlruns: Path) -> int:
    return tracker(mlruns).sync(spool_of(mlruns), is_over=True)


def is_behind(mlruns: Path) -> bool:
    return bool(tracker(mlruns).behind([spool_of(mlruns)], counts_runs=True))


def content(mlruns: Path) -> Content:
    """All rows of active runs, without random ids; a run that is there twice gives two of each."""
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        queries = (
            "SELECT name, status, start_time, end_time FROM runs WHERE lifecycle_stage = 'active'",
            "SELECT name, key, value FROM tags JOIN runs USING (run_uuid) "
            "WHERE lifecycle_stage = 'active' AND key != 'mlflow.parentRunId'",
            "SELECT name, key, value FROM params JOIN runs USING (run_uuid)",
            "SELECT name, key, value, step, timestamp FROM metrics JOIN runs USING (run_uuid)",
            "SELECT name, destination_type, inputs.source_type FROM inputs JOIN runs ON run_uuid = destination_id",
            "SELECT name, digest FROM datasets",
        )
        return tuple(sorted(connection.execute(query).fetchall(), key=repr) for query in queries)


def change(mlruns: Path, statement: str) -> None:
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        connection.execute(statement)


def remove(mlruns: Path, _: Path) -> None:
    (mlruns / "mlflow.db").unlink()


def empty(mlruns: Path, _: Path) -> None:
    (mlruns / "mlflow.db").write_bytes(b"")


def bring_back_an_older_copy(mlruns: Path, older: Path) -> None:
    shutil.copy(older, mlruns / "mlflow.db")


def replace_by_a_new_one(mlruns: Path, _: Path) -> None:
    (mlruns / "mlflow.db").unlink()
    _sqlite.create(mlruns / "mlflow.db", mlruns / "artifacts")


def delete_a_run_in_mlflow(mlruns: Path, _: Path) -> None:
    change(mlruns, "UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = 5 WHERE name = 'trial-001-member-1'")


def delete_the_study_in_mlflow(mlruns: Path, _: Path) -> None:
    change(mlruns, f"UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = 5 WHERE name = '{example.STUDY}'")


def delete_all_runs_for_good(mlruns: Path, _: Path) -> None:
    for table in ("metrics", "latest_metrics", "params", "tags", "inputs", "input_tags", "runs"):
        change(mlruns, f"DELETE FROM {table}")


def lose_the_mark(mlruns: Path, _: Path) -> None:
    change(mlruns, f"UPDATE tags SET value = '10 bytes' WHERE key = '{MARK_TAG}'")


DAMAGES = (
    remove,
    empty,
    bring_back_an_older_copy,
    replace_by_a_new_one,
    delete_a_run_in_mlflow,
    delete_the_study_in_mlflow,
    delete_all_runs_for_good,
    lose_the_mark,
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_mlflow_lost_comes_back_and_nothing_twice(
    mlruns: Path, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    whole = spool_of(mlruns).read_bytes()
    lines = whole.splitlines(keepends=True)
    spool_of(mlruns).write_bytes(b"".join(lines[: len(lines) // 2]))
    sync(mlruns)
    shutil.copy(mlruns / "mlflow.db", tmp_path / "older.db")
    spool_of(mlruns).write_bytes(whole)
    sync(mlruns)
    before = content(mlruns)
    assert not is_behind(mlruns)
    assert sync(mlruns) == 0
    damage(mlruns, tmp_path / "older.db")
    assert tracker(mlruns).relocated() == 0
    assert is_behind(mlruns)
    assert sync(mlruns) > 0
    assert content(mlruns) == before
    assert not is_behind(mlruns)
    assert sync(mlruns) == 0


def test_another_server_at_the_same_address_is_asked_what_it_has(mlruns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By MLflow's client, which is how servers are spoken with."""
    monkeypatch.setattr(_sqlite, "KNOWN_LAYOUTS", frozenset())
    sync(mlruns)
    before = content(mlruns)
    assert not is_behind(mlruns)
    delete_a_run_in_mlflow(mlruns, mlruns)
    assert is_behind(mlruns)
    assert sync(mlruns) > 0
    assert content(mlruns) == before
    delete_all_runs_for_good(mlruns, mlruns)
    assert is_behind(mlruns)
    assert sync(mlruns) > 0
    assert content(mlruns) == before


def test_a_run_that_was_deleted_stays_so_when_another_study_starts(mlruns: Path) -> None:
    sync(mlruns)
    delete_the_study_in_mlflow(mlruns, mlruns)
    assert tracker(mlruns).behind([spool_of(mlruns)], counts_runs=False) == []


def first_pages_alone(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:6000])


def last_pages_missing(database: Path) -> None:
    content = database.read_bytes()
    database.write_bytes(content[: 9 * len(content) // 10])


def one_page_in_the_middle(database: Path) -> None:
    """Of the parameters, which nobody reads who asks how much of a study is there."""
    with closing(sqlite3.connect(database)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'params'").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * _sqlite.PAGE_BYTES)
        file.write(bytes(_sqlite.PAGE_BYTES))


@pytest.mark.parametrize("tear", [first_pages_alone, last_pages_missing, one_page_in_the_middle])
def test_a_torn_database_is_one_line_and_comes_back_whole_when_it_is_moved_away(
    mlruns: Path, tear: Callable[[Path], None]
) -> None:
    sync(mlruns)
    before, database = content(mlruns), mlruns / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (_sqlite.PAGE_BYTES,)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    tear(database)
    shown = r"is damaged, or no database\. Move it away: `make sync` fills a new one from the studies' spools\."
    with pytest.raises(Unreachable, match=shown) as raised:
        is_behind(mlruns)
    assert "\n" not in str(raised.value)
    database.rename(mlruns / "torn.db")
    sync(mlruns)
    assert content(mlruns) == before


def test_a_database_that_is_replaced_while_it_is_followed_gets_everything(
    mlruns: Path, tmp_path: Path, empty_database: Path
) -> None:
    spool = spool_of(mlruns)
    sync(mlruns)
    before, whole = content(mlruns), spool.read_bytes()
    lines = whole.splitlines(keepends=True)
    shutil.copy(empty_database, mlruns / "mlflow.db")
    spool.write_bytes(b"".join(lines[:9]))
    work = _sync.Sync(spool=spool, uri=f"sqlite:///{mlruns}/mlflow.db", artifacts=mlruns / "artifacts")
    assert work.step() == 9
    shutil.copy(empty_database, tmp_path / "new.db")
    (tmp_path / "new.db").replace(mlruns / "mlflow.db")
    spool.write_bytes(whole)
    while work.step():
        pass
    work.close()
    assert content(mlruns) == before


def test_the_end_of_a_study_waits_as_long_as_pieces_go_in(mlruns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the timeout in all, with words on how far it is."""
    monkeypatch.setattr(_sync, "EVENTS_PER_STEP", 4)
    monkeypatch.setattr("eksplora.tracker.mlflow.SAY_SECONDS", 0.0)
    apply, gate = _sqlite.SqliteStore.apply, threading.Event()

    def slow(store: _sqlite.SqliteStore, changes: Any) -> None:
        gate.wait(0.05)  # a busy machine
        apply(store, changes)

    monkeypatch.setattr(_sqlite.SqliteStore, "apply", slow)
    follower = tracker(mlruns, seconds=0.01)
    said: list[str] = []
    follower.start(spool_of(mlruns))
    assert follower.finish(say=said.append)
    assert not is_behind(mlruns)
    assert said[-1].startswith("MLflow has ")
    assert "% of one; all of it follows" in said[-1]
    assert len(set(said)) == len(said)


def test_lasting_trouble_ends_the_wait(mlruns: Path) -> None:
    (mlruns / "mlflow.db").write_bytes(b"no database" * 1000)
    follower = tracker(mlruns, seconds=0.2)
    follower.start(spool_of(mlruns))
    assert follower.finish() is False
    assert "is damaged, or no database. Move it away" in (follower.problem or "")


@pytest.mark.parametrize(
    ("text", "mark"),
    [("12 bytes, 3 runs", (12, 3)), ("12 bytes", (0, 0)), (None, (0, 0)), ("9" * 40 + " bytes, 1 runs", (0, 0))],
)
def test_a_mark_that_cannot_be_read_means_that_nothing_is_certain(text: str | None, mark: tuple[int, int]) -> None:
    assert Mark.read(text, 2)[:2] == mark


# --- moved and copied projects -----------------------------------------------------------------------------------


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def artifact_folders(mlruns: Path) -> set[str]:
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        return {uri for (uri,) in connection.execute("SELECT artifact_uri FROM runs")}


@pytest.mark.parametrize("is_client", [False, True])
def test_a_copied_project_writes_nothing_into_the_old_one(
    mlruns: Path, tmp_path: Path, is_client: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_client:
        monkeypatch.setattr(_sqlite, "KNOWN_LAYOUTS", frozenset())
    sync(mlruns)
    shutil.copytree(tmp_path / "project", tmp_path / "copy")
    old, copied = files(tmp_path / "project"), tmp_path / "copy" / "mlruns"
    writer = Spool(spool_of(copied))
    (writer.path.parent / "page.html").write_text("page\n")
    put(writer, "report", artifacts={"report/report.html": "page.html"})
    assert tracker(copied).sync(writer.path, is_over=True) == 1
    assert files(tmp_path / "project") == old
    assert list(copied.rglob("artifacts/*/*/artifacts/report/report.html"))
    assert {uri for uri in artifact_folders(copied) if not uri.startswith(copied.as_uri())} == set()


def test_a_moved_project_finds_its_files_with_mlflows_own_client(mlruns: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    change(mlruns, "UPDATE experiments SET artifact_location = NULL WHERE experiment_id = 0")
    sync(mlruns)
    count = len(artifact_folders(mlruns))
    (tmp_path / "project").rename(tmp_path / "moved")
    moved = tmp_path / "moved" / "mlruns"
    assert tracker(moved).relocated() == count
    assert tracker(moved).relocated() == 0
    with tracker(moved).lookup() as lookup:
        runs = lookup.ids(example.EXPERIMENT, example.STUDY, "0123abcd")
    client = MlflowClient(f"sqlite:///{moved}/mlflow.db")
    assert "config.yaml" in [entry.path for entry in client.list_artifacts(runs["0123abcd/0"])]


def test_files_that_stayed_where_they_were_are_left_there(mlruns: Path, tmp_path: Path) -> None:
    """Somebody chose another folder for new runs, and moved nothing."""
    sync(mlruns)
    before = artifact_folders(mlruns)
    other = MlflowTracker(
        uri=None, database=str(mlruns / "mlflow.db"), artifacts=str(tmp_path / "artifacts"), timeout_seconds=5
    )
    with_files = {uri for uri in before if Path(uri.removeprefix("file://")).is_dir()}
    assert other.relocated() == len(before) - len(with_files)
    assert with_files <= artifact_folders(mlruns)


@pytest.mark.parametrize("name", ["a b", "a?b", "a#b", "a%20b", "ä;=&"])
def test_any_name_of_a_project_s_folder_is_as_good(mlruns: Path, tmp_path: Path, name: str) -> None:
    odd = tmp_path / name / "mlruns"
    odd.parent.mkdir()
    mlruns.rename(odd)
    sync(odd)
    with tracker(odd).lookup() as lookup:  # MLflow's client, not ours
        runs = lookup.ids(example.EXPERIMENT, example.STUDY, "0123abcd")
        assert lookup.shown(runs["0123abcd/1"]).trial == 1
        (tmp_path / "brought").mkdir()
    assert len(runs) == len(content(odd)[0])
    assert {path.name for path in tmp_path.iterdir()} == {name, "project", "brought"}


# --- problem -----------------------------------------------------------------------------------------------------


def test_a_database_of_nobody_s_mlflow_is_refused_and_left_alone(mlruns: Path) -> None:
    (mlruns / "mlflow.db").unlink()
    change(mlruns, "CREATE TABLE mine (a)")
    before = (mlruns / "mlflow.db").read_bytes()
    with pytest.raises(
        StorageError, match=r"mlflow\.db is no database of MLflow's\. Move it away, or set tracker\.uri"
    ):
        sync(mlruns)
    assert (mlruns / "mlflow.db").read_bytes() == before


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("cfd24bdc0731", r"by an older MLflow .*\. Copy the file, then: \.venv/bin/mlflow db upgrade 'sqlite:///"),
        ("ffffffffffff", r"by a newer MLflow \(layout ffffffffffff\) .*\. Install that one, or set tracker\.uri\."),
    ],
)
def test_the_tables_of_another_mlflow_are_one_line_with_the_way_out(mlruns: Path, revision: str, expected: str) -> None:
    change(mlruns, f"UPDATE alembic_version SET version_num = '{revision}'")
    for act in (lambda: sync(mlruns), lambda: is_behind(mlruns), lambda: tracker(mlruns).relocated()):
        with pytest.raises(StorageError, match=expected) as raised:
            act()
        assert "\n" not in str(raised.value)
