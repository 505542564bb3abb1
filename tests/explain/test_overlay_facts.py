from typing import Any

import numpy as np
import pytest
from linear_members import Linear

from eksplora.explain.facts import Facts
from eksplora.explain.overlay_facts import overlay_facts
from eksplora.records.explain import OverlayRecord
from eksplora.records.record import from_json, to_json

CLASSES = ["Hemd", "シャツ", "T-shirt"]


def facts(
    rows: int = 3, channels: int = 1, members: int = 2, num_outputs: int = 3, **changes: Any
) -> Facts[list[OverlayRecord]]:
    images = np.random.default_rng(0).integers(256, size=(rows, channels, 8, 6)).astype(np.float32)
    images[0, :, 0, 0], images[0, :, 0, 1] = 0, 255
    given: dict[str, Any] = {
        "images": images,
        "numbers": np.arange(rows) + 40,
        "actual": np.arange(rows) % 3,
        "members": members,
        "classes": CLASSES,
        "baseline": np.zeros((channels, 8, 6)),
        "pixel_range": (0, 255),
        "steps": 5,
    }
    networks = Linear(members, channels * 48, num_outputs)
    networks.weight /= 1000
    return overlay_facts(networks, **(given | changes))


@pytest.mark.parametrize(("channels", "shape"), [(1, (8, 6)), (3, (8, 6, 3)), (2, (8, 6))])
def test_each_image_has_its_overlays_in_json(channels: int, shape: tuple[int, ...]) -> None:
    found = facts(channels=channels)
    images = [from_json(to_json(one), OverlayRecord, source="it", way_out="") for one in found.facts]
    assert images == found.facts
    assert [image.row for image in images] == [40, 41, 42]
    for image in images:
        assert np.shape(image.image) == shape
        assert 0 <= np.min(image.image) <= np.max(image.image) <= 1
        for overlay in (image.gradients, image.occlusion):
            assert np.shape(overlay) == (8, 6)
            assert np.abs(overlay).max() == 1
        assert image.occlusion_window == 2
    assert images[0].image[0][0] in (0, [0, 0, 0])
    assert images[0].image[0][1] in (1, [1, 1, 1])
    assert list(found.seconds) == ["overlay_gradients", "overlay_occlusion"]


def test_images_are_named_and_predicted_by_the_mean_probability() -> None:
    images = facts().facts
    networks = Linear(2, 48, 3)
    pixels = np.random.default_rng(0).integers(256, size=(3, 1, 8, 6)).astype(np.float32)
    pixels[0, :, 0, 0], pixels[0, :, 0, 1] = 0, 255
    scores = pixels.reshape(3, 48) @ (networks.weight / 1000).numpy() + networks.bias.numpy()
    shares = np.exp(scores) / np.exp(scores).sum(2, keepdims=True)
    together = shares.mean(0)
    assert [image.actual for image in images] == CLASSES
    assert [image.predicted for image in images] == [CLASSES[place] for place in together.argmax(1)]
    assert [image.probability for image in images] == pytest.approx(together.max(1).tolist())


def test_two_classes_may_have_one_output() -> None:
    images = facts(num_outputs=1, classes=["no", "yes"], actual=[0, 1, 0]).facts
    assert [image.actual for image in images] == ["no", "yes", "no"]
    assert all(image.probability >= 0.5 for image in images)


def test_numbers_have_no_probability() -> None:
    image = facts(num_outputs=1, classes=None, actual=np.array([[1.5], [2.0], [3.0]])).facts[0]
    assert (image.actual, image.probability) == ("1.5", None)
    assert np.isfinite(float(image.predicted))


def test_one_member_and_at_most_twelve_images() -> None:
    assert len(facts(rows=20, members=1).facts) == 12


def test_the_same_images_have_the_same_overlays() -> None:
    assert facts().facts == facts().facts


def test_of_a_single_output_the_overlays_speak_for_the_class_that_was_said() -> None:
    """The output is the log-odds of the second class: what speaks for the first has the other sign."""
    images = np.ones((2, 1, 8, 6), dtype=np.float32)
    images[1] *= 9
    networks = Linear(1, 48, 1)
    networks.weight[:], networks.bias[:] = 1.0, -100.0  # 48 - 100, and 432 - 100
    empty = np.zeros((1, 8, 6))
    found = overlay_facts(
        networks, images=images, numbers=[0, 1], actual=[0, 1], members=1, classes=["no", "yes"], baseline=empty,
        pixel_range=(0, 9), steps=5,
    )  # fmt: skip
    assert [one.predicted for one in found.facts] == ["no", "yes"]
    for name in ("gradients", "occlusion"):
        assert [np.mean(getattr(one, name)) > 0 for one in found.facts] == [False, True]
