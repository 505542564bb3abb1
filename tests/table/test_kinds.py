"""Kinds of columns by their cells."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from eksplora.errors import DataError
from eksplora.table.cells import date_part, days, numbers
from eksplora.table.kinds import decimal_of, kind_of, own_decimal, stated_kind


def column(values):
    return pa.chunked_array([pa.array(values)])


WORDS = [f"{word} of house number {n} at the end of a lane" for n, word in enumerate(["red", "blue"] * 20)]


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("a", ["1", "2.5", "-3e2"] * 10, "number"),
        ("a", ["1,234.5", "12", "1,000,000"] * 10, "number"),
        ("a", ["1 234.5", "12", "2 000"] * 10, "number"),
        ("a", ["yes", "No", "no", "Yes"], "category"),
        ("a", ["yes", "no", None] * 9, "boolean"),
        ("a", ["true", "false"] * 9, "boolean"),
        ("a", ["2020-01-31", "2021-12-01"] * 9, "date"),
        ("a", ["31.01.2020", "01.12.2021"] * 9, "date"),
        ("a", ["1/31/2020 10:00", "12/1/2021 23:59"] * 9, "date"),
        ("a", ["31 Jan 2020", "1 Dec 2021"] * 9, "date"),
        ("a", ["2020-01-31T10:00:00Z", "2020-01-31T10:00:00+0200"] * 9, "date"),
        ("a", ["red", "green", "blue"] * 9, "category"),
        ("a", ["01", "02", "ab"] * 9, "category"),
        ("a", [None, None], "empty"),
        ("a", ["x", "x", None], "constant"),
        ("a", [str(n) for n in range(40)], "identifier"),
        ("user_id", [str(n * 7) for n in range(40)], "identifier"),
        ("people", [str(n * 7) for n in range(40)], "number"),
        ("a", [f"T-{n}" for n in range(40)], "identifier"),
        ("a", WORDS, "text"),
    ],
)
def test_the_kind_of_texts(name, cells, kind):
    assert kind_of(name, column(cells), ".").kind == kind


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([1.5, 2.0, None], "number"),
        ([True, False, None], "boolean"),
        (pd.to_datetime(["2020-01-31", "2021-01-31"]).to_pydatetime().tolist(), "date"),
        ([*range(40)], "identifier"),
    ],
)
def test_the_kind_of_what_the_format_knows(cells, kind):
    assert kind_of("a", column(cells), ".").kind == kind


def test_a_few_unreadable_cells_leave_a_column_of_numbers_one_and_are_counted():
    found = kind_of("a", column([*map(str, range(99)), "broken"]), ".")
    assert (found.kind, found.unreadable, found.example) == ("number", 1, "broken")
    assert kind_of("a", column([*["1", "2"] * 9, "x", "y"]), ".").kind == "category"


def test_words_that_stand_again_and_again_for_missing_numbers_are_marks():
    numbers_of, marks = [str(n / 7) for n in range(60)], ["k. A.", "unknown", None] * 10
    found = kind_of("a", column([*marks, *numbers_of]), ".")
    assert (found.kind, found.unreadable, found.example) == ("number", 20, "k. A.")
    assert kind_of("a", column([*marks * 4, *numbers_of]), ".").kind != "number"  # more words than numbers
    assert kind_of("a", column([*marks, *numbers_of[:9] * 9]), ".").kind == "category"  # nine grades


def test_dates_that_can_be_read_in_two_ways_are_read_with_the_month_first_and_it_is_noted():
    found = kind_of("a", column(["01/02/2020", "03/04/2020"] * 5), ".")
    assert (found.format, found.other_format) == ("%m/%d/%Y", "%d/%m/%Y")
    assert kind_of("a", column(["01/02/2020", "13/04/2020"] * 5), ".").format == "%d/%m/%Y"


@pytest.mark.parametrize(
    ("cells", "separator", "decimal"),
    [
        (["1,5", "2,25"], ";", ","),
        (["1.234,5", "2"], ";", ","),
        (["1,5", "2,25"], "\t", ","),
        (["1.5", "2"], ";", "."),
        (["1,234", "2,500"], ",", "."),
        (["1,234", "2,500"], ";", ","),
        (["1,234.5", "2"], "\t", "."),
    ],
)
def test_the_decimal_point_is_that_with_which_columns_are_numbers(cells, separator, decimal):
    texts = column(cells * 10)
    found = decimal_of({"a": texts, "b": column(["x", "y"])}, separator)
    assert found == decimal and not np.isnan(numbers(texts, found)).any()


@pytest.mark.parametrize(
    ("cells", "own"),
    [
        (["0.749", "1.06", "-3.5"], "."),
        (["1.234", "2.500"], ","),  # both signs read them: that of the file
        (["1.234,5", "2"], ","),
        (["1.5", "red", "blue"], ","),  # words, most of them
        (["red", None], ","),
        ([None, None], ","),
    ],
)
def test_a_column_may_have_another_decimal_point_than_its_file(cells, own):
    assert own_decimal(pa.chunked_array([pa.array(cells * 10, pa.string())]), ",") == own


def test_a_leading_zero_groups_no_thousands():
    assert np.isnan(numbers(column(["0.749", "-0.001"]), ",")).all()
    assert numbers(column(["10.749", "-1.001"]), ",").tolist() == [10749, -1001]


@pytest.mark.parametrize("kind", ["number", "date"])
def test_a_kind_that_not_one_cell_is_of_is_refused(kind):
    with pytest.raises(DataError, match=rf"data.columns.a b={kind}: no cell of the column is a {kind}, such as 'red'"):
        stated_kind("a b", column(["red", "blue"] * 9), kind, ".")
    assert stated_kind("a", column(["red", "1", "2020-01-31"]), kind, ".").unreadable == 2


def test_numbers_are_those_that_were_written():
    assert numbers(column(["1.234,5", "1'000", "-2", "+3,5", "1.5", "x", None]), ",")[:4].tolist() == [
        1234.5,
        1000,
        -2,
        3.5,
    ]
    assert np.isnan(numbers(column(["1.5", "x", None, "inf"]), ",")).all()
    assert numbers(column(["1,234.5", "12 000", "+3", "x"]), ".")[:3].tolist() == [1234.5, 12000, 3]


def test_days_and_parts_are_pandas_own():
    stamps = pd.Series(pd.to_datetime(["1969-12-31 23:00", "2000-02-29 12:30", "2024-12-31 00:00"]))
    written = days(column(stamps.dt.strftime("%Y-%m-%d %H:%M").tolist()), "%Y-%m-%d %H:%M")
    known = days(column(stamps.dt.to_pydatetime().tolist()), "")
    expected = (stamps - pd.Timestamp(0)) / pd.Timedelta(days=1)
    np.testing.assert_allclose(written, expected)
    np.testing.assert_allclose(known, expected)
    names = {"year": "year", "month": "month", "day": "day", "weekday": "day_of_week", "hour": "hour"}
    for part, theirs in names.items():
        assert date_part(known, part).tolist() == getattr(stamps.dt, theirs).tolist()
