from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from sklearn.model_selection import KFold, StratifiedKFold

from eksplora import protocol
from eksplora.errors import ConfigError
from eksplora.protocol import full, holdout, is_spread, kfold, outer_rows, resample, splits_of, spread
from eksplora.types import Cut, Split

CLASSES = np.repeat(np.arange(3), [50, 30, 23])


def test_holdout_is_one_split_into_training_and_validation_rows():
    (split,) = holdout(targets=CLASSES, validation_fraction=0.2, seed=0, stratified=True)
    assert (len(split.train), len(split.validation)) == (82, 21)
    assert set(split.train).isdisjoint(split.validation)


def test_a_seed_that_is_no_integer_is_refused():
    with pytest.raises(ConfigError, match=r"protocol\.seed must be a whole number, got 'abc'"):
        holdout(targets=CLASSES, validation_fraction=0.2, seed="abc", stratified=True)


def folds_of(targets, folds, *, repeats=1, seed=0, stratified=False):
    return kfold(targets=targets, folds=folds, repeats=repeats, seed=seed, stratified=stratified)


def class_counts(targets, rows):
    return np.bincount(targets[rows], minlength=targets.max() + 1)


SHAPES = [(103, 5), (103, 2), (103, 22), (404, 5), (30, 7), (30, 10)]


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(("rows", "folds"), SHAPES)
def test_every_row_validates_exactly_once_in_each_repeat(rows, folds, stratified):
    splits = folds_of(np.arange(rows) % 3, folds, repeats=3, stratified=stratified)
    assert len(splits) == 3 * folds
    for start in range(0, len(splits), folds):
        validated = np.concatenate([split.validation for split in splits[start : start + folds]])
        np.testing.assert_array_equal(np.sort(validated), np.arange(rows))


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(("rows", "folds"), SHAPES)
def test_a_fold_learns_from_every_row_that_it_does_not_validate_on(rows, folds, stratified):
    for split in folds_of(np.arange(rows) % 3, folds, repeats=2, stratified=stratified):
        np.testing.assert_array_equal(np.sort(np.concatenate([split.train, split.validation])), np.arange(rows))
        assert (np.diff(split.train) > 0).all()
        assert (np.diff(split.validation) > 0).all()


@pytest.mark.parametrize(("rows", "folds"), [*SHAPES, (10, 10)])
def test_fold_sizes_equal_scikit_learns(rows, folds):
    reference = [len(part) for _, part in KFold(folds).split(np.zeros(rows))]
    assert [len(split.validation) for split in folds_of(np.zeros(rows), folds)] == reference
    assert max(reference) - min(reference) <= 1


@pytest.mark.parametrize("folds", range(2, 24))
def test_class_counts_of_the_folds_equal_scikit_learns(folds):
    counts = [class_counts(CLASSES, split.validation) for split in folds_of(CLASSES, folds, stratified=True)]
    reference = [class_counts(CLASSES, part) for _, part in StratifiedKFold(folds).split(CLASSES, CLASSES)]
    np.testing.assert_array_equal(counts, reference)


@pytest.mark.parametrize("seed", range(5))
def test_stratified_folds_are_even_in_each_class_and_in_all(seed):
    sizes = np.random.default_rng(seed).integers(9, 40, size=7)
    targets = np.random.default_rng(seed).permutation(np.repeat(np.arange(7) * 2, sizes))  # classes with gaps between
    counts = np.array([class_counts(targets, split.validation) for split in folds_of(targets, 9, stratified=True)])
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(counts.sum(axis=1)) <= 1


def validation_of(splits):
    return [split.validation.tolist() for split in splits]


