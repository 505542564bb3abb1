"""Pictures of pixels as inline data."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LARGEST = 96
"""Pixels of a side that a page holds: sixty pictures keep it small."""

_FOR, _AGAINST = np.array([213, 94, 0]), np.array([0, 114, 178])  # vermilion and blue of Okabe and Ito


def picture(pixels: Sequence[Any], *, scale: float = 1.0) -> str:
    """An image as a data URI.

    Args:
        pixels: (height, width) of grey or (height, width, 3) of red, green and blue.
        scale: What makes 0 to 255 of them.
    """
    return _uri(_shades(pixels, scale))


def overlay(pixels: Sequence[Any], weights: Sequence[Sequence[float]], *, scale: float = 255.0) -> str:
    """An image in pale grey, coloured where it matters: vermilion supports the prediction, blue contradicts it.

    Args:
        pixels: As `picture`.
        weights: (height, width) in [-1, 1].
        scale: As `picture`.
    """
    shades = _shades(pixels, scale).astype(float)
    grey = (shades.mean(2) if shades.ndim == 3 else shades)[:, :, None] * 0.5 + 96  # pale, so that colours stand out
    weight = np.asarray(weights, dtype=float)[:, :, None]
    mixed = (1 - abs(weight)) * grey + abs(weight) * np.where(weight > 0, _FOR, _AGAINST)
    return _uri(mixed.round().astype(np.uint8))


def _shades(pixels: Sequence[Any], scale: float) -> NDArray[np.uint8]:
    return (np.asarray(pixels, dtype=float) * scale).round().clip(0, 255).astype(np.uint8)


def _uri(shades: NDArray[np.uint8]) -> str:
    image = Image.fromarray(shades)
    if max(image.size) > LARGEST:
        image.thumbnail((LARGEST, LARGEST))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
