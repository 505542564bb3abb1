"""A model as MLflow calls it."""

import json
from pathlib import Path
from typing import Any

import houses
import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from eksplora.confirmation.registration import LOADER
from eksplora.errors import DataError
from eksplora.inference.ensemble import Ensemble
from eksplora.inference.served import Served
from eksplora.table import TableOptions
from eksplora.table.examination import as_json, prepared
from eksplora.table.prediction import rows_of_table
from eksplora.tracker._registry import _signature
from eksplora.tracker.base import ModelToRegister


class Sum(nn.Module):
    """The sum of a row's features, each weighted by its place."""

    def forward(self, features: Tensor) -> Tensor:
        flat = features.double().reshape(len(features), -1)
        return (flat @ torch.arange(1, flat.shape[1] + 1).double()).float()[:, None]


def served(shape: list[int], names: list[str], **more: Any) -> Served:
    config = {"task": {"_target_": "eksplora.training.task.regression", "num_outputs": 1}}
    card = {"classes": None, "input_shape": shape, "feature_names": names, **more}
    return Served(Ensemble([Sum(), Sum()], config, card))


TABLE = served([3], ["a", "größe", "c"])
IMAGES = served([1, 2, 2], ["pixel"])


@pytest.mark.parametrize("columns", [["a", "größe", "c"], ["c", "a", "more", "größe"]])
def test_a_table_is_read_by_the_names_of_its_columns(columns: list[str]) -> None:
    table = pd.DataFrame({"a": [1, 2], "größe": [10.0, 20.0], "c": [100.0, 200.0], "more": ["x", "y"]})[columns]
    assert TABLE.predict(table)["prediction"].tolist() == [1 + 20 + 300, 2 + 40 + 600]


@pytest.mark.parametrize("kind", ["f8", "f4", ">f4", "i8", "u1", "u2", "O"])
def test_arrays_of_every_kind_are_taken(kind: str) -> None:
    assert TABLE.predict(np.array([[1, 10, 100]], dtype=kind))["prediction"].tolist() == [321]
    assert IMAGES.predict(np.ones((5, 1, 2, 2), dtype=kind))["prediction"].tolist() == [10] * 5


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (
            TABLE,
            pd.DataFrame({"a": [1.0], "c": [2.0]}),
            r"^the table has no column 'größe'\. Columns wanted: a, größe, c\.$",
        ),
        (
            TABLE,
            np.zeros((2, 4)),
            r"^the input holds float64 of shape \[\d, 4\]\. Give numbers of shape \[rows, 3\]\.$",
        ),
        (TABLE, np.zeros(3), r"^the input holds float64 of shape \[3\]"),
        (
            IMAGES,
            np.zeros((2, 4)),
            r"^the input holds float64 of shape \[2, 4\]\. Give numbers of shape \[rows, 1, 2, 2\]\.$",
        ),
        (IMAGES, pd.DataFrame(np.zeros((2, 4))), r"^the input holds float64 of shape \[2, 4\]"),
        (
            TABLE,
            pd.DataFrame({"a": [1.0], "größe": [None], "c": [2.0]}),
            r"^the input holds values that are no numbers\.",
        ),
        (IMAGES, np.full((1, 1, 2, 2), np.inf), r"^the input holds values that are no numbers\. Fix them first\.$"),
    ],
)
def test_rows_of_another_shape_and_values_that_are_no_numbers_are_refused(
    model: Served, given: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        model.predict(given)


@pytest.fixture(scope="module")
def houses_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Served, pd.DataFrame, pd.DataFrame]:
    """A model of a user's own table, rows as the user has them, and the same prepared."""
    file = tmp_path_factory.mktemp("houses") / "houses.csv"
    houses.houses().to_csv(file, index=False)
    card, _ = prepared(TableOptions(path=str(file), target="price"))
    own = houses.houses().dropna().head(4).drop(columns=["price", "id"])
    made = pd.DataFrame(rows_of_table(own, card).features, columns=list(card.feature_names))
    return served(list(card.input_shape), list(card.feature_names), table=json.loads(as_json(card))), own, made


def test_a_users_own_columns_are_read_by_the_rules_of_the_training(
    houses_model: tuple[Served, pd.DataFrame, pd.DataFrame],
) -> None:
    model, own, made = houses_model
    expected = model.predict(made)  # as models of an earlier version were registered for
    pd.testing.assert_frame_equal(model.predict(own.assign(more=1)[[*own.columns[::-1], "more"]]), expected)
    pd.testing.assert_frame_equal(model.predict(own.astype(str)), expected)
    with pytest.raises(DataError, match=r"^input: the table has no column 'area'\."):
        model.predict(own.drop(columns="area"))
    with pytest.warns(UserWarning, match=r"^1 cells have a category that the model does not know: they count as oth"):
        model.predict(own.assign(city=["Bern", *own["city"][1:]]))


def test_the_signature_names_a_users_own_columns_and_takes_what_cells_they_have(
    houses_model: tuple[Served, pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    from mlflow.models.utils import _enforce_schema

    model, own, _ = houses_model
    registered = ModelToRegister(
        "m", "e", "s", tmp_path, LOADER, own, model.predict(own), "", columns=list(own.columns)
    )
    inputs = _signature(registered).inputs
    assert inputs.input_names() == ["city", "area", "built", "garden"]
    for rows in (own, own.astype(str), own.assign(area=[90, 100, 110, 120])):
        pd.testing.assert_frame_equal(_enforce_schema(rows, inputs), rows)