def test_folds_are_a_function_of_the_seed():
    first, again, other = (validation_of(folds_of(CLASSES, 5, seed=seed, stratified=True)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_repeats_cut_the_rows_anew_and_leave_earlier_ones_as_they_are():
    splits = validation_of(folds_of(CLASSES, 5, repeats=4, stratified=True))
    partitions = [{tuple(rows) for rows in splits[start : start + 5]} for start in range(0, 20, 5)]
    assert all(one.isdisjoint(next_one) for one, next_one in pairwise(partitions))
    assert splits[:10] == validation_of(folds_of(CLASSES, 5, repeats=2, stratified=True))


def test_folds_are_the_same_in_every_version():
    targets = np.array([0, 1] * 6)
    assert validation_of(folds_of(targets, 3)) == [[1, 5, 8, 10], [2, 4, 6, 7], [0, 3, 9, 11]]
    assert validation_of(folds_of(targets, 3, stratified=True)) == [[4, 5, 9, 10], [6, 7, 8, 11], [0, 1, 2, 3]]


def test_any_two_rows_are_equally_likely_to_share_a_fold():
    together = np.zeros((9, 9))
    for split in folds_of(np.zeros(9), 3, repeats=2000):
        together[np.ix_(split.validation, split.validation)] += 1
    # Of the 8 other rows 2 are in a row's fold: binomial(2000, 1/4), with deviation 19.4.
    assert np.abs(together[~np.eye(9, dtype=bool)] - 500).max() < 5 * 19.4


def test_folds_of_numbers_are_cut_by_their_rows():
    numbers = np.linspace(0, 1, 26).reshape(13, 2)
    assert validation_of(folds_of(numbers, 4)) == validation_of(folds_of(np.zeros(13), 4))


@pytest.mark.parametrize("folds", [1, 0, -5, 2.0, "5", True, None])
def test_fewer_than_two_folds_are_refused_by_key(folds):
    with pytest.raises(
        ConfigError, match=r"protocol\.folds must be a whole number of at least 2, got .*\. Try protocol"
    ):
        folds_of(CLASSES, folds)


@pytest.mark.parametrize("repeats", [0, -1, 1.5, "2", True, None])
def test_less_than_one_repeat_is_refused_by_key(repeats):
    with pytest.raises(ConfigError, match=r"protocol\.repeats must be a whole number of at least 1, got"):
        folds_of(CLASSES, 5, repeats=repeats)


def test_more_folds_than_rows_are_refused_by_key():
    with pytest.raises(ConfigError, match=r"protocol\.folds=11 is more than the rows of the training part \(10\)\."):
        folds_of(np.zeros(10), 11)


def test_more_folds_than_rows_of_a_class_are_refused_with_the_class():
    targets = np.repeat([3, 7, 9], [50, 4, 5])
    with pytest.raises(ConfigError, match=r"=5 is more than the rows of class 7 \(4\)\. .* protocol\.stratified=false"):
        folds_of(targets, 5, stratified=True)
    assert len(folds_of(targets, 5)) == 5


def test_folds_want_an_integer_seed():
    with pytest.raises(ConfigError, match=r"protocol\.seed must be a whole number, got 1\.5"):
        folds_of(CLASSES, 5, seed=1.5)


def test_stratified_folds_of_what_are_not_classes_are_refused():
    with pytest.raises(ConfigError, match=r"Set data\.stratified=false\.$"):
        folds_of(np.zeros((10, 1)), 5, stratified=True)


@pytest.mark.parametrize("stratified", ["no", 1, None])
def test_stratified_must_be_true_or_false(stratified):
    with pytest.raises(ConfigError, match=r"protocol\.stratified must be true or false, got"):
        folds_of(CLASSES, 5, stratified=stratified)
    with pytest.raises(ConfigError, match=r"protocol\.stratified must be true or false, got"):
        holdout(targets=CLASSES, validation_fraction=0.2, seed=0, stratified=stratified)


def test_full_learns_from_every_row_and_validates_on_none() -> None:
    (split,) = full(targets=np.zeros(7))
    assert split.train.tolist() == list(range(7))
    assert len(split.validation) == 0
    assert split.validation.dtype == split.train.dtype


# --- a split for each member -------------------------------------------------------------------------------------


def spread_of(targets, members, judges="all", *, seed=0, stratified=False, protocol=spread):
    return splits_of(
        partial(protocol, validation_fraction=0.2, seed=seed, stratified=stratified),
        targets,
        Cut(members, judges),
    )


@pytest.mark.parametrize("protocol", [spread, resample])
def test_a_single_member_has_the_split_of_a_holdout(protocol):
    (own,), (known,) = (spread_of(CLASSES, 1, rows, stratified=True, protocol=protocol) for rows in ("all", "first"))
    (reference,) = holdout(targets=CLASSES, validation_fraction=0.2, seed=0, stratified=True)
    for split in (own, known):
        np.testing.assert_array_equal(split.train, reference.train)
        np.testing.assert_array_equal(split.validation, reference.validation)


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(("members", "repeats"), [(2, 1), (5, 1), (8, 1), (10, 1), (12, 2), (16, 2), (13, 1)])
def test_seeds_are_spread_over_folds_and_repeats_of_them(members, repeats, stratified):
    targets = np.arange(156) % 3
    splits = spread_of(targets, members, stratified=stratified)
    assert len(splits) == members
    validated = np.bincount(np.concatenate([split.validation for split in splits]), minlength=len(targets))
    assert (validated == repeats).all()
    for split in splits:
        np.testing.assert_array_equal(np.sort(np.concatenate([split.train, split.validation])), np.arange(156))


@pytest.mark.parametrize("protocol", [spread, resample])
@pytest.mark.parametrize(("searching", "judges"), [(1, "others"), (8, "later")])
def test_no_row_that_judged_a_search_judges_what_it_found(protocol, searching, judges):
    def validated(members, rows):
        splits = spread_of(CLASSES, members, rows, stratified=True, protocol=protocol)
        for split in splits:
            assert len(np.intersect1d(split.train, split.validation)) == 0
            assert len(split.train) + len(split.validation) == len(CLASSES)
        return set(np.concatenate([split.validation for split in splits]).tolist())

    first, later = validated(searching, "first"), validated(8, judges)
    assert first and later and not first & later
    if protocol is spread:
        assert first | later == set(range(len(CLASSES)))


@pytest.mark.parametrize("judges", ["later", "others"])
def test_a_holdout_judges_what_was_found_by_other_rows(judges):
    cut = partial(holdout, validation_fraction=0.2, seed=0, stratified=True)
    (first,), (later,) = splits_of(cut, CLASSES), splits_of(cut, CLASSES, Cut(judges=judges))
    assert len(np.intersect1d(first.validation, later.validation)) == 0
    assert len(later.validation) == len(first.validation)
    assert len(later.train) + len(later.validation) == len(CLASSES)


def test_more_resamples_leave_the_first_as_they_are():
    few, many = (spread_of(CLASSES, members, protocol=resample) for members in (3, 9))
    assert validation_of(many)[:3] == validation_of(few)
    assert len({tuple(rows) for rows in validation_of(many)}) == 9


def test_a_protocol_of_ones_own_needs_to_know_of_targets_alone():
    def halves(*, targets):
        rows = np.arange(len(targets))
        return (Split(rows[::2], rows[1::2]), Split(rows[1::2], rows[::2]))

    assert len(splits_of(halves, CLASSES, Cut(8, "later"))) == 2
    assert (is_spread(halves), is_spread(partial(spread, seed=0)), is_spread(partial(kfold, seed=0))) == (
        False,
        True,
        False,
    )


def test_classes_with_fewer_rows_than_folds_are_resampled():
    targets = np.repeat([0, 1], [60, 4])
    splits = spread_of(targets, 8, stratified=True)
    assert validation_of(splits) == validation_of(spread_of(targets, 8, stratified=True, protocol=resample))
    assert all(targets[split.validation].any() for split in splits)


def test_fewer_rows_than_folds_are_refused():
    with pytest.raises(ConfigError, match=r"study\.n_seeds=10: as many folds need 10 rows, 9 can validate"):
        spread_of(np.zeros(9), 10)


# --- rows that are held out from a whole study ------------------------------------------------------------------------


CUTS = [
    ("holdout", {"validation_fraction": 0.25}),
    ("resample", {"validation_fraction": 0.25}),
    ("spread", {"validation_fraction": 0.25}),
    ("kfold", {"folds": 3, "repeats": 1}),
]


@pytest.mark.parametrize("judges", ["all", "first", "later", "others"])
@pytest.mark.parametrize(("name", "values"), CUTS)
def test_rows_that_are_held_out_are_never_learned_from_and_never_validate(name, values, judges):
    cut_by = partial(getattr(protocol, name), seed=0, stratified=True, **values)
    for fold in range(5):
        cut = Cut(4, judges, fold, 5, 7)
        inner, outer = outer_rows(CLASSES, cut, stratified=True)
        assert sorted([*inner, *outer]) == [*range(len(CLASSES))] and len(outer)
        for split in splits_of(cut_by, CLASSES, cut, stratified=True):
            assert set(split.train) | set(split.validation) == set(inner)
            assert split.held_out.tolist() == outer.tolist() and len(split.validation)
            assert split.measured is split.validation


def test_every_row_is_held_out_once_whatever_the_protocol():
    cuts = [Cut(outer_fold=fold, outer_folds=6, outer_seed=3) for fold in range(6)]
    held_out = [splits_of(partial(protocol.full), CLASSES, cut, stratified=True)[0].measured.tolist() for cut in cuts]
    assert sorted(row for rows in held_out for row in rows) == [*range(len(CLASSES))]
    counts = np.array([np.bincount(CLASSES[rows], minlength=3) for rows in held_out])
    assert np.ptp(counts, axis=0).max() <= 1, "each class in proportion"
    other = splits_of(partial(protocol.full), CLASSES, Cut(outer_folds=6, outer_seed=4), stratified=True)
    assert other[0].measured.tolist() != held_out[0]


def test_splits_of_the_rows_that_are_left_are_those_of_a_data_set_without_the_others():
    cut_by = partial(protocol.holdout, validation_fraction=0.25, seed=0, stratified=True)
    cut = Cut(outer_fold=1, outer_folds=4)
    rows, _ = outer_rows(CLASSES, cut, stratified=True)
    (alone,) = splits_of(cut_by, CLASSES[rows], stratified=True)
    (inside,) = splits_of(cut_by, CLASSES, cut, stratified=True)
    assert inside.train.tolist() == rows[alone.train].tolist()
    assert inside.validation.tolist() == rows[alone.validation].tolist()


def test_more_outer_splits_than_rows_of_a_class_are_refused():
    message = r"audit\.outer=11 is more than the rows of class 2 \(10\)\. Choose fewer outer splits\."
    with pytest.raises(ConfigError, match=message):
        outer_rows(np.repeat([0, 1, 2], [30, 20, 10]), Cut(outer_folds=11), stratified=True)
    with pytest.raises(ConfigError, match=r"audit\.outer=61 is more than the rows of the training part \(60\)"):
        outer_rows(np.zeros(60), Cut(outer_folds=61), stratified=False)
