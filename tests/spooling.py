"""Events as an earlier or a later version writes them: whatever is given, under the name of a kind."""

from typing import Any

from eksplora.events.event import Other
from eksplora.events.spool import Event, Spool


def put(spool: Spool, kind: str, /, *, durable: bool = False, **data: Any) -> Event:
    """Append an event of plain values."""
    return spool.append(Other(kind, data), durable=durable)
