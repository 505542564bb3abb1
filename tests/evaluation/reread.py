"""Details as they are read back from their file."""

import json
from dataclasses import asdict
from typing import Any

from eksplora.records.details import DetailsRecord
from eksplora.records.record import from_json


def as_json(details: DetailsRecord) -> dict[str, Any]:
    """As it is written down: no number that is none, no key that is no text; and it is read back."""
    text = json.dumps(asdict(details), allow_nan=False)
    assert from_json(text, DetailsRecord, source="it", way_out="") == details
    found: dict[str, Any] = json.loads(text)
    return found
