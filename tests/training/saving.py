"""A process that saves checkpoints in a loop until it is killed: `python saving.py FOLDER` prints each saved step."""

import sys
from pathlib import Path

import torch

from eksplora.training import checkpoint


def state(step: int) -> dict[str, object]:
    """A state of 400 kB whose every number tells its step."""
    return {"step": step, "weights": torch.full((100_000,), float(step))}


if __name__ == "__main__":
    step = 0
    while True:
        step += 1
        checkpoint.save(Path(sys.argv[1]), state(step), config_hash="config")
        print(step, flush=True)
