"""The tracker of a command, and what the user is told about where it keeps runs."""

import sys
from functools import cache
from typing import Any

from eksplora.config import part
from eksplora.tracker.base import Tracker
from eksplora.types import Config


def tracker_of(config: Config) -> Tracker:
    """Build the tracker of a configuration; what the environment has to do with it is said once per command."""
    tracker: Tracker = part(config, "tracker")
    if tracker.notice:
        _say(tracker.notice)
    return tracker


@cache
def _say(notice: str) -> None:
    print(notice, file=sys.stderr)


def without_password(config: Config) -> dict[str, Any]:
    """A configuration as it may be written down: its tracker's address without passwords and tokens."""
    from eksplora.tracker.address import masked

    tracker = dict(config.get("tracker", {}))
    return {**config, "tracker": {**tracker, "uri": masked(str(tracker["uri"]))}} if tracker.get("uri") else {**config}
