"""Lines of a spool: an event as it is written, checked and read again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from eksplora.events.event import (
    KINDS,
    Body,
    Count,
    MemberEvent,
    Other,
    Packed,
    PackedPopulation,
    PopulationEvent,
    Stop,
    StudyDataset,
    StudyEvent,
    TrialEnd,
    TrialEvent,
    TrialMember,
)
from eksplora.types import Command, Status

T = TypeVar("T")


@dataclass
class SpoolLine(Generic[T]):
    """A line of a spool: `time` in milliseconds since the epoch."""

    kind: str
    time: Count
    data: T


LINES: Mapping[str, Any] = {kind: SpoolLine[shape] for kind, shape in KINDS.items()}  # type: ignore[valid-type]
"""The line of each kind, as it is checked."""

OTHER = SpoolLine[dict[str, Any]]
"""The line of a kind that a newer version writes."""

_KIND_OF = {shape: kind for kind, shape in KINDS.items()}


def kind_of(body: Body) -> str:
    """The name of an event's kind."""
    return body.kind if isinstance(body, Other) else _KIND_OF[type(body)]


def to_json(body: Body) -> dict[str, Any]:
    """An event as it is written; values that are dataclasses are left to the encoder."""
    return body.data if isinstance(body, Other) else dict(vars(body))


def from_json(kind: str, data: Mapping[str, Any]) -> Body:
    """An event from what was written, once that is known to have the shape of its kind."""
    shape = KINDS.get(kind)
    body: Body = Other(kind, dict(data)) if shape is None else _made(shape, data)
    return body


def _made(shape: type[Any], data: Mapping[str, Any]) -> Any:
    inner = _INNER.get(shape, {})
    known = {name: data[name] for name in _names(shape) if name in data}
    return shape(**{name: inner[name](value) if name in inner else value for name, value in known.items()})


def _names(shape: type[Any]) -> Iterable[str]:
    names: Mapping[str, Any] = shape.__dataclass_fields__
    return names


def _pairs(values: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    return [(trial, member) for trial, member in values]


_INNER: Mapping[type[Any], Mapping[str, Callable[[Any], Any]]] = {
    StudyEvent: {
        "parent": lambda known: None if known is None else tuple(known),
        "dataset": lambda known: None if known is None else _made(StudyDataset, known),
        "command": lambda known: None if known is None else _made(Command, known),
    },
    TrialEvent: {"members": lambda known: [_made(TrialMember, one) for one in known]},
    PackedPopulation: {"trainings": _pairs},
    Packed: {"populations": lambda known: [_made(PackedPopulation, one) for one in known]},
    PopulationEvent: {"trainings": _pairs},
    MemberEvent: {"status": Status},
    TrialEnd: {"status": Status},
    Stop: {"status": Status},
}
"""Makers of dataclasses, tuples and members of enumerations from plain values."""
