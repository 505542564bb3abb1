"""How a record is written as JSON and read back: one mechanism for all kinds."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from eksplora.untrusted import parse_json

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
        """The content of an earlier version in the present shape; content of that shape stays as it is."""
        return found

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        """Let `parse_json` convert what an earlier version wrote before it checks the shape."""
        from pydantic_core import core_schema  # what only writes does not wait for pydantic

        def convert(found: Any) -> Any:
            try:
                return cls.of_earlier(dict(found)) if isinstance(found, dict) else found
            except (LookupError, TypeError, ValueError, AttributeError):
                return found  # not what any version wrote: its first key at fault is named

        return core_schema.no_info_before_validator_function(convert, handler(source))


T = TypeVar("T", bound=Record)


def to_json(record: "DataclassInstance") -> str:
    """A record as the text of a file."""
    return json.dumps(asdict(record), indent=2) + "\n"


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
    return parse_json(content, kind, source=source, way_out=way_out)
