"""Rows of a group stay together in every cut, against scikit-learn's splitters and what they promise."""

from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from eksplora.errors import ConfigError
from eksplora.protocol import holdout, kfold, outer_rows, resample, splits_of, spread
from eksplora.splitting.groups import partition_of_groups
from eksplora.splitting.rows import split_rows
from eksplora.types import Cut

RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(60) * 7, RNG.integers(1, 12, 60))
RNG.shuffle(GROUPS)
CLASSES = (GROUPS % 3 + (RNG.random(len(GROUPS)) < 0.2)) % 3
NUMBERS = np.zeros((len(GROUPS), 1))
PROTOCOLS = {
    "holdout": partial(holdout, validation_fraction=0.2, seed=1),
    "resample": partial(resample, validation_fraction=0.2, seed=1),
    "spread": partial(spread, validation_fraction=0.2, seed=1),
    "kfold": partial(kfold, folds=5, repeats=2, seed=1),
}


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(
    ("name", "cut"),
    list(product(PROTOCOLS, [Cut(8), Cut(8, "first"), Cut(8, "later"), Cut(1, "others"), Cut(4, "later", 1, 5, 3)])),
)
def test_every_protocol_keeps_the_rows_of_a_group_together(name: str, cut: Cut, stratified: bool) -> None:
    targets = CLASSES if stratified else NUMBERS
    protocol = partial(PROTOCOLS[name], stratified=stratified)
    splits = splits_of(protocol, targets, cut, stratified=stratified, groups=GROUPS)
    again = splits_of(protocol, targets, cut, stratified=stratified, groups=GROUPS)
    assert len(splits) == {"holdout": 1, "kfold": 10}.get(name, cut.members)
    for split, other in zip(splits, again, strict=True):
        parts = [set(GROUPS[rows]) for rows in (split.train, split.validation, split.held_out)]
        assert sum(map(len, parts)) == len(set.union(*parts)), "no group is in two parts"
        assert len(split.validation) and len(split.train)
        np.testing.assert_array_equal(split.validation, other.validation)


def test_the_rows_that_judge_later_are_of_other_groups_than_those_that_chose() -> None:
    first, later = (
        {
            int(group)
            for split in splits_of(
                partial(PROTOCOLS["spread"], stratified=False), NUMBERS, Cut(5, judges), groups=GROUPS
            )
            for group in GROUPS[split.validation]
        }
        for judges in ("first", "later")
    )
    assert not first & later
    assert first | later == set(GROUPS)


def test_folds_are_cut_anew_by_another_seed_and_by_each_repeat() -> None:
    splits = kfold(targets=NUMBERS, folds=4, repeats=2, seed=0, stratified=False, groups=GROUPS)
    (other, *_) = kfold(targets=NUMBERS, folds=4, repeats=1, seed=1, stratified=False, groups=GROUPS)
    cuts = {tuple(split.validation) for split in (splits[0], splits[4], other)}
    assert len(cuts) == 3


@pytest.mark.parametrize("stratified", [True, False])
def test_folds_are_as_even_as_scikit_learns(stratified: bool) -> None:
    """Rows of each class in the fullest fold, as a share of those that an even fold would have."""

    def fullest(parts: list[NDArray[np.int64]]) -> float:
        strata = CLASSES if stratified else np.zeros(len(GROUPS), dtype=np.int64)
        counts = np.array([np.bincount(strata[part], minlength=int(strata.max()) + 1) for part in parts])
        return float((counts.max(0) / counts.mean(0)).max())

    splits = kfold(targets=CLASSES, folds=5, repeats=4, seed=0, stratified=stratified, groups=GROUPS)
    own = [fullest([split.validation for split in splits[start : start + 5]]) for start in (0, 5, 10, 15)]
    kind = StratifiedGroupKFold if stratified else GroupKFold
    reference = fullest([part for _, part in kind(5).split(NUMBERS, CLASSES, GROUPS)])
    assert max(own) <= reference + (0.1 if stratified else 0.02)


@given(st.lists(st.integers(0, 8), min_size=2, max_size=60), st.integers(2, 5), st.integers(0, 99))
def test_every_fold_gets_a_group(groups: list[int], folds: int, seed: int) -> None:
    count = len(set(groups))
    fold_of = partition_of_groups(np.zeros(len(groups), dtype=np.int64), np.array(groups), min(folds, count), seed)
    assert set(fold_of) == set(range(min(folds, count)))


@given(st.lists(st.integers(0, 8), min_size=2, max_size=60), st.sampled_from([0.2, 0.5, 0.8]), st.integers(0, 99))
def test_a_part_is_of_about_the_size_asked_for_and_both_sides_have_rows(
    groups: list[int], fraction: float, seed: int
) -> None:
    known, largest = np.array(groups), max(map(groups.count, groups))
    if len(set(groups)) == 1:
        with pytest.raises(ConfigError, match="all rows are of one group"):
            split_rows(np.zeros(len(groups)), 0.5, seed, False, groups=known)
        return
    total = round(fraction * len(groups))
    if not 0 < total < len(groups):
        return
    rest, part = split_rows(np.zeros(len(groups)), fraction, seed, False, groups=known)
    assert len(rest) and len(part) and len(rest) + len(part) == len(groups)
    assert abs(len(part) - total) <= largest


def test_large_groups_validate_as_often_as_small_ones() -> None:
    groups = np.repeat(np.arange(40), np.tile([2, 8], 20))
    times = np.zeros(40)
    for seed in range(300):
        _, part = split_rows(np.zeros(len(groups)), 0.25, seed, False, groups=groups)
        times[np.unique(groups[part])] += 1
    small, large = times[::2].mean() / 300, times[1::2].mean() / 300
    assert large == pytest.approx(0.25, abs=0.04) and small == pytest.approx(0.25, abs=0.06)


def test_groups_of_one_row_are_cut_as_evenly_as_rows() -> None:
    fold_of = partition_of_groups(CLASSES, np.arange(len(CLASSES)), 5, 0)
    counts = np.array([np.bincount(CLASSES[fold_of == fold], minlength=3) for fold in range(5)])
    assert np.ptp(counts, axis=0).max() <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda groups: kfold(targets=NUMBERS, folds=61, repeats=1, seed=0, stratified=False, groups=groups),
            "61 .*60",
        ),
        (lambda groups: outer_rows(NUMBERS, Cut(outer_folds=70), False, groups), r"audit\.outer=70 .*groups .*60"),
        (
            lambda groups: spread(
                targets=NUMBERS,
                members=10,
                validation_fraction=0.2,
                seed=0,
                stratified=False,
                groups=groups // 70,
            ),
            "10 folds|10 groups",
        ),
    ],
    ids=["kfold", "outer", "spread"],
)
def test_fewer_groups_than_folds_are_refused(make, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(GROUPS)


def test_a_protocol_of_ones_own_that_divides_groups_is_refused() -> None:
    own = partial(lambda targets, part: splits_of(part, targets), part=partial(PROTOCOLS["holdout"], stratified=False))
    assert splits_of(own, NUMBERS)
    with pytest.raises(ConfigError, match="does not take `groups`"):
        splits_of(own, NUMBERS, groups=GROUPS)
