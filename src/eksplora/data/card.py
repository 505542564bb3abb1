"""Content of a data set in its raw and in its prepared form, and the card that describes it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import fingerprint
from eksplora.data.shape import ArrayEntry, PreparedCard, RowCounts
from eksplora.errors import DataError

State = Literal["fetched", "prepared"]
# Raise one when the files or the card of that form change their meaning. Older prepared folders are then made again,
# from the raw form; older raw folders are refused, since a source may not give the same again.
FORMAT: Mapping[State, int] = {"fetched": 1, "prepared": 1}


@dataclass(frozen=True)
class Rows:
    """Rows of a data set.

    Attributes:
        features: Tables (rows, features) float64; images (rows, channels, height, width) uint8.
        targets: Classes (rows,) int64, numbered from 0; numbers (rows, targets) float64.
        groups: The group of each row, (rows,) int64: rows of a group stay together in every split; None: each row
            stands alone.
        weights: What each row counts, (rows,) float64; None: all alike.
    """

    features: NDArray[Any]
    targets: NDArray[Any]
    groups: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None

    def take(self, index: NDArray[np.intp] | slice) -> "Rows":
        """The rows at `index`, in its order."""
        return Rows(**{name: array[index] for name, array in self.arrays().items()})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that there are, by name."""
        return {name: array for name, array in vars(self).items() if array is not None}


@dataclass(frozen=True)
class RawData:
    """A data set as its source has it: every row, in the source's own order.

    Attributes:
        content: By name: the arrays of its `Rows`, such as `features` and `targets`, or the bytes of the source's own
            files.
        feature_names: One per feature of a table; `["pixel"]` for images.
        classes: Names of the classes in the order of their numbers; None for a regression.
        target_names: Of the numbers that are predicted; None: `target`, or `target_0` and so on.
        codes: Columns of a table that hold codes of categories, from 0, each with its number of codes.
    """

    content: Mapping[str, NDArray[Any] | bytes]
    feature_names: Sequence[str]
    classes: Sequence[str] | None
    target_names: Sequence[str] | None = None
    codes: Sequence[tuple[int, int]] = ()

    def names(self) -> dict[str, Any]:
        """The names of features, classes and targets as a card has them, and columns of codes; what is none is out."""
        classes = None if self.classes is None else [str(name) for name in self.classes]
        targets = {} if self.target_names is None else {"target_names": [str(name) for name in self.target_names]}
        codes = {"codes": [[int(number) for number in pair] for pair in self.codes]} if self.codes else {}
        return {"feature_names": [str(name) for name in self.feature_names], "classes": classes, **targets, **codes}


