"""Small pictures for tests: folders with a folder per class, of images that do not look alike."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def picture(seed: int, height: int = 12, width: int = 16, channels: int = 3) -> NDArray[np.uint8]:
    """An image of smooth colours, (height, width, 3) or (height, width); another one for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image if channels == 3 else image.convert("L"))


def save(path: Path, seed: int, *, height: int = 12, width: int = 16, channels: int = 3) -> Path:
    """An image file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed, height, width, channels)).save(path)
    return path


def folder_of(folder: Path, classes: Mapping[str, int], *, first: int = 0, **shape: int) -> Path:
    """A folder with so many images in the folder of each class."""
    for name, count in classes.items():
        for number in range(count):
            save(folder / name / f"{number:03}.png", first, **shape)
            first += 1
    return folder
