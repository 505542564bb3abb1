"""What is read back is of the shape that was written, and harmless whatever it says."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import example_study as example
import hostile_spools
import pytest
from spooling import put

from eksplora.errors import DataError, UserError
from eksplora.events.event import StudyEvent
from eksplora.events.line import LINES
from eksplora.events.spool import Spool, encode, read, study_of
from eksplora.tracker.mlflow import MlflowTracker


def tracker(mlruns: Path) -> MlflowTracker:
    return MlflowTracker(
        uri=None, database=str(mlruns / "mlflow.db"), artifacts=str(mlruns / "artifacts"), timeout_seconds=5
    )


def test_every_kind_of_event_has_a_shape_and_passes_it(tmp_path: Path) -> None:
    kinds = [event.kind for event in read(hostile_spools.write(tmp_path, hostile_spools.small_study("small")))]
    assert set(kinds) == set(LINES)


@pytest.mark.parametrize(
    ("kind", "key", "value", "expected"),
    [
        ("epochs", "trial", "0", r"data\.trial: Input should be a valid integer"),
        ("epochs", "curves", {"mae": "high"}, r"data\.curves\.mae: Input should be a valid (list|array)"),
        ("trial_end", "status", "done", r"data\.status: Input should be 'running', 'finished'"),
        ("study", "experiment", "/x", r"data\.experiment: .*no name of letters"),
        ("study", "name", "../x", r"data\.name: .*no name of letters"),
        ("stop", "artifacts", ["a"], r"data\.artifacts: Input should be (an object|a valid dict)"),
        ("start", "threads", -1, r"data\.threads: Input should be greater than or equal to 0"),
    ],
)
def test_a_value_of_another_shape_is_refused_by_line_and_key(
    tmp_path: Path, kind: str, key: str, value: object, expected: str
) -> None:
    events = [(name, {**data, key: value} if name == kind else data) for name, data in hostile_spools.small_study("s")]
    line = 1 + [name for name, _ in events].index(kind)
    message = rf"spool\.jsonl, line {line}, cannot be read \({expected}.*\)\. Restore the file from a copy"
    with pytest.raises(DataError, match=message):
        list(read(hostile_spools.write(tmp_path, events)))


def test_bytes_that_are_no_text_come_back_as_they_were(tmp_path: Path) -> None:
    patch = b"+caf\xe9 \\ud800 \xff\n".decode(errors="surrogateescape")
    kind, data = hostile_spools.small_study("odd")[0]
    spool = hostile_spools.write(tmp_path, [(kind, {**data, "texts": {"changes.diff": patch}})])
    assert study_of(spool).texts["changes.diff"] == patch


def test_what_earlier_versions_wrote_is_read(tmp_path: Path, empty_database: Path) -> None:
    """The keys that every version wrote, and no others."""
    old = {
        "study": ("members", "definition", "parent", "dataset"),
        "trial": ("resolved", "key", "repeats"),
        "member": ("engine", "test", "weights", "curves"),
        "trial_end": ("curves",),
    }
    events = [
        (kind, {key: value for key, value in data.items() if key not in old.get(kind, ())})
        for kind, data in hostile_spools.small_study("old")
    ]
    spool = hostile_spools.write(tmp_path / "old", events)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    assert tracker(tmp_path).sync(spool, is_over=True) == len(events)
    assert {"dataset", "parent"} <= {field.name for field in fields(StudyEvent)}


@pytest.mark.parametrize("count", [60, pytest.param(300, marks=pytest.mark.slow)])
def test_no_altered_spool_reads_or_writes_outside_or_shows_a_traceback(
    count: int, tmp_path: Path, empty_database: Path
) -> None:
    outside, mlruns = tmp_path / "outside", tmp_path / "project" / "mlruns"
    outside.mkdir()
    (outside / "secret").write_text("the secret\n")
    mlruns.mkdir(parents=True)
    shutil.copy(empty_database, mlruns / "mlflow.db")
    taken, refused = 0, []
    for index, (change, events) in enumerate(hostile_spools.mutations("s", outside, count=count, seed=13)):
        spool = hostile_spools.write(mlruns / "studies" / f"s-{index}", events)
        try:
            tracker(mlruns).sync(spool, is_over=True)
            taken += 1
        except UserError as error:
            assert "\n" not in str(error), change
            refused.append(str(error))
    assert taken > count / 10, "most of what is odd is harmless"
    assert len(refused) > count / 3
    assert not [text for text in refused if "cannot be used" in text], "a database was asked to hold nonsense"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "project"]
    assert [path.name for path in outside.iterdir()] == ["secret"]
    kept = [path for path in mlruns.rglob("*") if path.is_file() and path.suffix != ".db"]
    assert not [path for path in kept if b"the secret" in path.read_bytes()]
    assert {path.name for path in mlruns.iterdir()} <= {
        "mlflow.db", "mlflow.db-wal", "mlflow.db-shm", ".mlflow.lock", "artifacts", "studies",
    }  # fmt: skip


@pytest.mark.parametrize("link", ["summary", "summary/trials.csv", "summary/best", "spool.jsonl"])
def test_links_in_a_study_from_elsewhere_are_not_followed(tmp_path: Path, empty_database: Path, link: str) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(hostile_spools.write(tmp_path / "study", hostile_spools.small_study("s")).parent, outside)
    target = tmp_path / "study" / link
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    target.symlink_to(outside / link)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    with pytest.raises(DataError, match=r"is a symbolic link\. Put the file itself in its place"):
        tracker(tmp_path).sync(tmp_path / "study" / "spool.jsonl", is_over=True)
    assert not list((tmp_path / "artifacts").rglob(Path(link).name))


def test_a_flipped_bit_is_refused_by_line_or_changes_nothing(tmp_path: Path) -> None:
    spool = hostile_spools.write(tmp_path, hostile_spools.small_study("s"))
    whole, events = spool.read_bytes(), list(read(spool))
    for at in range(0, len(whole), 97):
        spool.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            assert list(read(spool)) == events[: len(list(read(spool)))]
        except UserError as error:
            assert "line" in str(error)


def test_a_run_id_from_a_database_leads_nowhere_else(tmp_path: Path, empty_database: Path) -> None:
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    (tmp_path / "study").mkdir()
    writer = Spool(tmp_path / "study" / "spool.jsonl")
    example.begin(writer)
    tracker(tmp_path).sync(writer.path, is_over=False)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection, connection:
        for table in ("tags", "params", "runs"):
            connection.execute(f"UPDATE {table} SET run_uuid = '../../../escaped'")
    put(writer, "report", artifacts={"report/a.txt": "a.txt"})
    (tmp_path / "study" / "a.txt").write_text("a\n")
    with pytest.raises(DataError, match=r"names the file '\.\./\.\./\.\./escaped/artifacts'"):
        tracker(tmp_path).sync(writer.path, is_over=False)
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path.parent / "escaped").exists()


def test_lines_are_encoded_as_they_are_checked() -> None:
    assert encode("start", 5, {"threads": 1}).endswith(b' {"kind":"start","time":5,"data":{"threads":1}}\n')
