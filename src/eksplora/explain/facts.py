"""Findings of a part of an explanation: its record, how long it took, what a reader should know."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ONE_MEMBER = "One member: no interval over members can be given."

T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class Facts(Generic[T]):
    """Findings of a part of an explanation.

    Attributes:
        facts: Their record.
        seconds: What it took, by part.
        notes: Sentences for the reader.
    """

    facts: T
    seconds: Mapping[str, float]
    notes: Sequence[str] = field(default_factory=list)


@contextmanager
def clock(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Write down how long the block takes."""
    start = perf_counter()
    yield
    seconds[part] = perf_counter() - start


def tensor(values: NDArray[Any]) -> Tensor:
    """A copy (prepared arrays are read-only files), of floats as they are, of other numbers as float64."""
    array = np.asarray(values)
    return torch.tensor(array if array.dtype.kind == "f" else array.astype(np.float64))


def listed(values: NDArray[Any]) -> Any:
    """Nested lists of the numbers, to six digits.

    Examples:
        >>> listed(np.array([[1 / 3, 2e9 / 3], [0, 1]]))
        [[0.333333, 666667000.0], [0.0, 1.0]]
    """
    if values.ndim == 0:
        return float(f"{values:.6g}")
    return [listed(value) for value in values]
