import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from eksplora.data.arrays import batch_rows, check_batch_size, fold_arrays
from eksplora.data.diabetes import Diabetes
from eksplora.data.digits import Digits
from eksplora.data.wine import Wine
from eksplora.errors import ConfigError
from eksplora.protocol import holdout, kfold
from eksplora.types import Split

COMMON = {"batch_size": 32, "test_fraction": 0.2, "split_seed": 0}


@pytest.fixture
def wine(tmp_path):
    dataset = Wine(
        root=str(tmp_path),
        scaling="standard",
        input_shape=[13],
        num_classes=3,
        num_targets=None,
        stratified=True,
        **COMMON,
    )
    dataset.prepare()
    return dataset


@pytest.fixture
def digits(tmp_path):
    dataset = Digits(
        root=str(tmp_path),
        scaling="pixel",
        input_shape=[1, 8, 8],
        num_classes=10,
        num_targets=None,
        stratified=True,
        **COMMON,
    )
    dataset.prepare()
    return dataset


def cut(dataset):
    targets = dataset.open("train")[1]
    (split,) = holdout(targets=targets, validation_fraction=0.2, seed=0, stratified=dataset.stratified)
    return split


def arrays_of(dataset, split):
    (arrays,) = fold_arrays(dataset, [split])
    return arrays


def folds_of(dataset, folds=5):
    targets = dataset.open("train")[1]
    return kfold(targets=targets, folds=folds, repeats=1, seed=0, stratified=dataset.stratified)


