"""A value known per member: over members, of all together, and over test rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eksplora.evaluation._weights import Array
from eksplora.statistics.interval import over_members


def summary(members: Sequence[float | None], together: float | None, ends: Array | None = None) -> dict[str, Any]:
    """A measure in numbers; None where it is not defined.

    Args:
        members: Its value for each member.
        together: Its value for the members' mean prediction.
        ends: Low and high end of the bootstrap interval of `together` over test rows, (2,).

    Returns:
        `mean`, `std`, and `low` and `high`: Student's 95% interval of the mean over the members that have a value, None
        with fewer than two; `members`; `ensemble`; `rows_low` and `rows_high`.
    """
    return {
        **over_members(members),
        "ensemble": together,
        "rows_low": None if ends is None else finite(ends[0]),
        "rows_high": None if ends is None else finite(ends[1]),
    }


def summaries(each: Sequence[Mapping[str, Array]], together: Mapping[str, Array], ends: Mapping[str, Array]) -> Any:
    """Measures by name, each (1,), or (1, classes), as summaries, or lists of them, one per class.

    Args:
        each: What every member has.
        together: What their mean prediction has.
        ends: Low and high ends over rows, (2,) or (2, classes).
    """
    found = {}
    for name, value in together.items():
        members = [one[name][0] for one in each]
        found[name] = _summaries(members, value[0], ends.get(name))
    return found


def _summaries(members: Sequence[Any], together: Any, ends: Array | None) -> Any:
    if np.ndim(together) == 0:
        return summary([finite(value) for value in members], finite(together), ends)
    columns = range(len(together))
    return [
        _summaries([value[one] for value in members], together[one], None if ends is None else ends[:, one])
        for one in columns
    ]


def finite(value: Any) -> float | None:
    """A number as JSON has it; None where it is none."""
    return float(value) if np.isfinite(value) else None
