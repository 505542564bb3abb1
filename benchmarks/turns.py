"""Sides of a comparison in turn, and how they compare, as columns."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

from benchmarks.table import NO_VERDICT

Say = Callable[[str], None]
Run = TypeVar("Run")


@dataclass(frozen=True)
class Side(Generic[Run]):
    """One side of a comparison.

    Attributes:
        run: Does the work once.
        repeats: How often.
    """

    run: Callable[[], Run]
    repeats: int


def turns(repeats: Mapping[str, int]) -> list[str]:
    """The sides in their order: each spread evenly over the whole, and every second round backwards.

    Examples:
        >>> turns({"ours": 2, "theirs": 2})
        ['ours', 'theirs', 'theirs', 'ours']
        >>> turns({"ours": 3, "theirs": 1})
        ['ours', 'ours', 'theirs', 'ours']
    """
    places = [
        ((turn + 0.5) / times, -number if turn % 2 else number, name)
        for number, (name, times) in enumerate(repeats.items())
        for turn in range(times)
    ]
    return [name for _, _, name in sorted(places)]


def in_turn(sides: Mapping[str, Side[Run]], say: Say, seconds: Callable[[Run], float]) -> dict[str, list[Run]]:
    """Run all sides, a drift of the machine meeting all alike.

    Args:
        sides: By name.
        say: Takes progress.
        seconds: What a run is about, for the progress.
    """
    order = turns({name: side.repeats for name, side in sides.items()})
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    begun = time.monotonic()
    for number, name in enumerate(order, 1):
        runs[name].append(sides[name].run())
        spent = time.monotonic() - begun
        say(f"run {number} of {len(order)}: {name} {seconds(runs[name][-1]):.2f} s; {spent:.0f} s so far")
    return runs


def times_faster(ours: Sequence[float], theirs: Sequence[float], target: float | None = None) -> dict[str, str]:
    """Median of theirs over median of ours, the target and whether it is reached, as columns; None: for information.

    Examples:
        >>> times_faster([1.0, 2.0, 9.0], [17.9], target=9)
        {'ours is faster by': '8.95', 'target': '>= 9', 'reached': 'no'}
        >>> times_faster([1.0], [1.0])
        {'ours is faster by': '1.00', 'target': '', 'reached': ''}
    """
    factor = median(theirs) / median(ours)
    judged = {"target": f">= {target:g}", "reached": "yes" if factor >= target else "no"} if target else NO_VERDICT
    return {"ours is faster by": f"{factor:.2f}"} | dict(judged)
