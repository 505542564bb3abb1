"""A model as MLflow calls it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from eksplora.errors import DataError
from eksplora.inference.ensemble import Ensemble
from eksplora.inference.served import Served


class Sum(nn.Module):
    """The sum of a row's features, each weighted by its place."""

    def forward(self, features: Tensor) -> Tensor:
        flat = features.double().reshape(len(features), -1)
        return (flat @ torch.arange(1, flat.shape[1] + 1).double()).float()[:, None]


def served(shape: list[int], names: list[str]) -> Served:
    config = {"task": {"_target_": "eksplora.training.task.regression", "num_outputs": 1}}
    return Served(Ensemble([Sum(), Sum()], config, {"classes": None, "input_shape": shape, "feature_names": names}))


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
        (TABLE, np.zeros((2, 4)), r"^rows of shape \[4\] were given; the model takes \[3\]\.$"),
        (TABLE, np.zeros(3), r"^rows of shape \[\] were given"),
        (IMAGES, np.zeros((2, 4)), r"^rows of shape \[4\] were given; the model takes \[1, 2, 2\]\.$"),
        (IMAGES, pd.DataFrame(np.zeros((2, 4))), r"^rows of shape \[4\] were given"),
        (
            TABLE,
            pd.DataFrame({"a": [1.0], "größe": [None], "c": [2.0]}),
            r"^the rows hold values that are no numbers\.",
        ),
        (IMAGES, np.full((1, 1, 2, 2), np.inf), r"^the rows hold values that are no numbers\. Fix them first\.$"),
    ],
)
def test_rows_of_another_shape_and_values_that_are_no_numbers_are_refused(
    model: Served, given: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        model.predict(given)
