"""What a data set holds in its raw and in its prepared form, and the card that describes it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import fingerprint

State = Literal["fetched", "prepared"]
# Raise one when the files or the card of that form change their meaning. Older prepared folders are then made again,
# from the raw form; older raw folders are refused, since a source may not give the same again.
FORMAT: Mapping[State, int] = {"fetched": 1, "prepared": 1}


ARRAYS = {f"{part}_{what}" for part in ("train", "test") for what in ("features", "targets")}
"""The arrays of a prepared form."""


@dataclass(frozen=True)
class Rows:
    """Rows of a data set.

    Attributes:
        features: Tables (rows, features) float64; images (rows, 1, height, width) uint8.
        targets: Classes (rows,) int64, numbered from 0; numbers (rows, targets) float64.
    """

    features: NDArray[Any]
    targets: NDArray[Any]

    def take(self, index: NDArray[np.intp] | slice) -> "Rows":
        """The rows at `index`, in its order."""
        return Rows(self.features[index], self.targets[index])


@dataclass(frozen=True)
class RawData:
    """A data set as its source has it: every row, in the source's own order.

    Attributes:
        content: By name: the arrays `features` and `targets` of its `Rows`, or the bytes of the source's own files.
        feature_names: One per feature of a table; `["pixel"]` for images.
        classes: Names of the classes in the order of their numbers; None for a regression.
    """

    content: Mapping[str, NDArray[Any] | bytes]
    feature_names: Sequence[str]
    classes: Sequence[str] | None

    def names(self) -> dict[str, list[str] | None]:
        """The names of features and classes as a card has them."""
        classes = None if self.classes is None else [str(name) for name in self.classes]
        return {"feature_names": [str(name) for name in self.feature_names], "classes": classes}


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
        """The four arrays of the prepared form by name."""
        return {
            "train_features": self.train.features,
            "train_targets": self.train.targets,
            "test_features": self.test.features,
            "test_targets": self.test.targets,
        }


@dataclass(frozen=True, kw_only=True)
class Described:
    """What every card that is read back must say: what a row looks like, and what is predicted of it.

    Attributes:
        input_shape: Shape of one row's features.
        feature_names: One per feature of a table; one for all pixels.
        feature_ranges: Least and greatest training value of each of them.
        classes: Names of the classes; None for numbers.
    """

    input_shape: list[int]
    feature_names: list[str]
    feature_ranges: list[tuple[float, float]]
    classes: list[str] | None

    def __post_init__(self) -> None:
        if not self.input_shape or min(self.input_shape) < 1:
            raise ValueError(f"input_shape is {self.input_shape}, sizes are at least 1")
        columns = self.input_shape[0] if len(self.input_shape) == 1 else 1
        for key in ("feature_names", "feature_ranges"):
            if len(getattr(self, key)) != columns:
                raise ValueError(f"{key} has {len(getattr(self, key))} entries for {columns} features")
        if self.classes is not None and not self.classes:
            raise ValueError("classes is empty")


@dataclass(frozen=True)
class FileEntry:
    """What a card says of a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class ArrayEntry(FileEntry):
    """What a card says of the file of an array."""

    shape: list[int]
    dtype: str

    @property
    def kind(self) -> str:
        """The kind of its numbers: `f`, `i` or `u`; `?` where it is no name of numpy's."""
        try:
            return np.dtype(self.dtype).kind
        except Exception:  # numpy reads a little language here, with errors of many kinds
            return "?"


@dataclass(frozen=True)
class PartRows:
    """How many rows each part has."""

    train: int
    test: int


@dataclass(frozen=True, kw_only=True)
class PreparedCard(Described):
    """The card of a prepared data set: four arrays that are what the rest of it says."""

    name: str
    source: str
    licence: str
    split: dict[str, Any]
    task: Literal["classification", "regression"]
    num_classes: int | None
    num_targets: int | None
    rows: PartRows
    arrays: dict[str, ArrayEntry]

    def __post_init__(self) -> None:
        super().__post_init__()
        if set(self.arrays) != ARRAYS:
            raise ValueError(f"arrays has {', '.join(sorted(self.arrays))}, it should have {', '.join(sorted(ARRAYS))}")
        is_regression = self.task == "regression"
        if is_regression != (self.classes is None) or is_regression != (self.num_targets is not None):
            raise ValueError(f"task is {self.task}, classes and num_targets say another")
        if self.num_classes != (None if self.classes is None else len(self.classes)):
            raise ValueError(f"num_classes is {self.num_classes}, classes are {len(self.classes or ())}")
        one_target, kinds = ([self.num_targets], "f") if is_regression else ([], "iu")
        for part, rows in (("train", self.rows.train), ("test", self.rows.test)):
            self._check_array(f"{part}_features", [rows, *self.input_shape], "fiu")
            self._check_array(f"{part}_targets", [rows, *one_target], kinds)

    def _check_array(self, name: str, shape: list[int | None], kinds: str) -> None:
        entry = self.arrays[name]
        if entry.shape != shape or entry.kind not in kinds:
            raise ValueError(f"{name} is {entry.dtype} of shape {entry.shape}, the rest of the card says {shape}")


@dataclass(frozen=True, kw_only=True)
class FetchedCard:
    """The card of a raw form: names of files, none of a path."""

    name: str
    source: str
    licence: str
    feature_names: list[str]
    classes: list[str] | None
    arrays: dict[str, ArrayEntry] = field(default_factory=dict)
    files: dict[str, FileEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.arrays, *self.files):
            if not name or Path(name).name != name or name == ".." or "\0" in name or "\\" in name:
                raise ValueError(f"{name!r} is no name of a file")


SHAPES: Mapping[State, type] = {"fetched": FetchedCard, "prepared": PreparedCard}
"""What a card of each form must look like."""


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
    }


def check_shape(card: Mapping[str, Any], data: PreparedData) -> None:
    """Refuse data of which no card could be read back.

    Raises:
        ValueError: Saying what does not go together.
    """
    arrays = {name: ArrayEntry(0, "", list(array.shape), str(array.dtype)) for name, array in data.arrays().items()}
    plain = {key: value for key, value in card.items() if key in PreparedCard.__dataclass_fields__}
    PreparedCard(**{**plain, "rows": PartRows(**card["rows"]), "arrays": arrays})


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


def _ranges(features: NDArray[Any]) -> list[list[float]]:
    """Least and greatest training value of each column of a table, or of all pixels."""
    columns = features if features.ndim == 2 else features.reshape(-1, 1)
    return [[float(low), float(high)] for low, high in zip(columns.min(axis=0), columns.max(axis=0), strict=True)]
