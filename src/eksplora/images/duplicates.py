"""Near-duplicates among images: the same picture, saved again, made smaller or brighter.

Two images are near-duplicates if the normalized cross-correlation of their pixels, over all channels together, is at
least 0.99; images without any contrast if they are equal. Source: Lewis, "Fast normalized cross-correlation", Vision
Interface 1995. Of all pairs only those are compared whose thumbnails of 8x8 grey pixels correlate by at least 0.995.

Difference hashes (dHash; Krawetz, "Kind of like that", hackerfactor.com, 2013) were tried first. On the 10 000 test
images of Fashion-MNIST, 7575 pairs have the same hash of 64 bits, 3021 of them of different classes, and an image that
was saved as JPEG of quality 75 has a distance of 11 (median): a dark background has no gradient to take bits from. By
correlation there are 12 pairs, all of the same class.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.99
"""Correlation of the pixels of near-duplicates, at least."""

ALIKE_THUMBS = 0.995
THUMB = 8
BLOCK = 2048  # images compared with others at a time

MOST_COMPARED = 200_000
"""Images up to which all pairs are compared, two minutes on two cores; of more, only equal ones are found."""

MOST_PAIRS = 500_000
"""Pairs of thumbnails that may correlate. Where there are more, as of drawings or scans that all look alike, only equal
images are found."""

Pixels = NDArray[np.uint8]
"""(rows, channels, height, width)."""


@dataclass(frozen=True)
class Duplicates:
    """Groups of near-duplicates.

    Attributes:
        groups: A number for each image, (rows,): near-duplicates, and theirs, have the same, that of their first.
        note: Why only equal images were looked for; empty where all pairs were compared.
    """

    groups: NDArray[np.int64]
    note: str = ""


def near_duplicates(pixels: Pixels) -> Duplicates:
    """The groups of near-duplicates among images."""
    equal = _equal(pixels)
    alone = np.flatnonzero(equal == np.arange(len(equal)))  # of equal images one is compared
    if len(alone) > MOST_COMPARED:
        return Duplicates(equal, f"{len(alone)} images are too many to compare in pairs: only equal ones were found.")
    pairs = list(itertools.islice(_pairs(pixels, alone), MOST_PAIRS + 1))
    if len(pairs) > MOST_PAIRS:
        return Duplicates(equal, "The images are too much alike to tell near-duplicates: only equal ones were found.")
    ones, others = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    alike = _confirmed(pixels, ones, others)
    return Duplicates(linked(len(pixels), [*enumerate(equal.tolist()), *zip(ones[alike], others[alike], strict=True)]))


def linked(count: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """A number for each of so many rows: rows that pairs link, through others too, have the same, that of the first.

    Examples:
        >>> linked(5, [(4, 1), (1, 3)]).tolist()
        [0, 1, 2, 1, 1]
    """
    first = list(range(count))

    def root(row: int) -> int:
        while first[row] != row:
            first[row] = first[first[row]]
            row = first[row]
        return row

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        first[high] = low
    return np.array([root(row) for row in range(count)], dtype=np.int64)


def _equal(pixels: Pixels) -> NDArray[np.int64]:
    """The number of the first image with the same pixels, for each image."""
    known: dict[bytes, int] = {}
    return np.array([known.setdefault(_digest(image), row) for row, image in enumerate(pixels)], dtype=np.int64)


def _digest(image: Pixels) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def _pairs(pixels: Pixels, rows: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Pairs of rows whose thumbnails correlate."""
    thumbs = np.concatenate([_normal(_thumbs(pixels[part])) for part in _blocks(rows)])
    for start in range(0, len(rows), BLOCK):
        block = thumbs[start : start + BLOCK]
        for ahead in range(start, len(rows), BLOCK):
            alike = block @ thumbs[ahead : ahead + BLOCK].T >= ALIKE_THUMBS
            alike = np.triu(alike, 1) if ahead == start else alike
            hits = np.flatnonzero(alike.any(1))  # few: places are looked for in their rows only
            ones, others = np.nonzero(alike[hits])
            yield from zip(rows[start + hits[ones]].tolist(), rows[ahead + others].tolist(), strict=True)


def _confirmed(pixels: Pixels, ones: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the pixels of pairs correlate."""
    blocks = [slice(start, start + BLOCK) for start in range(0, len(ones), BLOCK)]
    found = [(_normal(pixels[ones[block]]) * _normal(pixels[others[block]])).sum(1) >= ALIKE for block in blocks]
    return np.concatenate([np.empty(0, dtype=np.bool_), *found])


def _blocks(rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]


def _thumbs(pixels: Pixels) -> NDArray[Any]:
    """Means over an 8x8 grid of the grey images, or the grey images themselves where they are smaller."""
    grey: NDArray[Any] = pixels.mean(1, dtype=np.float32)  # (rows, height, width)
    for axis in (1, 2):
        side = grey.shape[axis]
        edges = np.linspace(0, side, min(THUMB, side) + 1).round().astype(int)
        shape = [1, 1, 1]
        shape[axis] = -1
        grey = np.add.reduceat(grey, edges[:-1], axis=axis) / np.diff(edges).reshape(shape).astype(np.float32)
    return grey


def _normal(images: NDArray[Any]) -> NDArray[np.float32]:
    """Images as rows of mean 0 and length 1; 0 where there is no contrast."""
    flat: NDArray[Any] = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    length = np.sqrt((flat**2).sum(1, keepdims=True))
    normal: NDArray[Any] = flat / np.where(length > 1e-3, length, np.inf)
    return normal
