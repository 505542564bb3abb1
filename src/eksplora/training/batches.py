"""Data order: which rows each step sees, as a function of (member seed, epoch)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.counter import derive
from eksplora.imbalance import drawn

CHUNK_STEPS = 64
"""Steps in one Lightning batch. The stock loop costs about 2 ms a batch; 64 steps make that invisible, and a chunk of
the largest reference network still ends within a second, so that a request to stop is heard soon."""

RowIndices = NDArray[np.int64]
"""Row numbers of a member, (rows,)."""


def epoch_order(rows: RowIndices, seed: int, epoch: int, probabilities: NDArray[np.float64] | None = None) -> Tensor:
    """The rows in the order of one epoch (counted from 0).

    Each once; or, where `probabilities` (one per row) are given, as many rows drawn with replacement.
    """
    if probabilities is not None:
        return torch.from_numpy(drawn(rows, probabilities, derive(seed, "draw", epoch)))
    # numpy promises PCG64's raw stream for ever, but not what Generator.permutation makes of it.
    keys = np.random.PCG64(derive(seed, "order", epoch)).random_raw(len(rows))
    return torch.from_numpy(rows[np.argsort(keys, kind="stable")])


@dataclass(frozen=True)
class BatchGroup:
    """Consecutive members of a step whose batches are equally long.

    Attributes:
        members: Their indices in the population.
        rows: Their row numbers, (members, rows).
    """

    members: slice
    rows: Tensor


Step = tuple[BatchGroup, ...]
"""All members, in their order; in most steps one group."""


@dataclass(frozen=True)
class Chunk:
    """Steps that one Lightning batch takes.

    Attributes:
        members: Who takes part: numbers of the population's members.
        steps: At most `CHUNK_STEPS`.
    """

    members: tuple[int, ...]
    steps: tuple[Step, ...]


class TrainingChunks:
    """Iterable of chunks; the last batch of an epoch is as short as it is.

    Each pass over the object is one epoch: `position()` says which members it has, which epoch it is, and how many of
    its chunks are already done. It has no length on purpose: Lightning would ask once, and after a resumption inside an
    epoch cut every later epoch to the length of that rest.
    """

    def __init__(
        self,
        rows: Sequence[RowIndices],
        seeds: Sequence[int],
        probabilities: Sequence[NDArray[np.float64] | None] | None = None,
        *,
        batch_size: int,
        position: Callable[[], tuple[Sequence[int], int, int]],
    ) -> None:
        """Chunks of each member's `rows` (row numbers); all members take equally many steps an epoch.

        `probabilities` says, per member, how rows are drawn (see `epoch_order`); none: each once an epoch.
        Members come with falling numbers of rows: those whose last batches are equally long stand together.
        """
        self._rows, self._seeds, self._batch_size, self._position = list(rows), list(seeds), batch_size, position
        self._probabilities = list(probabilities or [None] * len(self._rows))
        steps = {-(-len(member) // batch_size) for member in self._rows}
        assert len(steps) == 1, f"members with different numbers of steps: {steps}"
        self.num_steps = steps.pop()
        self.num_chunks = -(-self.num_steps // CHUNK_STEPS)

    def __iter__(self) -> Iterator[Chunk]:
        """The remaining chunks of the present epoch."""
        members, epoch, done = self._position()
        orders = [
            epoch_order(self._rows[member], self._seeds[member], epoch, self._probabilities[member])
            for member in members
        ]
        steps = self._steps(orders)
        for first in range(done * CHUNK_STEPS, len(steps), CHUNK_STEPS):
            yield Chunk(tuple(members), tuple(steps[first : first + CHUNK_STEPS]))

    def _steps(self, orders: list[Tensor]) -> list[Step]:
        """The steps of an epoch from the members' orders."""
        # All but the last batch of an epoch are full, for every member: one tensor holds them.
        last = (self.num_steps - 1) * self._batch_size
        # (members, rows)
        whole = torch.stack([order[:last] for order in orders])
        everyone = slice(0, len(orders))
        steps: list[Step] = [
            (BatchGroup(everyone, rows),) for rows in torch.split(whole, self._batch_size, dim=1) if last
        ]
        return [*steps, tuple(_groups([order[last:] for order in orders]))]


def _groups(batches: list[Tensor]) -> Iterator[BatchGroup]:
    """Batches of different lengths as groups of equal ones."""
    first = 0
    for _, group in groupby(batches, key=len):
        # (members of the group, rows)
        rows = torch.stack(list(group))
        yield BatchGroup(slice(first, first + len(rows)), rows)
        first += len(rows)


@dataclass(frozen=True)
class EvaluationBatch:
    """Rows of several members that one forward pass evaluates.

    Attributes:
        rows: Row numbers, (members, rows); a member with fewer is filled up with its first.
        counts: How many of each member's are its own.
    """

    rows: Tensor
    counts: tuple[int, ...]


class EvaluationChunks:
    """Iterable of batches: every member's rows in their order, cut so that one forward pass takes a batch."""

    def __init__(self, rows: Sequence[RowIndices], *, members: Callable[[], Sequence[int]], size: int = 4096) -> None:
        """Batches of about `size` rows of all members together; `members()` says who is still there.

        All members have rows to evaluate, or none has.
        """
        longest = max(map(len, rows))
        self._size = max(1, size // len(rows))
        self._members = members
        self._counts = [len(member) for member in rows]
        # Filled up with its own first row, so that the rectangle needs no mask; `counts` leaves the rest out.
        filled = [np.pad(member, (0, longest - len(member)), constant_values=member[:1].sum()) for member in rows]
        self._rows = torch.from_numpy(np.stack(filled))

    def __len__(self) -> int:
        """Number of batches."""
        return -(-self._rows.shape[1] // self._size)

    def __iter__(self) -> Iterator[EvaluationBatch]:
        """The batches."""
        members = list(self._members())
        if not members:
            return  # Lightning validates once more when a training is stopped inside an epoch
        for first in range(0, self._rows.shape[1], self._size):
            rows = self._rows[members, first : first + self._size]
            counts = (min(max(self._counts[member] - first, 0), rows.shape[1]) for member in members)
            yield EvaluationBatch(rows, tuple(counts))
