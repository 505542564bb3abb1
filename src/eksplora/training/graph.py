"""A training step captured once as a CUDA graph, and replayed: one launch instead of hundreds."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

WARM_UP = 3
"""Steps taken as usual before one is captured: they make the optimizer's state and choose the kernels."""

Step = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""Row numbers (members, rows) -> losses (members,), outputs and targets (members, rows, ...)."""


@dataclass
class _Captured:
    graph: torch.cuda.CUDAGraph
    rows: Tensor
    results: tuple[Tensor, Tensor, Tensor]


class StepGraph:
    """Replays a step; what it reads besides its rows must keep its place in memory.

    Batches of another shape than the first, such as the last of an epoch, are stepped as usual.
    """

    def __init__(self, step: Step) -> None:
        """Nothing is captured yet."""
        self._step = step
        self._shape: torch.Size | None = None
        self._taken = 0
        self._captured: _Captured | None = None

    def __call__(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Take the step for these rows, which are on the device."""
        self._shape = self._shape or rows.shape
        if rows.shape != self._shape:
            return self._step(rows)
        self._taken += 1
        if self._taken <= WARM_UP:
            return self._step(rows)
        if self._captured is None:
            self._captured = self._capture(rows)
        # A graph reads and writes fixed addresses: rows go in by copy, results come out by copy.
        self._captured.rows.copy_(rows)
        self._captured.graph.replay()
        losses, outputs, targets = self._captured.results
        return losses.clone(), outputs.clone(), targets.clone()

    def _capture(self, rows: Tensor) -> _Captured:
        # Capturing only records the kernels; the step itself is taken by the first replay.
        graph, own = torch.cuda.CUDAGraph(), rows.clone()
        with torch.cuda.graph(graph):
            results = self._step(own)
        return _Captured(graph, own, results)
