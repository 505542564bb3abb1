"""Rows of a group kept together: pure functions of strata, groups and a seed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import derive
from eksplora.errors import ConfigError

Groups = NDArray[Any] | None
"""The group of each row, (rows,), whole numbers; None where each row stands alone."""


def groups_at(groups: Groups, rows: NDArray[np.int64]) -> Groups:
    """The groups of some rows."""
    return None if groups is None else groups[rows]


def rows_or_groups(strata: NDArray[np.int64], groups: Groups) -> NDArray[np.int64]:
    """Rows of each stratum, or groups that have any of them, (strata,)."""
    counts = np.bincount(strata) if groups is None else (_table(strata, groups)[1] > 0).sum(0)
    return np.asarray(counts, dtype=np.int64)


def partition_of_groups(strata: NDArray[np.int64], groups: NDArray[Any], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row: each group in turn goes to the fold that has fewest rows of its classes.

    That keeps the sum of squares of the folds' shares of each class least. Large groups come first, and those of
    about equal size in random order. Source: StratifiedGroupKFold of scikit-learn; of a single class GroupKFold. These
    sort by exact size: groups that all differ in size would be cut alike with every seed.

    Args:
        strata: The class of each row, from 0, (rows,).
        groups: The group of each row, (rows,).
        folds: Parts, at most as many as groups.
        seed: Decides the order of the groups.

    Examples:
        >>> partition_of_groups(np.zeros(6, dtype=np.int64), np.array([7, 7, 7, 1, 2, 2]), 2, 0).tolist()
        [0, 0, 0, 1, 1, 1]
    """
    of_row, counts = _table(strata, groups)
    weights = counts / counts.sum(0) ** 2  # (groups, strata)
    held = np.zeros((folds, counts.shape[1]), dtype=np.int64)  # rows of each class in each fold
    fold_of = np.empty(len(counts), dtype=np.int64)
    for group in _large_first(counts, _shuffled(len(counts), seed)):
        fullness = held @ weights[group]
        even = np.flatnonzero(fullness <= fullness.min() * (1 + 1e-9))
        fold_of[group] = fold = even[held[even].sum(1).argmin()]
        held[fold] += counts[group]
    return fold_of[of_row]


def part_of_groups(
    strata: NDArray[np.int64], groups: NDArray[Any], quota: NDArray[np.int64], seed: int, key: str
) -> NDArray[np.bool_]:
    """Membership of rows in a part of about `quota` rows of each stratum: (rows,).

    Each group, in random order, joins the part if that comes nearer to the quota.

    Raises:
        ConfigError: There is a single group; the message names `key`.
    """
    of_row, counts = _table(strata, groups)
    if len(counts) < 2:
        raise ConfigError(f"{key}: all rows are of one group, which cannot be cut in two. Name another group column.")
    scale = np.maximum(quota, 1)
    is_in, missing = np.zeros(len(counts), dtype=bool), quota / scale
    order = _shuffled(len(counts), seed)
    for group in order:
        left = missing - counts[group] / scale
        if (left**2).sum() < (missing**2).sum():
            is_in[group], missing = True, left
    smallest = order[counts[order].sum(1).argmin()]
    if is_in.all() or not is_in.any():  # each group alone has more rows than twice the part, or than twice the rest
        is_in[smallest] = not is_in[smallest]
    return is_in[of_row]


def _table(strata: NDArray[np.int64], groups: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of each row's group, from 0, and the rows of each group in each stratum, (groups, strata)."""
    names, of_row = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), int(strata.max()) + 1), dtype=np.int64)
    np.add.at(counts, (of_row, strata), 1)
    return of_row.astype(np.int64), counts


def _shuffled(count: int, seed: int) -> NDArray[np.int64]:
    """Numbers below `count` in random order."""
    # numpy promises PCG64's raw stream for ever, but not what Generator.permutation makes of it.
    return np.argsort(np.random.PCG64(derive(seed, "split", "groups")).random_raw(count), kind="stable")


def _large_first(counts: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The groups of `order`, those of about twice as many rows before the others: small ones even out the folds."""
    octaves = np.frexp(counts[order].sum(1).astype(np.float64))[1]
    return np.asarray(order[np.argsort(-octaves, kind="stable")])
