import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from eksplora.data import _scaling
from eksplora.errors import ConfigError

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


@pytest.mark.parametrize("kind", list(_scaling.KINDS))
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
