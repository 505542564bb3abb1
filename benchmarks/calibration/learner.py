"""Data whose truth is known, and learners that cost a tenth of a millisecond."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NUM_FEATURES = 3
"""Features of a view."""
NOISE = 0.7
"""Standard deviation of what no feature explains."""


class Null(StrEnum):
    """The reason for which configurations are equal."""

    SAME = "same configuration"  # under several names, with random numbers of its own each
    PERMUTED = "permuted targets"  # there is nothing to learn
    SYMMETRIC = "symmetric features"  # they see different features, which say equally much of the target


@dataclass(frozen=True)
class Setting:
    """A kind of data and of learners.

    Attributes:
        name: Of the tables.
        rows: Rows of a data set.
        units: Random ReLU features of a learner, beside a constant.
        ridge: Penalty on the squares of the weights.
    """

    name: str
    rows: int
    units: int
    ridge: float


SMOOTH = Setting("smooth", rows=200, units=8, ridge=1.0)
WIGGLY = Setting("nearly interpolating", rows=100, units=32, ridge=0.01)
LARGE = Setting("many rows", rows=500, units=8, ridge=1.0)


@dataclass(frozen=True)
class Drawn:
    """Rows of the population: two views, of which a configuration sees one, (2, rows, features), and targets, (rows,).

    Targets of a classification are the sign of those of the regression.
    """

    views: Floats
    targets: Floats


def draw(rng: np.random.Generator, rows: int, null: Null, gain: float = 1.0) -> Drawn:
    """New rows: y = f(x) + gain f(z) + noise, with f(x) = sin(x1) + x2 x3 / 2.

    Args:
        rng: Source of the numbers.
        rows: How many.
        null: Permuted targets are drawn apart from the features.
        gain: Weight of what the second view says; 1: both views say equally much.
    """
    views = rng.normal(size=(2, rows, NUM_FEATURES))
    seen = rng.normal(size=views.shape) if null is Null.PERMUTED else views
    said = np.sin(seen[..., 0]) + 0.5 * seen[..., 1] * seen[..., 2]  # (2, rows)
    return Drawn(views, said[0] + gain * said[1] + rng.normal(0, NOISE, rows))


def views_of(null: Null, configurations: int, *, is_of_data: bool = True) -> NDArray[np.int64]:
    """The view that each configuration sees, (configurations,).

    Args:
        null: Why they are equal.
        configurations: How many there are.
        is_of_data: Whether all rows vary. Where some are kept, configurations with other views are not equal: noise
            makes one of them fit these rows better, also where there is nothing to learn.
    """
    numbers = np.arange(configurations)
    return numbers % 2 if null is Null.SYMMETRIC or (null is Null.PERMUTED and is_of_data) else 0 * numbers


def predictions(
    rng: np.random.Generator, setting: Setting, features: Floats, targets: Floats, learned: NDArray[np.bool_]
) -> Floats:
    """What members predict for all rows: ridge regression on random ReLU features, each member's own.

    Args:
        rng: Source of the random features: a member's seed.
        setting: Kind of learners.
        features: (..., rows, features).
        targets: (rows,).
        learned: Whether a member learns from a row, (members, rows).

    Returns:
        (..., members, rows).
    """
    shape = (*features.shape[:-2], len(learned))
    weights = rng.normal(0, 1.2, (*shape, NUM_FEATURES, setting.units))
    shifts = rng.uniform(-2, 2, (*shape, 1, setting.units))
    hidden = np.ones((*shape, features.shape[-2], setting.units + 1))  # the last one is the constant
    np.maximum(features[..., None, :, :] @ weights + shifts, 0.0, out=hidden[..., :-1])
    kept = hidden * learned[..., None]
    gram = np.swapaxes(kept, -1, -2) @ hidden + setting.ridge * np.eye(setting.units + 1)
    moments = np.swapaxes(kept, -1, -2) @ targets[:, None]
    predicted: Floats = (hidden @ np.linalg.solve(gram, moments))[..., 0]
    return predicted
