"""Files that are remembered: read again only once they have changed, and named where they differ."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from picturing import folder_of, save

from eksplora.errors import DataError
from eksplora.images import seen
from eksplora.images.seen import Seen, difference, in_parallel, recall, remember, states_of


def look(folder: Path, names: list[str], known: dict[str, Seen]) -> list[Seen]:
    return seen.look(folder, names, states_of(folder, names), known)


NAMES = ["a/000.png", "a/001.png", "b/000.png"]
HOUR_NS = 3600 * 10**9


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photos", {"a": 2, "b": 1})


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked at an hour after they were made."""
    now = seen.time.time_ns
    monkeypatch.setattr(seen.time, "time_ns", lambda: now() + HOUR_NS)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of files that are read."""
    names: list[str] = []
    original = seen.open_plain
    monkeypatch.setattr(seen, "open_plain", lambda path: (names.append(path.name), original(path))[1])
    return names


def by_name(files: list[Seen]) -> dict[str, Seen]:
    return {file.name: file for file in files}


def test_a_file_is_described_by_its_hash_and_header(photos: Path) -> None:
    (photos / "a/001.png").write_bytes(b"no image")
    save(photos / "b/000.png", 5, height=20, width=30, channels=1)
    first, second, third = look(photos, NAMES, {})
    assert (first.width, first.height, first.is_grey, first.problem) == (16, 12, 0, "")
    assert second.problem.startswith("cannot be read (it is none of these kinds)")
    assert (third.width, third.height, third.is_grey) == (30, 20, 1)
    digest = __import__("hashlib").sha256((photos / "b/000.png").read_bytes()).hexdigest()
    assert (third.sha256, third.size) == (digest, (photos / "b/000.png").stat().st_size)


def test_a_large_file_is_hashed_piece_by_piece_with_the_same_result(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = look(photos, NAMES, {})
    monkeypatch.setattr(seen, "SMALL_BYTES", 10)
    assert look(photos, NAMES, {}) == wanted


@pytest.mark.usefixtures("later")
def test_files_that_have_not_changed_are_not_read_again(photos: Path, tmp_path: Path, opened: list[str]) -> None:
    files = look(photos, NAMES, {})
    remember(tmp_path / "memory.csv", files)
    opened.clear()
    assert look(photos, NAMES, recall(tmp_path / "memory.csv")) == files and opened == []


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("keeps_time", [False, True])
def test_an_edited_file_is_read_again_even_where_its_time_was_set_back(
    keeps_time: bool, photos: Path, opened: list[str]
) -> None:
    files = look(photos, NAMES, {})
    path, state = photos / "a/001.png", (photos / "a/001.png").stat()
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # of the same size
    if keeps_time:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    opened.clear()
    changed = look(photos, NAMES, by_name(files))
    assert opened == ["001.png"]
    assert [old.sha256 == new.sha256 for old, new in zip(files, changed, strict=True)] == [True, False, True]


def test_a_file_that_was_changed_just_now_is_read_again(photos: Path, opened: list[str]) -> None:
    files = look(photos, NAMES, {})
    opened.clear()
    look(photos, NAMES, by_name(files))
    assert sorted(opened) == ["000.png", "000.png", "001.png"]


@pytest.mark.parametrize("text", ["", "other,head\n1,2\n", "\0", None])
def test_a_memory_that_cannot_be_read_is_none(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "memory.csv"
    if text is not None:
        path.write_text(text)
    assert recall(path) == {}


def test_a_damaged_line_makes_the_memory_none(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "memory.csv"
    remember(path, look(photos, NAMES, {}))
    assert len(recall(path)) == 3
    path.write_text(path.read_text() + "one,cell too few\n")
    assert recall(path) == {}


@pytest.mark.parametrize("name", [os.fsdecode(b'a/\xff\n"x.png'), "=1+1.png", "'=1+1.png", "'a.png", "-1.png"])
def test_names_of_any_bytes_are_remembered(name: str, tmp_path: Path) -> None:
    remember(tmp_path / "memory.csv", [Seen(name, 1, 2, "3", 4, 5, 0, "why, so")])
    assert recall(tmp_path / "memory.csv")[name] == Seen(name, 1, 2, "3", 4, 5, 0, "why, so")


def test_a_file_that_is_gone_is_named(photos: Path) -> None:
    with pytest.raises(
        DataError, match=r"absent\.png cannot be read \(No such file .*\)\. Permit reading it, or take it out\.$"
    ):
        look(photos, [*NAMES, "absent.png"], {})


def test_differences_are_counted_and_named() -> None:
    assert difference({"a": "1"}, {"a": "1"}) == ""
    assert difference({"a": "1", "b": "2", "c": "3"}, {"b": "9", "c": "3", "d": "4", "e": "5"}) == (
        "1 edited (b), 2 new (d, e), 1 gone (a)"
    )


def test_results_are_in_order_and_an_error_is_the_callers() -> None:
    assert list(in_parallel(str, range(1000))) == list(map(str, range(1000)))
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda item: 1 / (item - 70), range(1000)))
