from pathlib import Path

import pytest

from eksplora.config import parse_override, quote_names
from eksplora.errors import ConfigError


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("data.path=../my/houses.csv", "data.path=../my/houses.csv"),
        ("data=../houses.csv", "data.path=../houses.csv"),
        ("data=photos/", "data.path=photos/"),
        ("data=my houses (2).csv", 'data.path="my houses (2).csv"'),
        ("data=a\"b\\c'$x.csv", 'data.path="a\\"b\\c\'$x.csv"'),
        ("data.target=Sale Price, net [EUR]", 'data.target="Sale Price, net [EUR]"'),
        ("data.target=1", 'data.target="1"'),
        ("data.target=true", 'data.target="true"'),
        ("data.target=[a,b]", "data.target=[a,b]"),
        ("data.target='a b'", "data.target='a b'"),
        ("data.target=größe", 'data.target="größe"'),
        ("data.drop=[größe, 2020]", 'data.drop=["größe","2020"]'),
        ("data.drop=[]", "data.drop=[]"),
        ("data.separator=;", 'data.separator=";"'),
        ("data.decimal=,", 'data.decimal=","'),
        ("data.columns.zip=category", "data.columns.zip=category"),
        ("data.group=null", "data.group=null"),
        ("data=wine", "data=wine"),
        ("input=a,b.csv", 'input="a,b.csv"'),
        ("study.seed=1", "study.seed=1"),
    ],
)
def test_names_of_files_and_columns_are_taken_as_they_are(typed: str, word: str) -> None:
    (found,) = quote_names([typed])
    assert found == word


@pytest.mark.parametrize("text", ["a b", "x=1", "a,b", "1e3", "null ", "\"'", "\\", "é#", "[a", "a]"])
def test_a_quoted_name_is_read_back(text: str) -> None:
    (found,) = quote_names([f"data.target={text}"])
    assert parse_override(found).value() == text


def test_a_name_of_a_data_set_and_of_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wine").touch()
    with pytest.raises(ConfigError, match=r"^data=wine names a data set .* too\. Write data=\./wine"):
        quote_names(["data=wine"])
    assert quote_names(["data=./wine", "data.path=wine"]) == ["data.path=./wine", "data.path=wine"]


def test_a_name_is_no_reference() -> None:
    with pytest.raises(ConfigError, match=r"^data\.path: .* is no plain value"):
        quote_names(["data.path=${oc.env:HOME}"])
