"""All images of a folder or list as one array of pixels on disk, decoded once and in parallel."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eksplora.images.card import PixelRule
from eksplora.images.decoding import UnusableError, decode
from eksplora.images.seen import in_parallel


def decode_all(
    folder: Path, names: Sequence[str], rule: PixelRule, target: Path
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """Decode images into a file; no more of them are in memory than are being decoded.

    Args:
        folder: What the names are relative to.
        names: The files, in the order of the rows.
        rule: How each is read.
        target: The file of the array (npy); its folder is there.

    Returns:
        A memory map (rows, channels, height, width) uint8, and why a row could not be read, by its number; it is black.

    Raises:
        OSError: The file cannot be written.
    """
    shape = (len(names), *rule.shape)
    with target.open("wb") as file:  # the space is taken now: of a full disk a map would hear by a signal that kills
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(file, header)
        start = file.tell()
        os.posix_fallocate(file.fileno(), 0, start + int(np.prod(shape)))
    pixels = np.memmap(target, dtype=np.uint8, mode="r+", offset=start, shape=shape)

    def read(row: int) -> str:
        try:
            pixels[row] = decode(folder / names[row], rule)
        except UnusableError as error:
            return str(error)
        return ""

    problems = dict(enumerate(in_parallel(read, range(len(names)))))
    return pixels, {row: problem for row, problem in problems.items() if problem}
