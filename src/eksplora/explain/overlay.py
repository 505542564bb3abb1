"""Pixels of an image that support the networks' joint prediction, and those that contradict it.

Shapes: images (rows, channels, height, width), overlays (rows, height, width).
"""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.explain._members import Outputs, expanded, rows_at_once
from eksplora.explain.attribution import integrated_gradients


def gradient_overlay(
    outputs: Outputs, images: Tensor, baseline: Tensor, explained: Tensor, *, members: int, steps: int
) -> NDArray[np.float64]:
    """Integrated gradients (see `integrated_gradients`), mean over members, summed over channels, scaled per image.

    Args:
        outputs: The networks.
        images: Raw, (rows, channels, height, width).
        baseline: (channels, height, width): an image that shows nothing, such as a black one.
        explained: Which output of each image, (rows,) int64.
        members: How many networks there are.
        steps: Of the integral.

    Returns:
        (rows, height, width) in [-1, 1]: the largest magnitude of each image is 1; 0 everywhere if nothing matters.
    """
    values = integrated_gradients(outputs, images, baseline, explained, members=members, steps=steps)
    return _scaled(values.mean(0).sum(1))


def occlusion_overlay(
    outputs: Outputs, images: Tensor, baseline: Tensor, explained: Tensor, *, members: int, window: int
) -> NDArray[np.float64]:
    """Fall of the members' mean output when a window of the image is covered; mean of a pixel's windows.

    Windows lie half of their side apart. Source: Zeiler and Fergus, "Visualizing and understanding convolutional
    networks", ECCV 2014, section 4.2; computed by `captum.attr.Occlusion`.

    Args:
        outputs: The networks.
        images: Raw, (rows, channels, height, width).
        baseline: (channels, height, width), what the window is covered with.
        explained: Which output of each image, (rows,) int64.
        members: How many networks there are.
        window: Pixels a side; see `window_of`.

    Returns:
        (rows, height, width) in [-1, 1], scaled as `gradient_overlay`.
    """
    from captum.attr import Occlusion

    method = Occlusion(partial(_mean_over_members, outputs, members))
    channels, stride = images.shape[1], max(1, window // 2)
    size = rows_at_once(members, images.shape[1:])
    found = [
        method.attribute(
            block,
            sliding_window_shapes=(channels, window, window),
            strides=(channels, stride, stride),
            baselines=baseline.unsqueeze(0),
            additional_forward_args=(chosen,),
            perturbations_per_eval=max(1, size // len(block)),
        )
        for block, chosen in zip(torch.split(images, size), torch.split(explained, size), strict=True)
    ]
    return _scaled(torch.cat(found).double().sum(1).numpy())


def window_of(height: int, width: int) -> int:
    """A quarter of the shorter side, at least one pixel.

    Examples:
        >>> window_of(28, 28), window_of(8, 8), window_of(1, 5)
        (7, 2, 1)
    """
    return max(1, round(min(height, width) / 4))


def _mean_over_members(outputs: Outputs, members: int, images: Tensor, explained: Tensor) -> Tensor:
    """The explained output of each image, (rows,)."""
    return outputs(expanded(images, members)).mean(0).gather(1, explained.unsqueeze(1)).squeeze(1)


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each image (height, width) divided by its largest magnitude."""
    largest = np.abs(values).max(axis=(1, 2), keepdims=True)
    scaled: NDArray[np.float64] = values / np.where(largest > 0, largest, 1)
    return scaled
