"""Test parts by group, by time, by a column and class by class."""

import houses
import numpy as np
import pandas as pd
import pytest

from eksplora.errors import DataError
from eksplora.table import TableOptions
from eksplora.table.examination import prepared


def parts(folder, table, **roles):
    table.to_csv(folder / "t.csv", index=False)
    card, rows = prepared(TableOptions(path=str(folder / "t.csv"), target="y", columns={"row": "number"}, **roles))
    place = card.feature_names.index("row")
    return card, [own[:, place].astype(int) for own in rows.features], rows


def table(rows=300):
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "row": np.arange(rows),
            "patient": [f"p{n}" for n in draw.integers(0, 40, rows)],
            "day": (pd.to_datetime("2020-01-01") + pd.to_timedelta(draw.integers(0, 50, rows), "D")).strftime(
                "%Y-%m-%d"
            ),
            "y": draw.normal(size=rows),
        }
    )


def test_rows_of_a_group_stay_together(tmp_path):
    own = table()
    card, (train, test), rows = parts(tmp_path, own, group="patient")
    assert not set(own["patient"][train]) & set(own["patient"][test])
    assert 0.15 < len(test) / 300 < 0.25 and len(train) + len(test) == 300
    assert card.column("patient").role == "group" and "whole groups" in card.split
    for codes, places in zip(rows.groups, (train, test), strict=True):
        assert pd.Series(own["patient"][places].to_numpy()).groupby(codes).nunique().max() == 1


def test_the_latest_rows_are_the_test_part_and_equal_moments_stay_together(tmp_path):
    own = table()
    _, (train, test), _ = parts(tmp_path, own, time="day")
    assert own["day"][train].max() < own["day"][test].min()
    assert 0.15 < len(test) / 300 < 0.25


def test_a_column_says_the_parts(tmp_path):
    own = table()
    own["part"] = np.where(np.arange(300) % 3 == 0, "Test", "train")
    _, (_, test), _ = parts(tmp_path, own, part="part")
    assert sorted(test) == list(range(0, 300, 3))
    own["part"] = "train"
    with pytest.raises(DataError, match="no row is left for the test part"):
        parts(tmp_path, own, part="part")


def test_classes_keep_their_proportions(tmp_path):
    own = table().assign(y=np.where(np.arange(300) < 30, "rare", "usual"))
    _, (_, test), rows = parts(tmp_path, own)
    assert len(test) == 60 and np.bincount(rows.targets[1]).tolist() == [6, 54]


def test_the_seed_decides_which_rows_and_groups(tmp_path):
    for role in ({}, {"group": "patient"}):
        draws = [tuple(parts(tmp_path, table(), split_seed=seed, **role)[1][1]) for seed in (0, 0, 1)]
        assert draws[0] == draws[1] != draws[2]


def test_weights_are_kept_beside_the_rows(tmp_path):
    own = table().assign(w=np.arange(300) / 100)
    _, (train, _), rows = parts(tmp_path, own, weight="w")
    np.testing.assert_array_equal(rows.weights[0], own["w"][train])
    with pytest.raises(DataError, match=r"data.weight=w: every row needs a weight of at least 0"):
        parts(tmp_path, own.assign(w=-1.0), weight="w")


def test_houses_by_time_have_numbers_for_rows(tmp_path):
    houses.houses().to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=r"data.time=area: 20 rows have no readable date or number"):
        prepared(TableOptions(path=str(tmp_path / "t.csv"), target="price", time="area"))