def test_scaler_is_fitted_on_training_rows_only(wine):
    features, targets = wine.open("train")
    split = cut(wine)
    arrays = arrays_of(wine, split)
    reference = StandardScaler().fit(features[split.train])
    np.testing.assert_allclose(arrays.features, reference.transform(features), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(arrays.scaling.shift, reference.mean_)
    np.testing.assert_array_equal(arrays.targets, targets)


def test_validation_rows_do_not_move_the_scaling(wine):
    split = cut(wine)
    fewer = Split(train=split.train, validation=split.validation[:1])
    np.testing.assert_array_equal(arrays_of(wine, split).features, arrays_of(wine, fewer).features)
    other = Split(train=split.train[:-1], validation=split.validation)
    assert not np.array_equal(arrays_of(wine, split).features, arrays_of(wine, other).features)


def test_a_training_does_not_need_the_test_files(wine):
    for name in ("test_features", "test_targets"):
        (wine.folder / f"{name}.npy").unlink()
    assert len(arrays_of(wine, cut(wine)).features) == 142


def test_classes_are_int64_and_numbers_float32(tmp_path, wine):
    diabetes = Diabetes(
        root=str(tmp_path),
        scaling="none",
        input_shape=[10],
        num_classes=None,
        num_targets=1,
        stratified=False,
        **COMMON,
    )
    diabetes.prepare()
    assert arrays_of(wine, cut(wine)).targets.dtype == np.int64
    targets = arrays_of(diabetes, cut(diabetes)).targets
    assert (targets.dtype, targets.shape) == (np.float32, (354, 1))


def test_scaled_digits_lie_between_zero_and_one(digits):
    features = arrays_of(digits, cut(digits)).features
    assert (features.min(), features.max(), features.shape[1:]) == (0.0, 1.0, (1, 8, 8))


def test_a_batch_larger_than_the_rows_to_learn_from_is_refused(wine):
    wine.batch_size = 1000
    with pytest.raises(
        ConfigError, match=r"data\.batch_size=1000 is more than the 114 rows to learn from\. Choose 114"
    ):
        arrays_of(wine, cut(wine))


@pytest.mark.parametrize("size", [0, -3])
def test_a_batch_of_no_rows_that_a_search_draws_is_refused(size):
    with pytest.raises(
        ConfigError, match=rf"^data\.batch_size must be a whole number of at least 1 or full, got {size}\. Try"
    ):
        check_batch_size(size, 114)


def test_each_fold_is_scaled_by_its_own_training_rows(wine):
    features, targets = wine.open("train")
    splits = folds_of(wine)
    for split, arrays in zip(splits, fold_arrays(wine, splits), strict=True):
        reference = StandardScaler().fit(features[split.train])
        np.testing.assert_allclose(arrays.features, reference.transform(features), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(arrays.scaling.scale, reference.scale_)
        np.testing.assert_array_equal(arrays.targets, targets)


def test_a_fold_among_others_is_the_fold_alone(wine):
    splits = folds_of(wine)
    for split, arrays in zip(splits, fold_arrays(wine, splits), strict=True):
        alone = arrays_of(wine, split)
        np.testing.assert_array_equal(arrays.features, alone.features)
        np.testing.assert_array_equal(arrays.scaling.shift, alone.scaling.shift)


def test_folds_of_one_scaling_share_the_features(digits, wine):
    first, *others = fold_arrays(digits, folds_of(digits))
    assert len(others) == 4
    assert all(arrays.features is first.features for arrays in others)
    wine.scaling = "none"
    first, *others = fold_arrays(wine, folds_of(wine))
    assert all(arrays.features is first.features for arrays in others)


def test_folds_of_different_scalings_have_features_of_their_own_and_share_the_targets(wine):
    folds = fold_arrays(wine, folds_of(wine))
    assert len({id(arrays.features) for arrays in folds}) == 5
    assert len({id(arrays.targets) for arrays in folds}) == 1


def test_the_fold_that_lacks_the_extreme_pixel_has_features_of_its_own(wine):
    wine.scaling = "pixel"
    features, _ = wine.open("train")
    greatest = int(features.max(axis=1).argmax())  # one row of wine has the greatest value, a proline of 1680
    rows = np.arange(len(features))
    lacking = Split(train=rows[rows != greatest], validation=rows[[greatest]])
    holding = [Split(train=rows[rows != row], validation=rows[[row]]) for row in rows[rows != greatest][:2]]
    without, first, second = fold_arrays(wine, [lacking, *holding])
    assert first.features is second.features
    assert first.features.max() == 1
    assert without.features[lacking.train].max() == 1 < without.features.max()


def test_the_batch_size_is_checked_against_the_smallest_fold(wine):
    splits = folds_of(wine)
    sizes = sorted(len(split.train) for split in splits)
    assert (sizes[0], sizes[-1]) == (113, 114)
    wine.batch_size = 114
    with pytest.raises(ConfigError, match=r"data\.batch_size=114 is more than the 113 rows to learn from"):
        fold_arrays(wine, splits)


@pytest.fixture
def diabetes(tmp_path):
    def make(**changes):
        dataset = Diabetes(
            root=str(tmp_path),
            **{"scaling": "none", "input_shape": [10], "num_classes": None, "num_targets": 1, "stratified": False}
            | COMMON
            | changes,
        )
        dataset.prepare()
        return dataset

    return make


def test_target_scaling_is_fitted_on_training_rows_only_and_targets_stay_in_their_unit(diabetes):
    dataset = diabetes(target_scaling="standard")
    targets, split = dataset.open("train")[1], cut(dataset)
    arrays, scaler = arrays_of(dataset, split), StandardScaler().fit(targets[split.train])
    np.testing.assert_allclose(arrays.target_scaling.shift, scaler.mean_)
    np.testing.assert_allclose(arrays.target_scaling.scale, scaler.scale_)
    np.testing.assert_array_equal(arrays.targets, targets.astype(np.float32))


def test_folds_that_share_their_features_have_target_scalings_of_their_own(diabetes):
    dataset = diabetes(target_scaling="standard")
    targets, splits = dataset.open("train")[1], folds_of(dataset)
    folds = fold_arrays(dataset, splits)
    assert all(fold.features is folds[0].features for fold in folds)
    means = [float(fold.target_scaling.shift[0]) for fold in folds]
    assert means == pytest.approx([targets[split.train].mean() for split in splits])
    assert len(set(means)) == len(splits)


def test_targets_are_left_as_they_are_unless_asked(diabetes):
    dataset = diabetes()
    scaling = arrays_of(dataset, cut(dataset)).target_scaling
    assert (scaling.shift.tolist(), scaling.scale.tolist()) == (0.0, 1.0)


def test_a_full_batch_is_all_rows_to_learn_from(diabetes):
    dataset = diabetes(batch_size="full")
    split = cut(dataset)
    assert batch_rows(dataset.batch_size, len(split.train)) == len(split.train)
    assert len(arrays_of(dataset, split).features) == len(dataset.open("train")[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_scaling": "standart"}, r"^data\.target_scaling=standart is unknown\. Did you mean 'standard'\?$"),
        ({"target_scaling": "pixel"}, r"^data\.target_scaling=pixel is unknown\. Valid: log, none, standard\.$"),
        ({"batch_size": "ful"}, r"^data\.batch_size must be a whole number of at least 1 or full, got 'ful'\. Try"),
    ],
)
def test_words_that_mean_nothing_are_refused(diabetes, changes, message):
    with pytest.raises(ConfigError, match=message):
        diabetes(**changes)


def test_classes_cannot_be_scaled(tmp_path):
    with pytest.raises(ConfigError, match=r"^data\.target_scaling=standard: classes are no numbers to scale\. Set"):
        Wine(
            root=str(tmp_path),
            scaling="none",
            input_shape=[13],
            num_classes=3,
            num_targets=None,
            stratified=True,
            target_scaling="standard",
            **COMMON,
        )


def test_an_excluded_feature_is_zero_in_every_row_and_the_others_are_as_they_were(tmp_path):
    options = {"root": str(tmp_path), "batch_size": 8, "scaling": "standard", "input_shape": [10]}
    options |= {"num_classes": None, "num_targets": 1, "stratified": False, "test_fraction": 0.2, "split_seed": 0}
    split = Split(np.arange(300), np.arange(300, 353))
    (whole,) = fold_arrays(prepared(Diabetes(**options)), [split])
    (without,) = fold_arrays(prepared(Diabetes(**options, excluded=["bmi", "sex"])), [split])
    kept = [place for place in range(10) if place not in (1, 2)]
    assert not without.features[:, [1, 2]].any()
    np.testing.assert_array_equal(without.features[:, kept], whole.features[:, kept])
    assert np.isinf(without.scaling.scale[[1, 2]]).all()


@pytest.mark.parametrize(
    ("excluded", "message"),
    [
        (["bmj"], r"data\.excluded: diabetes has no feature 'bmj'\. Did you mean 'bmi'\?"),
        (["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"], r"data\.excluded: no feature of diabetes is"),
        ("bmi", r"data\.excluded must be a list of names, got 'bmi'\. Try data\.excluded=\[bmi\]"),
    ],
)
def test_a_feature_that_is_not_there_is_refused(tmp_path, excluded, message):
    options = {"root": str(tmp_path), "batch_size": 8, "scaling": "standard", "input_shape": [10]}
    options |= {"num_classes": None, "num_targets": 1, "stratified": False, "test_fraction": 0.2, "split_seed": 0}
    with pytest.raises(ConfigError, match=message):
        prepared(Diabetes(**options, excluded=excluded)).excluded_columns()


def test_pixels_are_not_excluded(tmp_path):
    options = {"root": str(tmp_path), "batch_size": 8, "scaling": "pixel", "input_shape": [1, 8, 8]}
    options |= {"num_classes": 10, "num_targets": None, "stratified": True, "test_fraction": 0.2, "split_seed": 0}
    with pytest.raises(
        ConfigError, match=r"data\.excluded: digits is no table of features\. Set data\.excluded=\[\]\."
    ):
        prepared(Digits(**options, excluded=["pixel"])).excluded_columns()


def prepared(dataset):
    dataset.prepare()
    return dataset


def test_large_features_are_shared_by_processes_and_are_the_same_numbers(wine, monkeypatch):
    alone = fold_arrays(wine, folds_of(wine))
    monkeypatch.setattr("eksplora.data.arrays.LEAST_BYTES", 0)
    together = fold_arrays(wine, folds_of(wine))
    assert len(list((wine.root / "scaled").glob("*.f32"))) == 5
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.features, other.features)
    del together, other
    assert not list((wine.root / "scaled").glob("*.f32"))
