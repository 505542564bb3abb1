"""Predictions for tables are scored where the file has the target, and cells that are not as before are said."""

from types import SimpleNamespace

import houses
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, mean_absolute_error

from eksplora.data.given import of_table
from eksplora.stage.predict import scores
from eksplora.table import TableOptions, examine
from eksplora.table.examination import as_json
from eksplora.untrusted import parse_json


def given_for(folder, target, change=lambda table: table):
    houses.houses().to_csv(folder / "train.csv", index=False)
    card = examine(TableOptions(path=str(folder / "train.csv"), target=target, identifier="id"))
    change(houses.houses(seed=1)).to_parquet(folder / "new.parquet")
    return of_table(folder / "new.parquet", {"table": parse_json(as_json(card), dict, source="card", way_out="")}), card


def test_numbers_are_scored_over_the_rows_that_have_a_target(tmp_path):
    def without_some(table):
        table.loc[:9, "price"] = np.nan
        return table

    given, _ = given_for(tmp_path, "price", without_some)
    assert given.head == "id" and given.names[:2] == ["0", "1"]
    table = pd.DataFrame({"prediction": np.arange(200.0)})
    (line,) = scores(SimpleNamespace(classes=None), given, table)
    expected = mean_absolute_error(without_some(houses.houses(seed=1))["price"][10:], np.arange(10.0, 200.0))
    assert f"mae {expected:.4g}" in line and "190 rows with a target" in line


def test_classes_are_scored_by_their_names(tmp_path):
    given, card = given_for(tmp_path, "garden")
    chosen = np.resize([0, 1], 200)
    table = pd.DataFrame({f"p_{name}": (chosen == number).astype(float) for number, name in enumerate(card.classes)})
    (line,) = scores(SimpleNamespace(classes=list(card.classes)), given, table)
    expected = accuracy_score(houses.houses(seed=1)["garden"], np.array(card.classes)[chosen])
    assert f"accuracy {expected:.4g}" in line


@pytest.mark.parametrize("column", ["price", "garden"])
def test_a_file_without_the_target_has_no_scores(tmp_path, column):
    given, _ = given_for(tmp_path, column, lambda table: table.drop(columns=column))
    assert given.targets is None
    assert scores(SimpleNamespace(classes=None), given, pd.DataFrame()) == []


def test_the_file_that_was_trained_on_is_said(tmp_path):
    given_for(tmp_path, "price")
    card = examine(TableOptions(path=str(tmp_path / "train.csv"), target="price"))
    given = of_table(tmp_path / "train.csv", {"table": parse_json(as_json(card), dict, source="card", way_out="")})
    assert "The model was trained on this file" in given.remarks[0]


def test_cells_of_unknown_categories_are_said(tmp_path):
    given, _ = given_for(tmp_path, "price", lambda table: table.assign(city="Bern"))
    assert any("200 cells have a category that the model does not know" in line for line in given.remarks)
