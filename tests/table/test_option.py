"""Ways out that a shell and Hydra read back as they were meant."""

import shlex

import pytest

from eksplora.config import parse_override, quote_names
from eksplora.table.check import kinds_of
from eksplora.table.option import kind, left_out, role

NAMES = [
    "zip",
    "sale price",
    "yrs.since",
    'say "no"',
    "it's",
    "größe",
    "2020",
    "null",
    "a,b",
    "[a]",
    "a=b",
    "$x",
    "b\\",
]


def read(word: str) -> object:
    (typed,) = shlex.split(word)
    return parse_override(*quote_names([typed])).value()


@pytest.mark.parametrize("name", NAMES)
def test_an_option_names_its_column_whatever_it_is_called(name: str) -> None:
    assert read(role("time", name)) == name
    assert read(left_out(name)) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_is_that_of_its_column_whatever_it_is_called(name: str) -> None:
    typed = [*shlex.split(kind(name, "category")), "data.columns.other name=drop"]
    (word,) = quote_names(typed)
    assert kinds_of(parse_override(word).value()) == {name: "category", "other name": "drop"}
