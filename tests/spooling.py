"""Events as plain values: as an earlier or a later version writes them, and as they stand in the file."""

import json
from typing import Any

from eksplora.events.event import Body, Other
from eksplora.events.line import kind_of, to_json
from eksplora.events.spool import Event, Spool, encode


def put(spool: Spool, kind: str, /, *, durable: bool = False, **data: Any) -> Event:
    """Append an event of plain values."""
    return spool.append(Other(kind, data), durable=durable)


def plain(body: Body) -> dict[str, Any]:
    """The particulars of an event as they stand in the file."""
    data: dict[str, Any] = json.loads(encode(kind_of(body), 0, to_json(body))[9:])["data"]
    return data
