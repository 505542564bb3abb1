import base64
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from eksplora.drawing.picture import LARGEST, overlay, picture


def pixels(uri: str) -> NDArray[np.uint8]:
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.array(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_a_picture_has_the_pixels_of_the_image(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape)
    np.testing.assert_array_equal(pixels(picture(image.tolist())), image)


def test_fractions_are_scaled_and_what_is_out_of_range_is_clipped() -> None:
    assert pixels(picture([[0.0, 0.5, 1.0, 1.2, -0.1]], scale=255.0)).tolist() == [[0, 128, 255, 255, 0]]


def test_a_large_image_is_made_smaller() -> None:
    assert pixels(picture(np.zeros((400, 200)).tolist())).shape == (LARGEST, LARGEST // 2)


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 3)])
def test_an_overlay_is_vermilion_for_blue_against_and_grey_where_nothing_matters(shape: tuple[int, ...]) -> None:
    shown = pixels(overlay(np.zeros(shape).tolist(), [[1.0, -1.0, 0.0]]))
    assert shown.tolist() == [[[213, 94, 0], [0, 114, 178], [96, 96, 96]]]
