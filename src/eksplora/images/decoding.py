"""One image file as pixels: looked at before it is decoded, decoded no larger than is needed, brought to one size.

Sizes are (width, height) as Pillow has them, arrays (channels, height, width).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from eksplora.images.card import PixelRule

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""Names of image files that are read."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
"""Allowed image formats, whatever a file's name says: Pillow would hand a PostScript file to another program."""

MOST_PIXELS = 50_000_000
"""Pixels of a decoded image: 200 MB. A JPEG file may have more, since it is decoded at an eighth of its size."""

GREY_MODES = ("1", "L", "LA", "La")
ORIENTATION = 0x0112  # EXIF's tag; from 5 on, an image lies on its side


class UnusableError(Exception):
    """The reason for which an image is not read, as the end of a sentence about its file."""


@contextmanager
def opened(file: Path | IO[bytes]) -> Iterator[Any]:
    """An image, not decoded yet.

    Raises:
        UnusableError: It is no image that is read, it is damaged, or something is uncertain about its pixels.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as image:
            yield image
    except UnusableError:
        raise
    except Image.DecompressionBombError:
        raise UnusableError("has more pixels than are read. Make it smaller") from None
    except Exception as error:  # of a damaged file: Pillow's decoders each have their own
        reason = " ".join(str(error).split())
        reason = "it is none of these kinds" if "cannot identify" in reason else reason
        raise UnusableError(f"cannot be read ({reason}). Give a PNG, JPEG, BMP, GIF, TIFF or WebP file") from None


def check_header(image: Any) -> None:
    """Refuse what can be refused before an image is decoded.

    Raises:
        UnusableError: It has several frames, more than 8 bits a channel, or too many pixels.
    """
    if image.format != "MPO" and (frames := getattr(image, "n_frames", 1)) > 1:  # MPO: a photo, and its preview
        raise UnusableError(f"is a sequence of {frames} images. Save the one that is meant")
    if image.mode.startswith(("I", "F")) or _has_deep_pixels(image):
        raise UnusableError("has more than 8 bits a pixel, which would be cut off. Save it with 8")
    width, height = image.size
    shrinks = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    if width * height > MOST_PIXELS * (64 if shrinks else 1):
        raise UnusableError(f"has {width}x{height} pixels, more than are read. Make it smaller")


def is_grey(image: Any) -> bool:
    """Whether an image has no colours, by its header."""
    if image.mode == "P" and image.palette is not None:
        colours = np.asarray(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())
    return image.mode in GREY_MODES


def upright_size(image: Any) -> tuple[int, int]:
    """The size of an image once it is turned as its camera was held; by its header."""
    width, height = image.size
    # Pillow has turned a TIFF file's size already, and would decode a PNG file to look behind its pixels
    lies = image.format not in ("TIFF", "PNG") and image.getexif().get(ORIENTATION, 1) >= 5
    return (height, width) if lies else (width, height)


def decode(file: Path | IO[bytes], rule: PixelRule) -> NDArray[np.uint8]:
    """The pixels of an image by a rule, (channels, height, width) uint8; one that has the size already is as it is.

    Where the model takes grey images, colours count by their luminance (ITU-R 601-2).

    Raises:
        UnusableError: See `opened` and `check_header`; or it is transparent in places.
    """
    with opened(file) as image:
        check_header(image)
        _shrink(image, rule)
        if image.has_transparency_data and np.asarray(image.convert("RGBA"))[:, :, 3].min() < 255:
            raise UnusableError("is transparent in places. Save it on the background that is meant")
        pixels = np.asarray(_fitted(_upright(image), rule))
        return pixels[np.newaxis] if rule.channels == 1 else pixels.transpose(2, 0, 1)


def _shrink(image: Any, rule: PixelRule) -> None:
    """Have a JPEG file decoded at an eighth, a quarter or half of its size where that is twice what is needed.

    Raises:
        UnusableError: It would still be too large.
    """
    width, height = upright_size(image)
    side = 2 * _least_side(width, height, rule)
    image.draft(None, (side, side))
    if image.size[0] * image.size[1] > MOST_PIXELS:
        raise UnusableError(f"has {width}x{height} pixels, more than are read. Make it smaller")


def _upright(image: Any) -> Any:
    """The image as its camera was held."""
    from PIL import ImageOps

    return image if image.getexif().get(ORIENTATION, 1) == 1 else ImageOps.exif_transpose(image)


def _fitted(image: Any, rule: PixelRule) -> Any:
    """The image in the channels and the size of a rule: smooth where it is made smaller (every pixel counts)."""
    from PIL import Image

    image = image.convert("L" if rule.channels == 1 else "RGB")
    size = (rule.width, rule.height)
    if image.size == size:
        return image
    width, height = image.size
    if rule.fit == "pad":
        scale = min(rule.width / width, rule.height / height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        page = Image.new(image.mode, size)  # black
        page.paste(
            image.resize(inner, Image.Resampling.BILINEAR, reducing_gap=3.0),
            ((rule.width - inner[0]) // 2, (rule.height - inner[1]) // 2),
        )
        return page
    box = (0.0, 0.0, float(width), float(height))
    if rule.fit == "crop":
        scale = min(width / rule.width, height / rule.height)
        left, top = (width - rule.width * scale) / 2, (height - rule.height * scale) / 2
        box = (max(0.0, left), max(0.0, top), min(width, width - left), min(height, height - top))
    return image.resize(size, Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)


def _least_side(width: int, height: int, rule: PixelRule) -> int:
    """The shorter side of an image of which nothing that the rule asks for would have to be enlarged."""
    across, down = rule.width / width, rule.height / height
    scale = min(across, down) if rule.fit == "pad" else max(across, down)
    return max(1, round(min(width, height) * scale))


def _has_deep_pixels(image: Any) -> bool:
    """Whether colours of 16 bits would become 8 without a word: Pillow shows that in how it means to decode."""
    if image.format not in ("PNG", "TIFF"):
        return False
    ways = [tile[3] for tile in image.tile]
    return any(";16" in str(way if isinstance(way, str) else way[0]) for way in ways)
