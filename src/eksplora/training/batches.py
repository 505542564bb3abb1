"""Data order: which rows each step sees, as a function of (member seed, epoch)."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.counter import derive

CHUNK_STEPS = 64
"""Steps in one Lightning batch. The stock loop costs about 2 ms a batch; 64 steps make that invisible, and a chunk of
the largest reference network still ends within a second, so that a request to stop is heard soon."""


def epoch_order(rows: NDArray[np.int64], seed: int, epoch: int) -> Tensor:
    """The rows in the order of one epoch (counted from 0)."""
    # numpy promises PCG64's raw stream for ever, but not what Generator.permutation makes of it.
    keys = np.random.PCG64(derive(seed, "order", epoch)).random_raw(len(rows))
    return torch.from_numpy(rows[np.argsort(keys, kind="stable")])


class TrainingChunks:
    """Iterable of chunks; a chunk is a tuple of index tensors, one per step, the last of an epoch as short as it is.

    A chunk holds `CHUNK_STEPS` steps. Each pass over the object is one epoch: `position()` says which, and how many of
    its chunks are already done. It has no length on purpose: Lightning would ask once, and after a resumption inside an
    epoch cut every later epoch to the length of that rest.
    """

    def __init__(
        self, rows: NDArray[np.int64], *, seed: int, batch_size: int, position: Callable[[], tuple[int, int]]
    ) -> None:
        """Chunks of `rows` (row numbers) for the member with `seed`."""
        self._rows, self._seed, self._batch_size, self._position = rows, seed, batch_size, position
        steps = -(-len(rows) // batch_size)
        self.num_chunks = -(-steps // CHUNK_STEPS)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """The remaining chunks of the present epoch."""
        epoch, done = self._position()
        batches = torch.split(epoch_order(self._rows, self._seed, epoch), self._batch_size)
        for first in range(done * CHUNK_STEPS, len(batches), CHUNK_STEPS):
            yield batches[first : first + CHUNK_STEPS]


class EvaluationChunks:
    """Iterable of index tensors: the rows in their order, cut into blocks that one forward pass takes."""

    def __init__(self, rows: NDArray[np.int64], *, size: int = 4096) -> None:
        """Blocks of at most `size` of the `rows`."""
        self._blocks = torch.split(torch.from_numpy(rows), size)

    def __len__(self) -> int:
        """Number of blocks."""
        return len(self._blocks)

    def __iter__(self) -> Iterator[Tensor]:
        """The blocks."""
        return iter(self._blocks)
