"""Shapes of the JSON that stages hand on: the keys that later stages rely on.

Facts of earlier versions lack what was added since, so only what was always there is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from eksplora.errors import DataError, EksploraError
from eksplora.types import Direction


@dataclass
class _Budget:
    name: str


@dataclass
class _Row:
    trial: int
    status: str
    message: str
    run: str
    member_runs: list[str]
    summary: dict[str, Any]


@dataclass
class _Study:
    study: str
    id: str
    base: str
    handed_on: str
    rows: dict[str, _Row]


@dataclass
class _Claim:
    finding: str
    says: str


@dataclass
class Explore:
    """The facts of an exploration."""

    exploration: str
    title: str
    asked: dict[str, Any]
    budget: _Budget
    carry: str
    alpha: float
    metric: str
    direction: Direction
    studies: dict[str, _Study]
    claims: dict[str, _Claim]
    provenance: dict[str, str]
    set: list[str] = field(default_factory=list)


@contextmanager
def drawn_from(source: object, way_out: str) -> Iterator[None]:
    """Turn what goes wrong while facts are put into words and pictures into an error that names where they came from.

    What is drawn is a function of the facts alone, and of more of their keys than anybody would list.

    Raises:
        DataError: If facts lack a key, or one is of another kind.
    """
    try:
        yield
    except EksploraError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise DataError(f"{source} does not hold what its stages write ({reason}). {way_out}") from error
