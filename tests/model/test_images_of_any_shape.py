"""Networks for images of `conf/model`: any height, width and number of channels, or one line with the way out."""

from typing import Any

import pytest
import torch

from eksplora.config import choices, compose_request
from eksplora.config.parts import part
from eksplora.errors import ConfigError

NETWORKS = [name for name in choices("model") if name.startswith("cnn")]
SHAPES = [(3, 37, 53), (4, 9, 8)]


def network(name: str, shape: tuple[int, ...]) -> Any:
    words = ["experiment=digits_cnn", f"model={name}", "space=none", f"data.input_shape={list(shape)}"]
    return part(compose_request("train", words).config, "model")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_images_of_odd_shapes_become_scores(name: str, shape: tuple[int, ...]) -> None:
    built = network(name, shape)
    scores = built(torch.rand(2, *shape))
    assert scores.shape == (2, 10) and torch.isfinite(scores).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_images_without_room_for_a_window_are_refused_with_the_way_out(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^model\..*\. Give .*\.$"):
        network(name, (3, 1, 1))
