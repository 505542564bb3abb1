"""Scaling of features: pure functions, fitted on the rows they are given and on nothing else."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.data._shared import in_memory
from eksplora.errors import ConfigError
from eksplora.ranges import check_choice

Array = NDArray[Any]
BLOCK_ROWS = 4096  # rows scaled at a time, so that the float64 intermediate of 60 000 images stays small
BLOCK_COLUMNS = 8  # columns of a table looked at together: a line of the processor's cache holds 8 numbers of a row

MOST_QUANTILES = 1000

BLOCK_IMAGES = 256  # images whose pixels are float64 at a time


@dataclass(frozen=True)
class Scaling:
    """Scaled = (feature - shift) / scale; both float64 and broadcastable over one row of features.

    Where `quantiles` (quantiles, columns) are given, a feature is first made a number of a standard normal
    distribution, see `eksplora.ranks.as_normal`.
    """

    shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    quantiles: NDArray[np.float64] | None = None

    def key(self) -> bytes:
        """Bytes that are the same for the same scaling."""
        known = [array for array in (self.shift, self.scale, self.quantiles) if array is not None]
        return b"".join(array.tobytes() for array in known)


def _standard(features: Array) -> Scaling:
    """Mean and population standard deviation of each feature, as scikit-learn's StandardScaler."""
    deviation = features.std(axis=0, dtype=np.float64)
    # A constant such as 0.1 has a computed deviation of about 1e-17: compare its extremes instead.
    is_constant = (features.min(axis=0) == features.max(axis=0)) | (deviation == 0)
    return Scaling(features.mean(axis=0, dtype=np.float64), np.where(is_constant, 1.0, deviation))


def _minmax(features: Array) -> Scaling:
    """The range of each feature to [0, 1], as scikit-learn's MinMaxScaler."""
    low, high = (extreme.astype(np.float64) for extreme in (features.min(axis=0), features.max(axis=0)))
    return Scaling(low, np.where(high == low, 1.0, high - low))


def _robust(features: Array) -> Scaling:
    """Median and interquartile range of each feature, as scikit-learn's RobustScaler."""
    lower, middle, upper = np.quantile(features, (0.25, 0.5, 0.75), axis=0)
    return Scaling(middle, np.where(upper == lower, 1.0, upper - lower))


def _pixel(features: Array) -> Scaling:
    """One global range for all features: the least value becomes 0, the greatest 1."""
    low, high = np.float64(features.min()), np.float64(features.max())
    return Scaling(np.asarray(low), np.asarray(high - low if high > low else 1.0, dtype=np.float64))


def _quantile(features: Array) -> Scaling:
    """Normal numbers by the quantiles of each feature, as scikit-learn's QuantileTransformer, of all rows."""
    if features.ndim != 2:
        raise ConfigError("data.scaling=quantile is for tables, images have none. Choose data.scaling=channel.")
    return replace(_none(features), quantiles=_quantiles(features, min(len(features), MOST_QUANTILES)))


def _quantiles(values: Array, count: int) -> NDArray[np.float64]:
    """Quantiles of values (rows, ...), `count` of them, from the least to the greatest."""
    found = np.percentile(values, 100 * np.linspace(0, 1, count), axis=0)
    return np.maximum.accumulate(found)  # which rounding can leave out of order


def _none(features: Array) -> Scaling:
    return Scaling(np.zeros((), dtype=np.float64), np.ones((), dtype=np.float64))


def _channel(features: Array) -> Scaling:
    """Mean and population standard deviation of each channel of images, over all rows and pixels; (channels, 1, 1)."""
    if features.ndim != 4:
        raise ConfigError("data.scaling=channel is for images, tables have none. Choose data.scaling=standard.")
    blocks = [slice(start, start + BLOCK_IMAGES) for start in range(0, len(features), BLOCK_IMAGES)]
    count = features.size / features.shape[1]
    mean = sum(features[block].sum((0, 2, 3), dtype=np.float64) for block in blocks) / count
    mean = mean.reshape(-1, 1, 1)
    deviation = np.sqrt(sum(((features[block] - mean) ** 2).sum((0, 2, 3)) for block in blocks) / count)
    return Scaling(mean, np.where(deviation == 0, 1.0, deviation).reshape(-1, 1, 1))


