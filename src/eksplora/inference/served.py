"""Loader of a confirmed model for MLflow (its `python_function` flavour): weights and a configuration, no pickle.

`mlflow.pyfunc.load_model("models:/eksplora-<experiment>@champion")` imports this module and calls `_load_pyfunc`.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from eksplora.data.card import as_features
from eksplora.data.given import table_of
from eksplora.errors import DataError
from eksplora.inference.ensemble import Ensemble
from eksplora.inference.loading import load_ensemble
from eksplora.table.prediction import feature_columns, rows_of_table


class Served:
    """A model as MLflow calls it."""

    def __init__(self, ensemble: Ensemble) -> None:
        """Serve the predictions of `ensemble`."""
        self.ensemble = ensemble

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predictions with their spread (see `Ensemble.predict`).

        Args:
            model_input: A table with the columns of the training, by the rules of its card; one with the columns of the
                features, as models of an earlier version were registered for; or an array (rows, *input_shape).
            params: Nothing.

        Raises:
            DataError: If a column is missing, the shape is another one, or a value is no number.
        """
        del params
        card = self.ensemble.card
        if isinstance(model_input, pd.DataFrame) and self._has_columns_of_its_own(model_input):
            rows = rows_of_table(model_input, table_of(card))
            for remark in rows.remarks():
                warnings.warn(remark, stacklevel=2)
            return self.ensemble.predict(rows.features)
        shape, names = card["input_shape"], card["feature_names"]
        if isinstance(model_input, pd.DataFrame) and len(shape) == 1:
            missing = [name for name in names if name not in model_input.columns]
            if missing:
                raise DataError(f"the table has no column '{missing[0]}'. Columns wanted: {', '.join(names)}.")
            model_input = model_input[list(names)]
        return self.ensemble.predict(as_features(model_input, card, "the input").astype(np.float64))

    def _has_columns_of_its_own(self, rows: pd.DataFrame) -> bool:
        """Whether rows have the columns of a user's own table, and not those that are made of them."""
        if self.ensemble.card.get("table") is None:
            return False
        given = set(map(str, rows.columns))
        return given.issuperset(feature_columns(table_of(self.ensemble.card))) or not given.issuperset(
            self.ensemble.card["feature_names"]
        )


def load_pyfunc(path: str) -> Served:
    """The model in a folder, for MLflow."""
    return Served(load_ensemble(path))


_load_pyfunc = load_pyfunc  # the name by which MLflow asks for it