@dataclass(frozen=True)
class PreparedData:
    """A data set cut into parts.

    Attributes:
        train: Rows to learn from and to validate on.
        test: Rows for the last judgement.
        feature_names: One per feature of a table; `["pixel"]` for images.
        classes: Names of the classes in the order of their numbers; None for a regression.
    """

    train: Rows
    test: Rows
    feature_names: list[str]
    classes: list[str] | None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of the prepared form by name: `train_features`, `train_targets`, ..."""
        parts = {"train": self.train, "test": self.test}
        return {f"{part}_{name}": array for part, rows in parts.items() for name, array in rows.arrays().items()}


def describe(data: PreparedData) -> dict[str, Any]:
    """The part of a prepared card that follows from the data: task, shapes, rows, classes, features."""
    targets = data.train.targets
    is_regression = data.classes is None
    return {
        "task": "regression" if is_regression else "classification",
        "input_shape": list(data.train.features.shape[1:]),
        "num_classes": None if data.classes is None else len(data.classes),
        "num_targets": targets.shape[1] if is_regression else None,
        "rows": {"train": len(data.train.targets), "test": len(data.test.targets)},
        "classes": data.classes,
        "class_counts": None if data.classes is None else _class_counts(data, len(data.classes)),
        "target_range": [[float(targets.min()), float(targets.max())]] if is_regression else None,
        "feature_names": data.feature_names,
        "feature_ranges": _ranges(data.train.features),
        **({"target_scales": _scales(targets)} if is_regression and _are_several_numbers(targets) else {}),
    }


def target_names(card: Mapping[str, Any]) -> list[str]:
    """The names of the numbers that are predicted.

    Examples:
        >>> target_names({"num_targets": 1}), target_names({"num_targets": 2})
        (['target'], ['target_0', 'target_1'])
    """
    count = card.get("num_targets") or 1
    return card.get("target_names") or (["target"] if count == 1 else [f"target_{number}" for number in range(count)])


def target_units(card: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """The unit in which each of several targets is measured, so that they can be averaged: its standard deviation.

    Returns:
        (targets,); None for a single target, which is measured in its own unit, and for labels, which have none.
    """
    scales = card.get("target_scales")
    return None if scales is None or card.get("task") == "multilabel" else np.asarray(scales, dtype=np.float32)


def check_shape(card: Mapping[str, Any], data: PreparedData) -> None:
    """Refuse data of which no card could be read back.

    Raises:
        ValueError: Saying what does not go together.
    """
    arrays = {name: ArrayEntry(0, "", list(array.shape), str(array.dtype)) for name, array in data.arrays().items()}
    own = {"rows": RowCounts(**card["rows"]), "arrays": arrays, "table": None, "images": None}
    PreparedCard(**{key: card[key] for key in card if key in PreparedCard.__dataclass_fields__} | own)


def as_features(values: object, card: Mapping[str, Any], source: str) -> NDArray[Any]:
    """Raw features (rows, *input_shape) as the card describes them.

    Args:
        values: An array, or what NumPy makes one of; a table has the columns of the card, in their order.
        card: `input_shape`, `feature_names`, and `table` where it is of a user's own, whose missing cells are NaN.
        source: What was given, for messages.

    Raises:
        DataError: If it is anything else, or holds what is no finite number.
    """
    columns, shape = getattr(values, "columns", None), list(card["input_shape"])
    if columns is not None and len(shape) == 1 and list(columns) != list(card["feature_names"]):
        raise DataError(
            f"{source} has other columns than those of the training, or in another order: "
            f"{', '.join(card['feature_names'])}. Choose them by these names."
        )
    try:
        features: NDArray[Any] = np.asarray(values)
        features = features.astype(np.float64) if features.dtype == object else features
    except (TypeError, ValueError):
        features = np.empty(0, dtype=object)
    if list(features.shape[1:]) != shape or features.dtype.kind not in "iuf" or not len(features):
        raise DataError(
            f"{source} holds {features.dtype} of shape {list(features.shape)}. Give numbers of shape [rows, "
            f"{', '.join(map(str, shape))}]."
        )
    is_whole = np.isfinite(features) if card.get("table") is None else ~np.isinf(features)
    if not is_whole.all():
        raise DataError(f"{source} holds values that are no numbers. Fix them first.")
    return features


def sealed(card: Mapping[str, Any]) -> dict[str, Any]:
    """The card as plain JSON values with a fingerprint of all its other keys."""
    plain: dict[str, Any] = json.loads(json.dumps(card))
    return {**plain, "fingerprint": fingerprint(plain)}


def is_sealed(card: object) -> bool:
    """Whether the card is whole and unaltered since it was sealed."""
    if not isinstance(card, dict) or "fingerprint" not in card:
        return False
    try:
        return sealed({key: card[key] for key in card if key != "fingerprint"}) == card
    except (ValueError, RecursionError):  # numbers longer and levels deeper than any that we write
        return False


def _class_counts(data: PreparedData, num_classes: int) -> dict[str, list[int]]:
    parts = {"train": data.train, "test": data.test}
    return {name: np.bincount(part.targets, minlength=num_classes).tolist() for name, part in parts.items()}


def _are_several_numbers(targets: NDArray[Any]) -> bool:
    """Whether rows have several targets, and not all of them are labels, 0 or 1."""
    return targets.shape[1] > 1 and not bool(np.isin(targets, (0, 1)).all())


def _scales(targets: NDArray[Any]) -> list[float]:
    """Standard deviation of each target in the training part; 1 for one that does not vary."""
    varies = targets.min(axis=0) < targets.max(axis=0)
    return [float(scale) for scale in np.where(varies, targets.std(axis=0), 1.0)]


def _ranges(features: NDArray[Any]) -> list[list[float]]:
    """Least and greatest training value of each column of a table, where it has one, or of all pixels."""
    columns = features if features.ndim == 2 else features.reshape(-1, 1)
    lowest, highest = np.fmin.reduce(columns, axis=0), np.fmax.reduce(columns, axis=0)
    return [[float(low), float(high)] for low, high in zip(lowest, highest, strict=True)]