KINDS: dict[str, Callable[[Array], Scaling]] = {
    "standard": _standard,
    "minmax": _minmax,
    "robust": _robust,
    "quantile": _quantile,
    "pixel": _pixel,
    "channel": _channel,
    "none": _none,
}

TARGET_KINDS = ("none", "standard", "log")
"""Those for the targets of a regression."""


@dataclass(frozen=True)
class TargetScaling(Scaling):
    """Scaled = (target - shift) / scale, of log(1 + target) where `is_log`."""

    is_log: bool = False

    def scaled(self, targets: Array) -> NDArray[np.float32]:
        """Targets (rows, targets) as a loss sees them."""
        known = np.log1p(targets) if self.is_log else targets
        return ((known - self.shift) / self.scale).astype(np.float32)

    def in_unit(self, predictions: Array) -> NDArray[np.float32]:
        """Predictions (rows, targets) of such targets, in the targets' own unit."""
        numbers = predictions * self.scale + self.shift
        return (np.expm1(numbers) if self.is_log else numbers).astype(np.float32)


def fit(kind: str, features: Array) -> Scaling:
    """The scaling of a kind that these rows ask for.

    Args:
        kind: `standard` (each feature to mean 0 and deviation 1), `minmax` (each to [0, 1]), `robust` (each to median
            0 and interquartile range 1), `quantile` (each to normal numbers by its ranks, for tables), `pixel` (the
            global range to [0, 1]), `channel` (each channel of images to mean 0 and deviation 1) or `none`. A feature
            without deviation or range is only shifted.
        features: The training rows, shape (rows, ...).

    Raises:
        ConfigError: The kind is unknown, or for images only.
    """
    return KINDS[check_choice(kind, "data.scaling", KINDS)](features)


def fit_targets(kind: str, targets: Array) -> TargetScaling:
    """The scaling of targets that these rows ask for.

    Args:
        kind: `none`, `standard`, or `log`: log(1 + target) to mean 0 and deviation 1, for targets of 0 or more whose
            spread grows with their size. What is least wrong of logarithms is their middle: a prediction is then a
            median of the target, not its mean.
        targets: Those of the training rows, (rows, targets); of classes only `none`.

    Examples:
        >>> scaling = fit_targets("log", np.array([[0.0], [np.e**2 - 1]]))
        >>> scaling.scaled(np.array([[np.e - 1]])).tolist(), scaling.in_unit(np.array([[1.0]])).round(3).tolist()
        ([[0.0]], [[6.388999938964844]])
    """
    check_choice(kind, "data.target_scaling", TARGET_KINDS)
    if kind != "log":
        return TargetScaling(**vars(fit(kind, targets)))
    if targets.min() < 0:
        raise ConfigError(
            f"data.target_scaling=log is for targets of 0 or more, and the least is {targets.min():g}. "
            "Choose data.target_scaling=standard."
        )
    return TargetScaling(**vars(fit("standard", np.log1p(targets))), is_log=True)


def without(scaling: Scaling, columns: Sequence[int], shape: Sequence[int]) -> Scaling:
    """The scaling after which some columns are 0 in every row: they are divided by infinity.

    So what leads from raw rows to the network stays two arrays of numbers, and nothing that reads them needs to know.

    Args:
        scaling: Of all columns.
        columns: Their numbers; none: the scaling as it is.
        shape: Of one row.

    Examples:
        >>> apply(without(fit("none", np.ones((1, 3))), [1], [3]), np.array([[5.0, 6.0, 7.0]])).tolist()
        [[5.0, 0.0, 7.0]]
    """
    if not columns:
        return scaling
    scale = np.broadcast_to(scaling.scale, tuple(shape)).copy()
    scale[list(columns)] = np.inf
    return replace(scaling, shift=np.broadcast_to(scaling.shift, tuple(shape)).copy(), scale=scale)


