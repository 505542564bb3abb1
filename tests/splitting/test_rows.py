import numpy as np
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from eksplora.errors import ConfigError
from eksplora.protocol import holdout
from eksplora.splitting.rows import split_rows

CLASSES = np.repeat(np.arange(3), [50, 30, 23])


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(("rows", "fraction"), [(103, 0.2), (103, 0.5), (103, 0.013), (404, 0.2), (7, 0.8)])
def test_parts_have_the_exact_size_and_cover_every_row_once(rows, fraction, stratified):
    targets = np.arange(rows) % 3
    rest, part = split_rows(targets, fraction, 0, stratified)
    assert len(part) == round(fraction * rows)
    np.testing.assert_array_equal(np.sort(np.concatenate([rest, part])), np.arange(rows))
    assert (np.diff(rest) > 0).all()
    assert (np.diff(part) > 0).all()


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.33, 0.5, 0.77])
def test_class_counts_of_the_part_are_the_largest_remainder_shares(fraction):
    _, part = split_rows(CLASSES, fraction, 3, True)
    exact = np.bincount(CLASSES) * len(part) / len(CLASSES)
    counts = np.bincount(CLASSES[part], minlength=3)
    assert (np.abs(counts - exact) < 1).all()
    rounded_up = counts > exact
    if rounded_up.any() and not rounded_up.all():
        assert (exact % 1)[rounded_up].min() >= (exact % 1)[~rounded_up].max()


def test_class_counts_equal_scikit_learns():
    _, part = split_rows(CLASSES, 20 / len(CLASSES), 0, True)
    splitter = StratifiedShuffleSplit(n_splits=1, test_size=20, random_state=0)
    _, reference = next(splitter.split(CLASSES, CLASSES))
    np.testing.assert_array_equal(np.bincount(CLASSES[part]), np.bincount(CLASSES[reference]))


def test_a_split_is_a_function_of_its_seed():
    first, again, other = (split_rows(CLASSES, 0.2, seed, True)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_split_is_the_same_in_every_version():
    _, part = split_rows(np.zeros(20), 0.25, 0, False)
    assert part.tolist() == [1, 5, 6, 11, 19]


def test_every_row_is_equally_likely_to_be_drawn():
    drawn = np.zeros(10)
    for seed in range(2000):
        drawn[split_rows(np.zeros(10), 0.3, seed, False)[1]] += 1
    # Each count is binomial(2000, 0.3), with deviation 20.5.
    assert np.abs(drawn - 600).max() < 5 * 20.5


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), "0.2", True, None])
def test_a_fraction_outside_the_open_interval_is_refused_by_key(fraction):
    with pytest.raises(ConfigError, match=r"protocol\.validation_fraction must be a number above 0 and below 1, got"):
        holdout(targets=CLASSES, validation_fraction=fraction, seed=0, stratified=True)


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_a_fraction_that_leaves_a_side_empty_is_refused_by_key(fraction):
    with pytest.raises(ConfigError, match=r"protocol\.validation_fraction=0\.\d+ of 10 rows leaves one side empty"):
        holdout(targets=np.arange(10), validation_fraction=fraction, seed=0, stratified=False)


@pytest.mark.parametrize("targets", [np.zeros((10, 1)), np.linspace(0, 1, 10)])
def test_stratification_of_what_are_not_classes_is_refused(targets):
    with pytest.raises(ConfigError, match=r"Set data\.stratified=false\.$"):
        holdout(targets=targets, validation_fraction=0.2, seed=0, stratified=True)
