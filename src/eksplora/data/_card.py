"""What a data set's source holds, and the card that describes its prepared form."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import fingerprint

FORMAT = 1  # raise it when arrays or card change their meaning: older folders are then prepared again
PARTS = ("train", "test")


@dataclass(frozen=True)
class Rows:
    """Rows of a data set.

    Attributes:
        features: Tables (rows, features) float64; images (rows, 1, height, width) uint8.
        targets: Classes (rows,) int64, numbered from 0; numbers (rows, targets) float64.
    """

    features: NDArray[Any]
    targets: NDArray[Any]


@dataclass(frozen=True)
class RawData:
    """A data set as its source has it, already cut into parts.

    Attributes:
        train: Rows to learn from and to validate on.
        test: Rows for the last judgement.
        feature_names: One per feature of a table; `["pixel"]` for images.
        classes: Names of the classes in the order of their numbers; None for a regression.
    """

    train: Rows
    test: Rows
    feature_names: Sequence[str]
    classes: Sequence[str] | None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The four arrays of the prepared form by name."""
        return {
            "train_features": self.train.features,
            "train_targets": self.train.targets,
            "test_features": self.test.features,
            "test_targets": self.test.targets,
        }


def describe(raw: RawData) -> dict[str, Any]:
    """The part of the card that follows from the raw data: task, shapes, rows, classes, features."""
    targets = raw.train.targets
    is_regression = raw.classes is None
    return {
        "task": "regression" if is_regression else "classification",
        "input_shape": list(raw.train.features.shape[1:]),
        "num_classes": None if raw.classes is None else len(raw.classes),
        "num_targets": targets.shape[1] if is_regression else None,
        "rows": {"train": len(raw.train.targets), "test": len(raw.test.targets)},
        "classes": None if raw.classes is None else [str(name) for name in raw.classes],
        "class_counts": None if raw.classes is None else _class_counts(raw, len(raw.classes)),
        "target_range": [[float(targets.min()), float(targets.max())]] if is_regression else None,
        "feature_names": [str(name) for name in raw.feature_names],
        "feature_ranges": _ranges(raw.train.features),
    }


def sealed(card: Mapping[str, Any]) -> dict[str, Any]:
    """The card as plain JSON values with a fingerprint of all its other keys."""
    plain: dict[str, Any] = json.loads(json.dumps(card))
    return {**plain, "fingerprint": fingerprint(plain)}


def is_sealed(card: object) -> bool:
    """Whether the card is whole and unaltered since it was sealed."""
    if not isinstance(card, dict) or "fingerprint" not in card:
        return False
    return sealed({key: card[key] for key in card if key != "fingerprint"}) == card


def _class_counts(raw: RawData, num_classes: int) -> dict[str, list[int]]:
    parts = {"train": raw.train, "test": raw.test}
    return {name: np.bincount(part.targets, minlength=num_classes).tolist() for name, part in parts.items()}


def _ranges(features: NDArray[Any]) -> list[list[float]]:
    """Least and greatest training value of each column of a table, or of all pixels."""
    columns = features if features.ndim == 2 else features.reshape(-1, 1)
    return [[float(low), float(high)] for low, high in zip(columns.min(axis=0), columns.max(axis=0), strict=True)]