def for_table(
    kind: str,
    features: Array,
    *,
    codes: Sequence[int],
    flags: Sequence[int] = (),
    rows: NDArray[np.int64] | slice = slice(None),
) -> Scaling:
    """The scaling of a table's prepared rows, in which a number may be missing (NaN).

    Columns of 0 and 1 and of codes are left as they are. A column that is constant in these rows becomes 0 everywhere:
    a category that was never seen says nothing. After scaling, `apply` makes 0 of what is missing: the mean or the
    median of these rows, as the kind has it.

    Args:
        kind: As in `fit`.
        features: Shape (rows, columns); a few columns at a time are copied.
        codes: Columns of codes.
        flags: Columns of 0 and 1.
        rows: The training rows.
    """
    width = features.shape[1]
    blocks = (features[rows, start : start + BLOCK_COLUMNS].T for start in range(0, width, BLOCK_COLUMNS))
    found = [_of_column(kind, values) for block in blocks for values in block]
    shift, scale, low, high = (np.array([one[place] for one in found]) for place in range(4))
    kept = [*codes, *flags]
    free = np.setdiff1d(np.arange(width), kept)
    if kind == "pixel" and len(free):
        whole = fit(kind, np.array([np.fmin.reduce(low[free]), np.fmax.reduce(high[free])]))
        shift[:], scale[:] = whole.shift, whole.scale
    shift[kept], scale[kept] = 0.0, 1.0
    is_constant = ~(low < high)
    is_constant[list(codes)] = False
    scale[is_constant] = np.inf
    if kind != "quantile":
        return Scaling(shift, scale)
    quantiles = np.stack([one[4] for one in found], axis=1)
    quantiles[:, [*kept, *np.flatnonzero(np.isnan(low))]] = np.nan
    return Scaling(shift, scale, quantiles)


def _of_column(kind: str, values: Array) -> tuple[float, float, float, float, Array]:
    """Shift and scale of a column, its least and greatest value, and its quantiles; NaN where every cell is missing."""
    known, count = values[~np.isnan(values)], min(len(values), MOST_QUANTILES)
    if not len(known):
        return 0.0, 1.0, np.nan, np.nan, np.full(count, np.nan)
    if kind == "quantile":
        return 0.0, 1.0, float(known.min()), float(known.max()), _quantiles(known, count)
    fitted = fit(kind, known)
    return float(fitted.shift), float(fitted.scale), float(known.min()), float(known.max()), known[:0]


def apply(scaling: Scaling, features: Array) -> NDArray[np.float32]:
    """The features scaled, computed in float64; float32, C-contiguous, of the same shape; 0 where one is missing (NaN).

    Examples:
        >>> apply(fit("pixel", np.array([[0.0], [4.0]])), np.array([[2.0], [8.0]])).tolist()
        [[0.5], [2.0]]
    """
    return in_memory(features.shape, lambda: scaled_blocks(scaling, features))


def scaled_blocks(scaling: Scaling, features: Array) -> Iterator[NDArray[np.float32]]:
    """The same rows, some at a time."""
    for start in range(0, len(features), BLOCK_ROWS):
        raw = features[start : start + BLOCK_ROWS]
        raw = raw if scaling.quantiles is None else _as_normal(raw, scaling.quantiles)
        block = ((raw - scaling.shift) / scaling.scale).astype(np.float32)
        np.copyto(block, 0, where=np.isnan(block))
        yield block


def _as_normal(features: Array, quantiles: NDArray[np.float64]) -> Array:
    """Features as a served network computes them, to the last bit."""
    import torch

    from eksplora.ranks import as_normal

    return as_normal(torch.from_numpy(features.astype(np.float64)), torch.from_numpy(quantiles)).numpy()
