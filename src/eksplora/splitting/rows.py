"""Rows cut into two parts, or into folds."""

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import derive
from eksplora.errors import ConfigError
from eksplora.ranges import check_flag, check_fraction
from eksplora.splitting.groups import Groups, part_of_groups, partition_of_groups

RowIndices = NDArray[np.int64]
"""Row numbers, (rows,)."""

Strata = NDArray[np.int64]
"""The stratum of each row, (rows,), from 0."""

FRACTION_KEY = "protocol.validation_fraction"


def split_rows(
    targets: NDArray[np.generic],
    fraction: float,
    seed: int,
    stratified: bool,
    *,
    key: str = FRACTION_KEY,
    groups: Groups = None,
) -> tuple[RowIndices, RowIndices]:
    """Cut the rows in two: the rest, and a part of exactly `round(fraction * rows)` rows, or about so many of groups.

    Stratified, the part's class counts are proportional to the whole's, by the method of the largest remainder
    (Hamilton): each count is within one row of the exact share.

    Args:
        targets: Classes, shape (rows,); of other targets only the number of rows matters.
        fraction: Share of the rows in the part, in (0, 1).
        seed: Decides which rows; nothing else does.
        stratified: Whether each class is represented in proportion; needs classes.
        key: The configuration key to name when `fraction` is wrong.
        groups: The group of each row; its rows stay together.

    Returns:
        Row numbers of the rest and of the part, each ascending.

    Raises:
        ConfigError: `fraction` is outside (0, 1) or leaves a side empty, `stratified` without classes, or a single
            group.
    """
    check_fraction(fraction, key, usual=0.2)
    total = round(fraction * len(targets))
    if not 0 < total < len(targets):
        raise ConfigError(
            f"{key}={fraction} of {len(targets)} rows leaves one side empty. Choose a fraction in between."
        )
    strata = strata_of(targets, stratified)
    quota = _proportional(np.bincount(strata), total)
    if groups is not None:
        is_part = part_of_groups(strata, groups, quota, seed, key)
        return np.flatnonzero(~is_part), np.flatnonzero(is_part)
    part = np.concatenate([_drawn(strata, stratum, count, seed) for stratum, count in enumerate(quota)])
    return np.setdiff1d(np.arange(len(targets)), part), np.sort(part)


def checked_strata(
    targets: NDArray[np.generic], folds: int, stratified: bool, groups: Groups, *, key: str, way_out: str
) -> Strata:
    """The strata, where every fold gets a row, and stratified a row of every class, or a group.

    Raises:
        ConfigError: There are fewer; the message names `key` and ends with `way_out`.
    """
    strata = strata_of(targets, stratified)
    if groups is not None:
        if folds > (count := len(np.unique(groups))):
            raise ConfigError(f"{key}={folds} is more than the groups of the training part ({count}). {way_out}")
        return strata
    counts = np.bincount(strata)
    rarest = int(counts.argmin())
    if folds > counts[rarest]:
        rows = f"rows of class {targets[strata == rarest][0]}" if stratified else "rows of the training part"
        raise ConfigError(f"{key}={folds} is more than the {rows} ({counts[rarest]}). {way_out}")
    return strata


def strata_of(targets: NDArray[np.generic], stratified: bool) -> Strata:
    """The stratum of each row, counted from 0: its class, or one for all."""
    check_flag(stratified, "protocol.stratified")
    return _classes(targets) if stratified else np.zeros(len(targets), dtype=np.int64)


def _classes(targets: NDArray[np.generic]) -> Strata:
    if targets.ndim != 1 or targets.dtype.kind not in "iu":
        raise ConfigError("data.stratified is true, but these targets are not classes. Set data.stratified=false.")
    found: Strata = np.unique(targets, return_inverse=True)[1].astype(np.int64)
    return found


def _proportional(counts: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Whole shares of `total` in proportion to `counts`; the largest remainders are rounded up, ties in order."""
    shares, remainders = np.divmod(counts * total, counts.sum())  # integers: no rounding error decides a row
    order = np.argsort(-remainders, kind="stable")
    shares[order[: total - shares.sum()]] += 1
    return shares


def partition(strata: Strata, groups: Groups, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row: rows in random order, class after class, are dealt round robin; of groups see there."""
    if groups is not None:
        return partition_of_groups(strata, groups, folds, seed)
    order = np.concatenate([_drawn(strata, stratum, count, seed) for stratum, count in enumerate(np.bincount(strata))])
    fold_of = np.empty(len(strata), dtype=np.int64)
    fold_of[order] = np.arange(len(strata)) % folds
    return fold_of


def _drawn(strata: Strata, stratum: int, count: int, seed: int) -> RowIndices:
    rows: RowIndices = np.flatnonzero(strata == stratum)
    # numpy promises PCG64's raw stream for ever, but not what Generator.permutation makes of it.
    keys = np.random.PCG64(derive(seed, "split", stratum)).random_raw(len(rows))
    chosen: RowIndices = rows[np.argsort(keys, kind="stable")[:count]]
    return chosen
