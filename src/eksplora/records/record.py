"""Records as JSON, written and read back: one mechanism for all kinds."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from eksplora.untrusted import parse_json, read_plain, reading

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Values = Mapping[str, object]
"""Settings by their keys, as a configuration has them: plain JSON."""


class Record:
    """A dataclass that stages write as JSON and read back; so are its parts.

    What was added since has a default, so that files of earlier versions can be read. Keys that a newer version added
    are passed over.
    """

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """Plain JSON of an earlier version in the present shape; JSON of that shape stays as it is."""
        return found


T = TypeVar("T", bound=Record)


def to_json(record: "DataclassInstance", *, indent: int | None = 2) -> str:
    """A record as the text of a file; without an indent in one line."""
    return json.dumps(asdict(record), indent=indent) + "\n"


def from_json(content: bytes | str, kind: type[T], *, source: object, way_out: str) -> T:
    """A record of a kind from the text of a file.

    Args:
        content: The text.
        kind: The dataclass.
        source: Where the text comes from, for the message.
        way_out: The last sentence of the message: what the user can do.

    Raises:
        DataError: If the text is no JSON or of another shape; it names the first key at fault.
    """
    found = parse_json(content, dict[str, Any], source=source, way_out=way_out)
    return parse_json(json.dumps(_upgraded(kind, found)), kind, source=source, way_out=way_out)


def read(path: Path, kind: type[T], *, way_out: str) -> T:
    """A record of a kind from a file; see `from_json`.

    Raises:
        DataError: If the file cannot be read, is no JSON, or is of another shape.
    """
    with reading(path, way_out):
        content = read_plain(path)
    return from_json(content, kind, source=path, way_out=way_out)


def _upgraded(shape: Any, found: Any) -> Any:
    """Plain JSON with each part that an earlier version wrote in the present shape."""
    if not _holds_records(shape):
        return found
    if isinstance(shape, type) and issubclass(shape, Record):
        return _of_record(shape, found) if isinstance(found, dict) else found
    parts = get_args(shape)
    if get_origin(shape) is list and isinstance(found, list):
        return [_upgraded(parts[0], one) for one in found]
    if get_origin(shape) is dict and isinstance(found, dict):
        return {key: _upgraded(parts[1], one) for key, one in found.items()}
    if get_origin(shape) in (Union, UnionType):
        for part in parts:
            found = _upgraded(part, found)
    return found


def _of_record(shape: type[Record], found: dict[str, Any]) -> dict[str, Any]:
    try:
        present = shape.of_earlier(dict(found))
    except (LookupError, TypeError, ValueError, AttributeError):
        return found  # not what any version wrote: its first key at fault is named
    kinds = _kinds(shape)  # type: ignore[arg-type]  # a class has a hash
    return {name: _upgraded(kinds.get(name), value) for name, value in present.items()}


@cache
def _kinds(shape: type[Record]) -> dict[str, Any]:
    """The type of each field."""
    return get_type_hints(shape)


@cache
def _holds_records(shape: Any) -> bool:
    """Whether there can be records in values of a type."""
    is_record = isinstance(shape, type) and issubclass(shape, Record)
    return is_record or any(map(_holds_records, get_args(shape)))
