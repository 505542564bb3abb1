"""Near-duplicates: what is saved again, made smaller or brighter is found; what only looks similar is not."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from picturing import picture
from PIL import Image

from eksplora.images import duplicates
from eksplora.images.duplicates import near_duplicates


def photos(count: int, side: int = 32, first: int = 0) -> NDArray[np.uint8]:
    """Smooth pictures, (rows, 3, side, side)."""
    return np.stack([picture(first + seed, side, side).transpose(2, 0, 1) for seed in range(count)])


def as_jpeg(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(stream, "JPEG", quality=75)
    with Image.open(stream) as read:
        return np.asarray(read).transpose(2, 0, 1)


def resized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    small = Image.fromarray(image.transpose(1, 2, 0)).resize((24, 24), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((32, 32), Image.Resampling.BICUBIC)).transpose(2, 0, 1)


def brighter(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (image * 0.8 + 30).astype(np.uint8)


@pytest.mark.parametrize("change", [np.array, as_jpeg, resized, brighter])
def test_an_image_in_another_form_is_of_its_group(change: object) -> None:
    images = photos(40)
    changed = np.stack([change(image) for image in images[:10]])  # type: ignore[operator]
    groups = near_duplicates(np.concatenate([images, changed])).groups
    assert groups.tolist() == [*range(40), *range(10)]


def test_noise_around_one_shape_and_other_colours_are_no_duplicates() -> None:
    shape = np.zeros((1, 3, 32, 32))
    shape[:, :, 8:24, 8:24] = 200
    noise = np.random.default_rng(0).normal(0, 40, (20, 3, 32, 32))
    noisy = (shape + noise).clip(0, 255).astype(np.uint8)
    colours = np.zeros((3, 3, 32, 32), dtype=np.uint8)
    for channel in range(3):
        colours[channel, channel, 8:24, 8:24] = 200
    groups = near_duplicates(np.concatenate([noisy, colours])).groups
    assert groups.tolist() == list(range(23))


def test_images_without_contrast_are_alike_only_where_they_are_equal() -> None:
    images = np.stack([np.full((1, 8, 8), value, dtype=np.uint8) for value in (0, 9, 0, 9, 200)])
    assert near_duplicates(images).groups.tolist() == [0, 1, 0, 1, 4]


@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 13, 9), (1, 1, 40)])
def test_images_of_odd_sizes_are_compared(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, *shape), dtype=np.uint8)
    again = images[3:4].copy()
    again[0, 0, 0, 0] ^= 1
    assert near_duplicates(np.concatenate([images, again])).groups.tolist() == [*range(20), 3]


def test_pairs_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    images = photos(30)
    wanted = near_duplicates(np.concatenate([images, images[::-1]])).groups
    monkeypatch.setattr(duplicates, "BLOCK", 7)
    found = near_duplicates(np.concatenate([images, images[::-1]])).groups
    assert found.tolist() == wanted.tolist() == [*range(30), *reversed(range(30))]


@pytest.mark.parametrize(("name", "message"), [("MOST_COMPARED", "too many to compare"), ("MOST_PAIRS", "too much")])
def test_where_too_much_would_be_compared_equal_images_are_found(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = photos(6)
    images = np.concatenate([images, images[:1], np.stack([brighter(image) for image in images])])
    monkeypatch.setattr(duplicates, name, 3)
    found = near_duplicates(images)
    assert message in found.note
    assert found.groups.tolist() == [*range(6), 0, *range(7, 13)]


def test_one_image_is_alone() -> None:
    assert near_duplicates(photos(1)).groups.tolist() == [0]
