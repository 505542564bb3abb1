"""Files of all formats become the same columns."""

import gzip

import pandas as pd
import pytest
from pyarrow import feather

from eksplora.errors import DataError
from eksplora.table.reading import frame_of, read_frame

TABLE = pd.DataFrame({"name": ["Zürich", "Rome, east", None], "area": [1.5, 2.25, 1000.0], "id": [1, 2, 3]})


def written(folder, form):
    path = folder / f"rows{form}"
    separator = {".csv": ",", ".tsv": "\t", ".csv.gz": ",", ".txt": ";"}.get(form)
    if separator:
        text = TABLE.to_csv(index=False, sep=separator).encode()
        path.write_bytes(gzip.compress(text) if form.endswith(".gz") else text)
    elif form == ".parquet":
        TABLE.to_parquet(path)
    else:
        TABLE.to_feather(path)
    return path


@pytest.mark.parametrize("form", [".csv", ".tsv", ".txt", ".csv.gz", ".parquet", ".feather"])
def test_every_format_gives_the_same_cells(tmp_path, form):
    frame = read_frame(written(tmp_path, form))
    assert list(frame.columns) == ["name", "area", "id"] and frame.rows == 3
    assert frame.columns["name"].to_pylist() == ["Zürich", "Rome, east", None]
    assert [float(value) for value in frame.columns["area"].to_pylist()] == [1.5, 2.25, 1000.0]


def test_a_pandas_table_gives_the_cells_of_its_file(tmp_path):
    frame, file = frame_of(TABLE), read_frame(written(tmp_path, ".parquet"))
    assert {name: column.to_pylist() for name, column in frame.columns.items()} == {
        name: column.to_pylist() for name, column in file.columns.items()
    }


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("latin-1", "latin-1"), ("utf-8", "utf-8")],
)
def test_encodings_are_found(tmp_path, encoding, found):
    path = tmp_path / "rows.csv"
    path.write_bytes("Größe,b\nä,1\nß,2\n".encode(encoding))
    frame = read_frame(path)
    assert frame.encoding == found and frame.columns["Größe"].to_pylist() == ["ä", "ß"]


def test_a_quoted_cell_may_hold_separators_and_ends_of_lines(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('a,b\n"x, ""y""\nz",1\nw,2\n')
    assert read_frame(path).columns["a"].to_pylist() == ['x, "y"\nz', "w"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"x,y\n", "no rows"),
        ("a.csv", b"x\n1\n2\n", "has one column"),
        ("a.csv", b"x,y,x\n1,2,3\n", "has two columns 'x'"),
        ("a.csv", b"1,2\n3,4\n", r"begins with numbers \(1, 2\)"),
        ("a.csv", b"x,y\n1,2\n1,2,3\n", "cannot be read as a table .*Expected 2 columns, got 3"),
        ("a.csv", b"x,y\n\0,2\n", "is no text"),
        (
            "a.csv",
            b",".join([b"x%d" % number for number in range(200_000)]),
            "has no end of line in its first 1024 KiB",
        ),
        ("a.csv", b'"x,y\n' + b"1,2\n" * 40_000, "name of more than 131072 characters: .* never closed"),
        ("a.csv.gz", b"x,y\n1,2\n", "cannot be read as a table"),
        ("a.parquet", b"x,y\n1,2\n", "cannot be read as a table"),
        ("a.feather", b"x,y\n1,2\n", "cannot be read as a table"),
        ("a.docx", b"x", "a.docx is none of .csv, .tsv"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_frame(tmp_path / name)
    assert str(caught.value).startswith("data.path: ") and "\n" not in str(caught.value)


def test_a_file_that_is_missing_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_frame(tmp_path / "none.csv")
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(DataError, match="is a folder, not a file"):
        read_frame(tmp_path / "a.csv")


def test_a_text_that_is_decompressed_without_end_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"x,y\n" + b"1,2\n" * 100_000))
    monkeypatch.setattr("eksplora.table.text.LARGEST_BYTES", 10_000)
    with pytest.raises(DataError, match=r"holds more than 0 MiB of text\. Save it as Parquet\."):
        read_frame(path)


def test_a_small_file_that_holds_a_large_table_is_refused_before_it_is_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("eksplora.table.text.SMALL_BYTES", 100_000)
    text = b"x,y\n" + b"1,2\n" * 200_000
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text))
    with pytest.raises(
        DataError, match=r"a\.csv\.gz holds more than 0 MiB of text\. Decompress it first, if you trust"
    ):
        read_frame(tmp_path / "a.csv.gz")
    (tmp_path / "a.csv").write_bytes(text)
    assert read_frame(tmp_path / "a.csv").rows == 200_000
    table = pd.DataFrame({"x": [0.0] * 200_000, "y": [0.0] * 200_000})
    table.to_parquet(tmp_path / "a.parquet")
    table.to_feather(tmp_path / "a.feather", compression="zstd")
    for name in ("a.parquet", "a.feather"):
        with pytest.raises(DataError, match=rf"{name} holds 200000 rows in \d+ bytes\. Save it as CSV\."):
            read_frame(tmp_path / name)
    with pytest.warns(DeprecationWarning, match="V1"):
        feather.write_feather(table, tmp_path / "a.feather", version=1)  # never compressed
        assert read_frame(tmp_path / "a.feather").rows == 200_000


def test_a_table_of_many_columns_is_read(tmp_path):
    """Its lines are longer than the longest cell that Python's csv reads: under another separator they are none."""
    names = [f"gene{number:011}" for number in range(12_000)]
    line = ",".join(["0.123456789"] * len(names))
    (tmp_path / "a.csv").write_text("\n".join([",".join(names), line, line]) + "\n")
    frame = read_frame(tmp_path / "a.csv", wanted=names[:2])
    assert (frame.rows, frame.separator, frame.names) == (2, ",", tuple(names))
