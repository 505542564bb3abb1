"""Warnings of a card: each shows where it should, and not on a table without fault."""

import numpy as np
import pandas as pd
import pytest

from eksplora.table import TableOptions, examine


def plain(rows=400):
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"x": draw.normal(size=rows), "z": draw.normal(size=rows), "c": draw.choice(["a", "b"], rows)})
    return table.assign(y=table["x"] + draw.normal(size=rows))


def warnings(folder, table, **roles):
    table.to_csv(folder / "t.csv", index=False)
    return examine(TableOptions(**{"path": str(folder / "t.csv"), "target": "y"} | roles)).warnings


def test_a_table_without_fault_has_none(tmp_path):
    assert warnings(tmp_path, plain()) == ()


CASES = {
    "a constant column": (lambda t: t.assign(k=1), "Column 'k' is constant: it is not used."),
    "an empty column": (lambda t: t.assign(k=None), "Column 'k' is empty"),
    "an identifier": (lambda t: t.assign(k=range(len(t))), "Column 'k' names rows"),
    "text": (
        lambda t: t.assign(**{"k k": [f"house {n} stands at the lake" for n in range(len(t))]}),
        "holds free text: it is not used. Make columns of numbers or categories of it; where its texts repeat, "
        "'data.columns.k k=category'.",
    ),
    "a copy": (lambda t: t.assign(k=t["x"]), "Column 'k' has the values of 'x'"),
    "a copy of categories": (lambda t: t.assign(k=t["c"]), "Column 'k' has the values of 'c'"),
    "missing cells": (lambda t: t.assign(k=t["x"].where(t.index < 100)), "Column 'k' is missing in 75% of the rows"),
    "the target in other units": (
        lambda t: t.assign(k=t["y"] * 3 + 1),
        "Column 'k' alone explains 100.0% of the target",
    ),
    "the target, curved": (lambda t: t.assign(k=np.exp(t["y"])), "Column 'k' alone explains 100.0% of the target"),
    "the target in steps": (lambda t: t.assign(k=t["y"].abs(), y=t["y"].abs() // 0.5 / 2), "Column 'k' alone explains"),
    "repeated rows": (lambda t: pd.concat([t, t[:50]]), "test rows are copies of training rows"),
    "few rows": (lambda t: t[:40], "40 rows are few"),
    "dates": (
        lambda t: t.assign(k=(pd.to_datetime("2020-01-01") + pd.to_timedelta(t.index, "D")).strftime("%Y-%m-%d")),
        "Column 'k' holds dates, and the test part is no later than the rest",
    ),
    "groups": (lambda t: t.assign(patient_id=t.index // 8), "Column 'patient_id' looks like groups"),
    "a rare class": (
        lambda t: t.assign(y=np.where(t.index < 6, "rare", np.where(t.index % 2, "a", "b"))),
        "Class 'rare' has 6 rows",
    ),
    "a class that a column says": (
        lambda t: t.assign(y=np.where(t["x"] > 0, "high", "low")),
        "Column 'x' alone explains",
    ),
    "few test rows": (
        lambda t: t.assign(y=np.where(t["z"] > t["x"], "high", "low"))[:200],
        "40 test rows: a share of correct rows is uncertain by up to 15 points",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_said(tmp_path, case):
    change, expected = CASES[case]
    found = warnings(tmp_path, change(plain()))
    assert any(expected in sentence for sentence in found), found


def test_more_prepared_columns_than_rows_are_said(tmp_path):
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 200))).add_prefix("x")
    assert any(
        "200 prepared columns are more than the 96 rows" in s
        for s in warnings(tmp_path, wide.assign(y=wide["x0"] + wide["x1"]))
    )


def test_a_role_ends_the_warning_that_asks_for_it(tmp_path):
    table = plain().assign(patient=plain().index // 8)
    assert warnings(tmp_path, table, group="patient") == ()


def test_a_column_that_is_right_by_chance_is_no_leak(tmp_path):
    draw = np.random.default_rng(1)
    noise = pd.DataFrame({"x": draw.normal(size=60), "c": draw.choice(list("abcdefgh"), 60), "y": draw.normal(size=60)})
    assert not any("alone explains" in sentence for sentence in warnings(tmp_path, noise))
