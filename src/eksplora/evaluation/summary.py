"""A value known per member: over members, of all together, and over test rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eksplora.evaluation._weights import Array
from eksplora.records.estimate import Estimate
from eksplora.records.measure import Measure
from eksplora.statistics.interval import estimate


def summary(members: Sequence[float | None], together: float | None, ends: Array | None = None) -> Measure:
    """A measure in numbers; None where it is not defined.

    Args:
        members: Its value for each member.
        together: Its value for the members' mean prediction.
        ends: Low and high end of the bootstrap interval of `together` over test rows, (2,).
    """
    low, high = (None, None) if ends is None else (finite(ends[0]), finite(ends[1]))
    return Measure(
        over_members=estimate(members),
        members=list(members),
        ensemble=Estimate(mean=together, low=low, high=high),
    )


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
