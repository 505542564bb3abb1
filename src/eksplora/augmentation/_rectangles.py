"""Rectangles in images, to be erased or exchanged."""

from math import log

import numpy as np
import torch
from torch import Tensor

from eksplora.augmentation._draws import LEVELS, Quantiles

Rectangle = tuple[Tensor, Tensor, Tensor, Tensor]
"""First row, row behind the last, first column, column behind the last: int64, all of one shape."""

RATIOS = Quantiles(np.exp(log(0.3) + (log(3.3) - log(0.3)) * LEVELS))
"""Height over width, log-uniform. Source: Zhong et al., section 5.1: r1 = 0.3, r2 = 1 / r1."""


def inside(height: int, width: int, rectangle: Rectangle) -> Tensor:
    """Whether each pixel is in the rectangle: (..., height, width)."""
    top, bottom, left, right = (end[..., None] for end in rectangle)
    rows, columns = (torch.arange(size, device=top.device) for size in (height, width))
    return ((rows >= top) & (rows < bottom))[..., :, None] & ((columns >= left) & (columns < right))[..., None, :]


def of_area(height: int, width: int, area: Tensor, ratio: Tensor, top: Tensor, left: Tensor) -> Rectangle:
    """Rectangles of a share of the image's area, up to the rounding of their sides, somewhere within it.

    Args:
        height: Pixels of the image.
        width: Pixels of the image.
        area: The share, above 0, at most 1.
        ratio: Draw of height over width; brought to what fits into the image.
        top: Draw of the place among those where the rectangle fits.
        left: The same.
    """
    longest, shortest = height / width / area, height / width * area
    ratio = torch.minimum(torch.maximum(RATIOS(ratio), shortest), longest)
    tall = (area * (height * width) * ratio).sqrt().round().long().clamp_(1, height)
    wide = (area * (height * width) / ratio).sqrt().round().long().clamp_(1, width)
    top, left = (top * (height - tall + 1)).long(), (left * (width - wide + 1)).long()
    return top, top + tall, left, left + wide


def around(height: int, width: int, area: Tensor, row: Tensor, column: Tensor) -> Rectangle:
    """Rectangles of the image's form with a share of its area around a pixel, cut off where the image ends.

    Source: `rand_bbox` of CutMix: half the sides are whole pixels.

    Args:
        height: Pixels of the image.
        width: Pixels of the image.
        area: The share, from 0 to 1.
        row: Draw of the pixel in the middle.
        column: The same.
    """
    ends: list[Tensor] = []
    for size, draw in ((height, row), (width, column)):
        middle, half = (draw * size).long(), (area.sqrt() * size).long() // 2
        ends += [(middle - half).clamp_(0, size), (middle + half).clamp_(0, size)]
    top, bottom, left, right = ends
    return top, bottom, left, right
