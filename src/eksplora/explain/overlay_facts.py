"""Pixels of images that support the prediction of networks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from eksplora.explain._members import Outputs, evaluated, explained_output, probabilities
from eksplora.explain.facts import Facts, clock, listed, tensor
from eksplora.explain.overlay import gradient_overlay, occlusion_overlay, window_of
from eksplora.records.explain import OverlayRecord

MOST_IMAGES = 12


def overlay_facts(
    outputs: Outputs,
    *,
    images: NDArray[Any],
    numbers: Sequence[int],
    actual: Sequence[Any],
    members: int,
    classes: Sequence[str] | None,
    baseline: NDArray[Any],
    pixel_range: tuple[float, float],
    steps: int = 50,
) -> Facts[list[OverlayRecord]]:
    """Integrated gradients and occlusion of images, the first 12.

    Args:
        outputs: The networks.
        images: Raw, (rows, channels, height, width).
        numbers: Row numbers of these images.
        actual: Their class numbers, or targets.
        members: How many networks there are.
        classes: Names of the classes; None for numbers.
        baseline: (channels, height, width): an image that shows nothing, such as a black one.
        pixel_range: What is black and what is white in the images.
        steps: Of integrated gradients.
    """
    seconds = dict[str, float]()
    shown, empty = tensor(images[:MOST_IMAGES]), tensor(baseline)
    found = evaluated(outputs, shown, members)
    explained = explained_output(found, is_classes=classes is not None)
    window = window_of(*shown.shape[2:])
    with clock(seconds, "overlay_gradients"):
        gradients = gradient_overlay(outputs, shown, empty, explained, members=members, steps=steps)
    with clock(seconds, "overlay_occlusion"):
        occlusion = occlusion_overlay(outputs, shown, empty, explained, members=members, window=window)
    if classes is not None and found.shape[2] == 1:  # explained is the score of the second class, whatever was said
        sign = np.where(probabilities(found.double()).argmax(1).numpy() == 1, 1.0, -1.0)[:, None, None]
        gradients, occlusion = sign * gradients, sign * occlusion
    said = _said(found, actual, classes)
    pictures = _pictures(shown.numpy(), pixel_range)
    facts = [
        OverlayRecord(
            row=int(number),
            **words,
            image=listed(picture),
            gradients=listed(gradient),
            occlusion=listed(covered),
            occlusion_window=window,
        )
        for number, words, picture, gradient, covered in zip(
            numbers, said, pictures, gradients, occlusion, strict=False
        )
    ]
    return Facts(facts, seconds)


def _said(outputs: Tensor, actual: Sequence[Any], classes: Sequence[str] | None) -> list[dict[str, Any]]:
    """Description of each image, and the members' joint prediction."""
    if classes is None:
        predicted = outputs.mean(0)[:, 0].tolist()
        return [
            {"actual": f"{float(np.ravel(target)[0]):.4g}", "predicted": f"{number:.4g}", "probability": None}
            for target, number in zip(actual, predicted, strict=False)
        ]
    together = probabilities(outputs.double()).max(1)
    return [
        {"actual": classes[int(target)], "predicted": classes[place], "probability": probability}
        for target, place, probability in zip(actual, together.indices.tolist(), together.values.tolist(), strict=False)
    ]


def _pictures(images: NDArray[Any], pixel_range: tuple[float, float]) -> NDArray[np.float64]:
    """Images (rows, height, width, 3), or the mean of another number of channels, (rows, height, width); in [0, 1]."""
    black, white = pixel_range
    scaled = ((images - black) / (white - black)).clip(0, 1)
    if images.shape[1] == 3:
        return np.moveaxis(scaled, 1, 3)
    mean: NDArray[np.float64] = scaled.mean(1)
    return mean
