"""Numbers drawn for the members and the rows of a batch, and numbers of other distributions made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.draw import uniform

OWN, PER_ROW = 4, 16
"""Places of draws that belong to a member, before all rows; and to each row."""

CELLS = 2**12
"""Pieces of a quantile function; a power of two, so that a draw falls into one without rounding."""


@dataclass(frozen=True)
class Draws:
    """Draws from U[0, 1) of one step, by their numbers.

    Attributes:
        own: Of each member, (members,).
        each: Of each row, (members, rows).
    """

    own: Mapping[int, Tensor]
    each: Mapping[int, Tensor]

    def of_members(self, numbers: range) -> Sequence[Tensor]:
        """A draw of each member for each number."""
        return [self.own[number] for number in numbers]

    def of_rows(self, numbers: range) -> Sequence[Tensor]:
        """A draw of each row for each number."""
        return [self.each[number] for number in numbers]


class Drawer:
    """Makes all draws of a step at once: with few rows, a step costs what its operations cost to begin.

    Args:
        own: Numbers, below `OWN`, of the draws that each member needs.
        each: Numbers, below `PER_ROW`, of the draws that each row needs.
    """

    def __init__(self, own: Sequence[int], each: Sequence[int]) -> None:
        self._own, self._each = own, each
        self._known: dict[tuple[object, ...], Tensor] = {}

    def __call__(self, keys: Tensor, *, rows: int, first: int, every: int) -> Draws:
        """The draws of a step.

        Args:
            keys: Of each member, (members,), int64.
            rows: How many are here.
            first: Row of the whole batch that is row 0 here.
            every: Distance, in the whole batch, between two rows that are neighbours here.
        """
        known = (rows, first, every, keys.device)
        if known not in self._known:
            self._known[known] = self._places(*known)
        values, number = uniform(keys, self._known[known]), len(self._own)
        each = values[:, number:].view(len(keys), len(self._each), rows)
        return Draws(_by_number(self._own, values[:, :number]), _by_number(self._each, each))

    def _places(self, rows: int, first: int, every: int, device: torch.device) -> Tensor:
        """Places of the members' own draws, then of the rows', number by number."""
        starts = OWN + PER_ROW * (first + every * torch.arange(rows))
        return torch.cat([torch.tensor(self._own).long(), *(starts + number for number in self._each)]).to(device)


def _by_number(numbers: Sequence[int], draws: Tensor) -> dict[int, Tensor]:
    """The draws (members, numbers, ...) of each number."""
    return dict(zip(numbers, draws.unbind(1), strict=True))


class Quantiles:
    """A distribution's quantile function: turns draws from U[0, 1) into draws from it.

    Straight lines between `CELLS + 1` exact values. Other ways would not do: torch's vectorized powers, logarithms and
    sines round the last few numbers of a tensor differently, so that a member's bits would depend on its neighbours;
    and rejection takes an unknown number of draws. What a graph captured stays in memory as long as this object.

    Args:
        values: At the levels 0, 1 / CELLS, ..., 1: (CELLS + 1,), or several functions (functions, CELLS + 1).
    """

    def __init__(self, values: NDArray[np.float64]) -> None:
        self._values = torch.from_numpy(values.astype(np.float32))
        self._on: dict[torch.device, Tensor] = {}

    def __call__(self, draws: Tensor) -> Tensor:
        """The quantiles (*draws.shape), or (functions, *draws.shape), float32, on the device of the draws."""
        if draws.device not in self._on:
            self._on[draws.device] = self._values.to(draws.device)
        values, place = self._on[draws.device], draws * CELLS
        cell = place.long()
        low = values[..., cell]
        return low + (values[..., cell + 1] - low) * (place - cell)


LEVELS: NDArray[np.float64] = np.linspace(0, 1, CELLS + 1)
"""Points at which quantile functions are evaluated."""
