import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eksplora import untrusted
from eksplora.errors import DataError
from eksplora.untrusted import is_name, parse_json, parse_yaml, path_inside, plain_cell, read_json


@dataclass
class Point:
    x: float
    label: str = ""


@dataclass
class Line:
    start: Point
    widths: list[int]


def test_a_path_out_of_a_record_stays_inside(tmp_path: Path) -> None:
    assert path_inside(tmp_path, "summary/plots/a.html", source="the spool") == tmp_path / "summary/plots/a.html"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/etc/passwd", "../a", "a/../b", "a//b", "a/", "a/./b", "a\\b", "a\0b", None, 3, ["a"], b"a"],
)
def test_a_path_that_leaves_its_folder_is_refused_by_name(name: object, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"names the file .* no relative path"):
        path_inside(tmp_path, name, source="the spool")


@given(st.text(st.sampled_from("ab./\\\0~"), max_size=12))
def test_a_path_is_refused_or_inside(name: str) -> None:
    folder = Path("/folder/of/the/record")
    try:
        path = path_inside(folder, name, source="the spool")
    except DataError:
        return
    assert folder in path.parents
    assert ".." not in path.parts


def test_a_link_on_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "record").mkdir()
    (tmp_path / "record/link").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "link/a"):
        with pytest.raises(DataError, match="is a symbolic link"):
            path_inside(tmp_path / "record", name, source="the spool")


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "/a", "a\n", "-a", ".a", "a b", "a|b", "a" * 101, None, 3])
def test_what_is_no_name_of_a_folder(text: object) -> None:
    assert not is_name(text)


@pytest.mark.parametrize("text", ["a", "wine_mlp", "1.2", "größe", "a" * 100])
def test_what_is_a_name_of_a_folder(text: str) -> None:
    assert is_name(text)


def test_json_of_the_shape_is_read(tmp_path: Path) -> None:
    path = tmp_path / "line.json"
    path.write_text(json.dumps({"start": {"x": 1.5}, "widths": [1, 2]}))
    assert read_json(path, Line, way_out="") == Line(Point(1.5), [1, 2])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"[" * 100_000, "recursion limit"),
        (b"[]", "an object"),
        (b"{}", r"start: .*required"),
        (b'{"start": {"x": "3"}, "widths": []}', r"start\.x: .* number"),
        (b'{"start": {"x": 3}, "widths": [true]}', r"widths\.0: .* integer"),
        (b'{"start": {"x": 3}, "widths": [1.0]}', r"widths\.0: .* integer"),
        (b'{"start": null, "widths": [1]}', r"start: "),
    ],
)
def test_json_of_another_shape_is_refused_with_the_key_and_the_way_out(content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=f"^line.json .*{reason}.* Write it anew.$"):
        parse_json(content, Line, source="line.json", way_out="Write it anew.")


@given(
    st.dictionaries(
        st.text("abc", min_size=1), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
    )
)
def test_plain_yaml_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    assert parse_yaml(yaml.safe_dump(value).encode(), source="a", way_out="") == value


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghij", "bcdefghijk", strict=True))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB.encode(), "line 1: 'a' is an anchor or alias"),
        (b"a: !!python/object/apply:os.system [ls]", "line 1: the tag .*python"),
        (b"a: !!binary aGk=", "line 1: the tag"),
        (b"a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice"),
        (b"? [a]\n: 1", "a key must be a word"),
        (b"a:\n\tb: 1", "line 2: "),
        (b"[" * 60 + b"]" * 60, "more than 50 levels"),
        (b"[" * 100_000, "more than 50 levels"),
        (b"a: \xff", "utf-8"),
        (b"a: " + b"9" * 5000, "digits"),
        (b"a: 2026-99-99", "month"),
        (b"a: 1\n---\nb: 1", "another document"),
        (b"#" * (2**20 + 1), "larger than 1 MiB"),
    ],
)
def test_yaml_that_is_not_plain_is_refused_with_its_line(content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=f"^a.yaml cannot be read .*{reason}.* Write it anew.$"):
        parse_yaml(content, source="a.yaml", way_out="Write it anew.")


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert parse_yaml(b"\xef\xbb\xbfa: 1", source="a.yaml", way_out="") == {"a": 1}


# --- cells of tables ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://a")', "-", "--1"]
)
def test_a_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe(text: str) -> None:
    assert plain_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["-1", "+1.5", "-1e-3", "-inf", "a=1", "", " =1", "optimizer.lr", -1, -0.5, None, True]
)
def test_numbers_and_other_texts_are_left_as_they_are(value: object) -> None:
    assert plain_cell(value) is value


def test_every_table_is_written_in_one_place_that_goes_through_it() -> None:
    package = Path(untrusted.__file__).parent
    writers = [
        path for path in package.rglob("*.py") if re.search(r"csv\.(Dict)?[wW]riter\(|\.to_csv\(", path.read_text())
    ]
    assert [path.relative_to(package).as_posix() for path in writers] == ["records/table.py"]
    assert "plain_cell" in writers[0].read_text()


def test_a_pipe_or_a_device_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match=r"a pipe or a device, not a file"):
            read_json(path, dict[str, float], way_out="Go on.")
        with pytest.raises(DataError, match=r"a pipe or a device, not a file"):
            untrusted.load_yaml(path, way_out="Go on.")
