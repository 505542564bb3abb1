"""Tables in memory as files, and what is wrong with them."""

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import eksplora as ek
from eksplora.config import composing
from eksplora.errors import ConfigError, DataError
from eksplora.interface.data import data_words

TABLE = pd.DataFrame({"size": [1.0, 2.0, 3.0], "city": ["a", "b", None], "price": [1, 2, 3]})


def test_equal_tables_have_one_file_and_other_tables_others(tmp_path: Path) -> None:
    paths = []
    for frame in (TABLE, TABLE.copy(), TABLE.assign(size=0.0), TABLE.rename(columns={"size": 7})):
        with composing():
            kind, path, target = data_words(frame, "price", None, tmp_path)
        assert (kind, target) == ("data=table", 'data.target="price"')
        paths.append(Path(path.removeprefix('data.path="').removesuffix('"')))
    assert paths[0] == paths[1] and len(set(paths)) == 3 and len(list(tmp_path.glob("frames/*/*"))) == 3
    pd.testing.assert_frame_equal(pd.read_parquet(paths[0]), TABLE)
    assert "7" in pd.read_parquet(paths[3]).columns


class Columns:
    """A table of some other package, which gives its columns as Arrow does."""

    columns = ("size", "city", "price")

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.Table.from_pandas(TABLE).__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("frame", [pa.Table.from_pandas(TABLE), Columns()], ids=["pyarrow", "other"])
def test_tables_of_other_packages_are_taken_by_their_columns(frame: object, tmp_path: Path) -> None:
    with composing():
        _, path, _ = data_words(frame, "price", None, tmp_path)
    kept = pd.read_parquet(path.removeprefix('data.path="').removesuffix('"'))
    pd.testing.assert_frame_equal(kept, TABLE)


@pytest.mark.parametrize(
    ("frame", "target", "message"),
    [
        (TABLE, "prise", "target: the table has no column 'prise'. Did you mean 'price'?"),
        (TABLE, ["price", "sise"], "target: the table has no column 'sise'. Did you mean 'size'?"),
        (TABLE, None, "target: none is given. Name the column to predict, one of size, city, price."),
        (TABLE.assign(size=[1, "a", object()]), "price", "data: the table cannot be written ("),
        ("houses.csv", "price", "data: houses.csv is neither a file here nor a data set. Correct its path."),
        (Path(__file__), None, "target: none is given for test_data.py. Name the column to predict: target='price'."),
    ],
)
def test_bad_tables_are_one_line_and_nothing_is_written(
    frame: object, target: str | None, message: str, tmp_path: Path
) -> None:
    with composing(), pytest.raises(ConfigError, match=re.escape(message)) as caught:
        data_words(frame, target, None, tmp_path)
    assert not any(tmp_path.iterdir()) and "\n" not in str(caught.value)


def test_a_message_names_the_table_and_not_the_file_that_it_was_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^data: the table has 3 rows with a target: too few"):
        ek.search(TABLE, target="price")
