import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, RobustScaler, StandardScaler
from torch import from_numpy, nn

from eksplora.data import _scaling
from eksplora.errors import ConfigError
from eksplora.model.scaled import Scaled

WINE = load_wine().data


SCALERS = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}


@pytest.mark.parametrize("kind", SCALERS)
def test_scaling_per_feature_equals_scikit_learns(kind):
    train, other = WINE[:100], WINE[100:]
    scaled = _scaling.apply(_scaling.fit(kind, train), other)
    np.testing.assert_allclose(scaled, SCALERS[kind]().fit(train).transform(other), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", SCALERS)
def test_a_constant_feature_is_only_shifted(kind):
    features = np.column_stack([np.full(300, 0.1), np.arange(300.0)])
    scaling = _scaling.fit(kind, features)
    assert scaling.scale[0] == 1.0
    np.testing.assert_allclose(_scaling.apply(scaling, features)[:, 0], 0, atol=1e-12)


def test_pixel_scaling_maps_the_global_range_of_the_given_rows():
    images = np.array([[[[4, 8]]], [[[12, 6]]]], dtype=np.uint8)
    scaled = _scaling.apply(_scaling.fit("pixel", images), np.array([[[[4, 12]]], [[[8, 20]]]], dtype=np.uint8))
    np.testing.assert_array_equal(scaled.ravel(), [0, 1, 0.5, 2])


def test_pixel_scaling_of_a_constant_image_divides_by_one():
    scaled = _scaling.apply(
        _scaling.fit("pixel", np.full((2, 1, 2, 2), 7, np.uint8)), np.full((1, 1, 2, 2), 9, np.uint8)
    )
    np.testing.assert_array_equal(scaled, np.full((1, 1, 2, 2), 2))


def test_no_scaling_changes_only_the_type():
    scaled = _scaling.apply(_scaling.fit("none", WINE), WINE)
    np.testing.assert_array_equal(scaled, WINE.astype(np.float32))


@pytest.mark.parametrize("kind", [kind for kind in _scaling.KINDS if kind != "quantile"])
def test_scaled_features_are_contiguous_float32_of_the_same_shape(kind):
    images = np.random.default_rng(0).integers(0, 255, (2 * _scaling.BLOCK_ROWS + 5, 1, 2, 3), dtype=np.uint8)
    scaling = _scaling.fit(kind, images)
    scaled = _scaling.apply(scaling, images)
    assert (scaled.dtype, scaled.shape, scaled.flags.c_contiguous) == (np.float32, images.shape, True)
    assert scaling.shift.dtype == scaling.scale.dtype == np.float64
    np.testing.assert_allclose(scaled, (images - scaling.shift) / scaling.scale, rtol=1e-6)  # blocks leave no seam


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"data\.scaling=standart is unknown\. Did you mean 'standard'\?"):
        _scaling.fit("standart", WINE)


def test_channels_are_scaled_exactly_however_many_images_there_are(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 5, 7)).astype(np.uint8)
    images[:, 2] = 9
    monkeypatch.setattr(_scaling, "BLOCK_IMAGES", 8)
    scaling = _scaling.fit("channel", images)
    assert scaling.shift.shape == scaling.scale.shape == (3, 1, 1)
    np.testing.assert_allclose(scaling.shift.ravel(), images.mean((0, 2, 3)))
    np.testing.assert_allclose(scaling.scale.ravel(), [*images[:, :2].std((0, 2, 3)), 1.0])


def test_a_table_has_no_channels():
    with pytest.raises(ConfigError, match=r"^data\.scaling=channel is for images, tables have none\. Choose data"):
        _scaling.fit("channel", np.ones((4, 3)))


@pytest.mark.parametrize("rows", [60, 3000])
def test_quantile_scaling_equals_scikit_learns(rows):
    draw = np.random.default_rng(0)
    train, new = (np.exp(draw.normal(size=(rows, 3))) for _ in range(2))
    for features in (train, new):
        features[:, 2] = np.clip(features[:, 2].round(1), 0.25, 4)  # values of many rows
    train[:2, 2] = 0, 9
    theirs = QuantileTransformer(n_quantiles=min(rows, 1000), output_distribution="normal", subsample=None)
    ours = _scaling.apply(_scaling.fit("quantile", train), new)
    np.testing.assert_allclose(ours, theirs.fit(train).transform(new), rtol=0, atol=2e-6)


def test_a_value_of_many_rows_lies_in_their_middle_also_at_the_ends():
    features = np.repeat([0.0, 1.0], 500)[:, np.newaxis]
    scaled = _scaling.apply(_scaling.fit("quantile", features), features)
    np.testing.assert_allclose(scaled[[0, 999], 0], [-0.674, 0.674], atol=5e-3)
    assert not _scaling.apply(_scaling.fit("quantile", np.full((9, 1), 0.1)), np.full((3, 1), 0.1)).any()


def test_a_served_network_sees_the_same_numbers_of_quantiles():
    draw = np.random.default_rng(1)
    rows = np.column_stack([draw.normal(size=(200, 3)), draw.integers(0, 5, 200)])
    rows[::7, 1] = np.nan
    scaling = _scaling.without(_scaling.for_table("quantile", rows, codes=[3]), [2], (4,))
    named = {name: from_numpy(array) for name, array in vars(scaling).items()}
    served = Scaled(network=nn.Identity(), **named)
    scaled = _scaling.apply(scaling, rows)
    np.testing.assert_array_equal(served(from_numpy(rows)).numpy(), scaled)
    np.testing.assert_array_equal(scaled[:, 3], rows[:, 3])
    assert not scaled[:, 2].any() and not scaled[::7, 1].any()
    middle = np.where(np.isnan(rows), served.middle.numpy(), rows)
    np.testing.assert_allclose(_scaling.apply(scaling, middle), scaled, atol=1e-6)


def test_quantiles_are_for_tables():
    with pytest.raises(ConfigError, match=r"data\.scaling=quantile is for tables"):
        _scaling.fit("quantile", np.zeros((3, 1, 2, 2)))
