from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from eksplora.data._shared import shared


class Rows:
    """Ten rows of a number, some at a time; counts how often they were asked for."""

    def __init__(self, value: float) -> None:
        self.value, self.asked = value, 0

    def __call__(self) -> Iterator[np.ndarray]:
        self.asked += 1
        yield from (np.full((rows, 3), self.value, dtype=np.float32) for rows in (4, 4, 2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scaled/a.f32"


def test_one_makes_the_file_all_map_it_and_the_last_removes_it(path: Path) -> None:
    rows = Rows(7)
    first, second = shared(path, (10, 3), rows), shared(path, (10, 3), rows)
    assert rows.asked == 1 and (first == 7).all() and (second == 7).all() and path.stat().st_size == 120
    second[0] = 1  # stays where it was written
    assert first[0, 0] == 7
    del first
    assert path.exists() and (shared(path, (10, 3), rows) == 7).all() and rows.asked == 1
    del second
    assert not path.exists()


def test_what_a_killed_process_left_is_of_no_use(path: Path) -> None:
    path.parent.mkdir()
    for left in (path, path.with_name("b.f32")):
        left.write_bytes(b"torn")
    array = shared(path, (10, 3), Rows(2))
    assert (array == 2).all() and [one.name for one in path.parent.glob("*.f32")] == ["a.f32"]


def test_rows_are_in_memory_where_no_file_can_be_written(path: Path) -> None:
    path.parent.write_text("no folder")
    assert (shared(path, (10, 3), Rows(3)) == 3).all()
