"""Measurement of a folder of images: seconds and memory of its preparation, and seconds of the second look.

.venv/bin/python -m benchmarks.images --images 50000
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

PREPARE = Path(__file__).parents[1] / "pipelines/prepare.py"
CLASSES = 10
SIDE = 32
RUNS = 3
"""Second looks, of which the median counts."""


def main() -> None:
    """Make the images, prepare them, look again, and print the seconds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=50_000, help="PNG files of 32x32 pixels in ten classes")
    parser.add_argument("--folder", type=Path, help="where they are made, and kept; else a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / "photos").exists():
            print(f"making {given.images} images: {_timed(lambda: make(folder / 'photos', given.images)):.1f} s")
        print(f"first look and preparation: {prepare(folder)}")
        for _ in range(RUNS):
            print(f"second look: {prepare(folder)}")


def make(folder: Path, count: int) -> None:
    """Images of smooth colours and some noise, in a folder per class."""
    rng = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"class_{number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BILINEAR)).astype(np.int16)
        noisy = (smooth + rng.integers(-8, 8, smooth.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(place / f"{number:06}.png")


def prepare(folder: Path) -> str:
    """Seconds, seconds of processors and peak memory of the command `prepare`."""
    command = [sys.executable, str(PREPARE), "data.path=photos"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = _timed(lambda: subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{seconds:.1f} s, {used:.1f} s of processors, at most {after.ru_maxrss >> 10} MiB so far"


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
