"""Shape of a card that is read back: every key of its type, and nothing in it against the rest of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eksplora.images.card import PixelRule
from eksplora.table import TableCard

ARRAYS = {f"{part}_{what}" for part in ("train", "test") for what in ("features", "targets")}
"""The arrays that every prepared form has."""
BESIDE = ("groups", "weights")
"""Arrays that both parts may have besides: a number for each row."""


@dataclass(frozen=True, kw_only=True)
class Described:
    """Keys of every card that is read back: the shape of a row, and what is predicted of it.

    Attributes:
        input_shape: Shape of one row's features.
        feature_names: One per feature of a table; one for all pixels.
        feature_ranges: Least and greatest training value of each of them.
        classes: Names of the classes; None for numbers.
        table: Of a user's own table: how its file becomes rows.
        images: Of a user's own images: how each file becomes a row.
        target_names: Of the numbers that are predicted; None: the data set gives them none.
        target_scales: The unit of each of several targets, see `eksplora.data.card.target_units`.
        codes: Columns of a table that hold codes of categories, each with its number of codes.
    """

    input_shape: list[int]
    feature_names: list[str]
    feature_ranges: list[tuple[float, float]]
    classes: list[str] | None
    table: TableCard | None = None
    images: PixelRule | None = None
    target_names: list[str] | None = None
    target_scales: list[float] | None = None
    codes: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.target_scales is not None and not all(scale > 0 and isfinite(scale) for scale in self.target_scales):
            raise ValueError(f"target_scales is {self.target_scales}, units are above 0")
        if any(not 0 <= column < len(self.feature_names) or count < 1 for column, count in self.codes):
            raise ValueError(f"codes is {self.codes}, which are no columns of {len(self.feature_names)} with codes")
        if not self.input_shape or min(self.input_shape) < 1:
            raise ValueError(f"input_shape is {self.input_shape}, sizes are at least 1")
        columns = self.input_shape[0] if len(self.input_shape) == 1 else 1
        for key in ("feature_names", "feature_ranges"):
            if len(getattr(self, key)) != columns:
                raise ValueError(f"{key} has {len(getattr(self, key))} entries for {columns} features")
        if self.classes is not None and not self.classes:
            raise ValueError("classes is empty")
        if self.images is not None and list(self.images.shape) != self.input_shape:
            raise ValueError(f"images are of shape {list(self.images.shape)}, input_shape is {self.input_shape}")


@dataclass(frozen=True)
class FileEntry:
    """Entry of a file in a card."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class ArrayEntry(FileEntry):
    """Entry of an array's file in a card."""

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
class RowCounts:
    """Number of rows of each part."""

    train: int
    test: int


@dataclass(frozen=True, kw_only=True)
class PreparedCard(Described):
    """The card of a prepared data set: arrays that are what the rest of it says."""

    name: str
    source: str
    licence: str
    split: dict[str, Any]
    task: Literal["classification", "regression", "multilabel"]
    num_classes: int | None
    num_targets: int | None
    rows: RowCounts
    arrays: dict[str, ArrayEntry]
    files: dict[str, FileEntry] = field(default_factory=dict)
    sources: dict[str, FileEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.files:
            raise ValueError("files: a prepared form is made of arrays alone")
        wanted = ARRAYS | {f"{part}_{what}" for part in ("train", "test") for what in self._beside()}
        if set(self.arrays) != wanted:
            raise ValueError(f"arrays has {', '.join(sorted(self.arrays))}, it should have {', '.join(sorted(wanted))}")
        is_regression = self.task != "classification"
        if is_regression != (self.classes is None) or is_regression != (self.num_targets is not None):
            raise ValueError(f"task is {self.task}, classes and num_targets say another")
        if self.num_classes != (None if self.classes is None else len(self.classes)):
            raise ValueError(f"num_classes is {self.num_classes}, classes are {len(self.classes or ())}")
        for key in ("target_names", "target_scales"):
            known = getattr(self, key)
            if known is not None and is_regression and len(known) != self.num_targets:
                raise ValueError(f"{key} has {len(known)} entries for {self.num_targets} targets")
        one_target, kinds = ([self.num_targets], "f") if is_regression else ([], "iu")
        for part, rows in (("train", self.rows.train), ("test", self.rows.test)):
            self._check_array(f"{part}_features", [rows, *self.input_shape], "fiu")
            self._check_array(f"{part}_targets", [rows, *one_target], kinds)
            for what in self._beside():
                self._check_array(f"{part}_{what}", [rows], "fi")

    def _beside(self) -> list[str]:
        """Names of the arrays that both parts have besides."""
        return [what for what in BESIDE if f"train_{what}" in self.arrays or f"test_{what}" in self.arrays]

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
    target_names: list[str] | None = None
    codes: list[tuple[int, int]] = field(default_factory=list)
    arrays: dict[str, ArrayEntry] = field(default_factory=dict)
    files: dict[str, FileEntry] = field(default_factory=dict)
    sources: dict[str, FileEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.arrays, *self.files):
            if not name or Path(name).name != name or name == ".." or "\0" in name or "\\" in name:
                raise ValueError(f"{name!r} is no name of a file")


SHAPES: Mapping[str, type] = {"fetched": FetchedCard, "prepared": PreparedCard}
"""Shape of a card, by its form."""
