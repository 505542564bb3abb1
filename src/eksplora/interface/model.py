"""A confirmed model as an object: rows in, predictions out."""

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eksplora.errors import ConfigError, DataError, nearest
from eksplora.interface.data import as_parquet, is_frame, names_of
from eksplora.interface.look import lines, table
from eksplora.interface.running import in_one_line, session
from eksplora.ranges import check_fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

    from eksplora.inference.ensemble import Ensemble


@dataclass(frozen=True, repr=False)
class Model:
    """Networks of one configuration and different seeds, which predict together.

    Rows are a table of pandas, Polars or Arrow with the columns of the training, an array (rows, features), or a file.

    Attributes:
        folder: Where weights and configuration lie: plain files, no pickle.
    """

    folder: Path
    _folders: tuple[str, ...] = ()

    @in_one_line
    def predict(self, rows: object) -> "DataFrame":
        """Prediction for each row, and how far the members agree.

        Classes: `prediction`, `probability`, `std` (spread of the probability over members) and `p_<class>` for each
        class. Numbers: `prediction`, `std`, `lowest` and `highest` member. The spread is that of the seeds; it holds
        nothing of the noise in the targets.

        Raises:
            DataError: If the rows are not like those that it was trained on.
        """
        with session(self._folders):
            ensemble = self._ensemble()
            return ensemble.predict(_features(rows, ensemble.card))

    @in_one_line
    def predict_proba(self, rows: object) -> "NDArray[np.float64]":
        """Probabilities of the classes, (rows, classes), in the order of `classes`; means over the members.

        Raises:
            ConfigError: If the model predicts numbers.
        """
        with session(self._folders):
            ensemble = self._ensemble()
            if ensemble.classes is None:
                raise ConfigError("predict_proba: this model predicts numbers. Use .predict(rows) or .interval(rows).")
            predicted = ensemble.predict(_features(rows, ensemble.card))
        return np.asarray(predicted[[f"p_{name}" for name in ensemble.classes]].to_numpy(np.float64))

    @in_one_line
    def interval(self, rows: object, *, level: float = 0.9) -> "NDArray[np.float64]":
        """Intervals that hold a share `level` of further members' predictions, (rows, 2); of models of numbers.

        It says what other seeds would have predicted, and nothing of the noise in the targets: it covers fewer targets
        than its level says. The report measures how many.

        Args:
            rows: As `predict` takes them.
            level: Share, in (0, 1).

        Raises:
            ConfigError: If the model predicts classes or several numbers, or the level is out of range.
        """
        from eksplora.evaluation.uncertainty import ensemble_interval

        check_fraction(level, "level", usual=0.9)
        with session(self._folders):
            ensemble = self._ensemble()
            each = ensemble.members(_features(rows, ensemble.card))
        if ensemble.classes is not None or each.shape[2] != 1 or len(each) < 2:
            raise ConfigError("interval: it is of one number, predicted by several members. Use .predict(rows).")
        return np.stack(ensemble_interval(each[:, :, 0], level), axis=1)

    @property
    def classes(self) -> list[str] | None:
        """Names of the classes; None for numbers."""
        with session(self._folders):
            return self._ensemble().classes

    def _ensemble(self) -> "Ensemble":
        from eksplora.inference import load_ensemble

        return load_ensemble(self.folder)

    def __repr__(self) -> str:
        return lines("Model", self._facts())

    def _repr_html_(self) -> str:
        return table("Model", self._facts())

    def _facts(self) -> dict[str, str]:
        members = len(list(self.folder.glob("member-*.safetensors")))
        return {"members": str(members), "folder": str(self.folder), "use": ".predict(rows)"}


def _features(rows: Any, card: Mapping[str, Any]) -> "NDArray[Any]":
    """Rows as the data set's own are: raw features (rows, *input_shape).

    Raises:
        DataError: If they have another shape, lack a column, or cannot be read.
    """
    from eksplora.data.card import as_features
    from eksplora.data.given import read_given

    if card.get("table"):
        return _of_table(rows, card)
    if is_frame(rows):
        names = list(card["feature_names"] or ())
        _check_columns(names_of(rows), names)
        rows = (rows if hasattr(rows, "to_numpy") else rows.to_pandas())[names].to_numpy()
    if isinstance(rows, str | Path):
        return read_given(Path(rows), card)[1]
    return as_features(rows, card, "rows").astype(np.float64)


def _of_table(rows: Any, card: Mapping[str, Any]) -> "NDArray[Any]":
    """Rows of a table, or of a file, by the rules of the model's card; says what they have that the training had not.

    Raises:
        DataError: If they are no table, or lack a column.
    """
    from eksplora.data.given import of_table

    if isinstance(rows, str | Path):
        given = of_table(Path(rows), card)
    elif is_frame(rows):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.parquet"
            path.write_bytes(as_parquet(rows))
            given = of_table(path, card)
    else:
        raise DataError(
            f"rows: {type(rows).__name__} is no table. Give one with the columns of the training, or a file."
        )
    for remark in given.remarks:
        warnings.warn(remark, stacklevel=5)
    return given.features


def _check_columns(given: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a table that lacks a column.

    Raises:
        DataError: Naming it.
    """
    for name in wanted:
        if name not in given:
            raise DataError(f"rows: the table has no column '{name}'. {nearest(name, given)}")
