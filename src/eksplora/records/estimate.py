"""A mean with its interval, and the verdict on a difference of two: one shape for all stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eksplora.records.record import Record


@dataclass(frozen=True, kw_only=True)
class Estimate(Record):
    """A value that is known from a sample, with its interval.

    Attributes:
        mean: The estimate; None where it is not defined.
        low: Lower end of its 95% interval; None where the sample says nothing of it.
        high: Upper end.
        std: Sample standard deviation; None for fewer than two values.
        n: Values that it rests on; None: an earlier version did not write it.
        scope: What it is about; None: it was not stated.
    """

    mean: float | None
    low: float | None = None
    high: float | None = None
    std: float | None = None
    n: int | None = None
    scope: str | None = None

    @property
    def value(self) -> float:
        """The mean of a value that is defined."""
        assert self.mean is not None
        return self.mean

    @property
    def reach(self) -> tuple[float, float]:
        """Distances of the ends of the interval below and above the mean; 0 where there is none."""
        low, high = self.low, self.high
        return (0.0, 0.0) if low is None or high is None else (self.value - low, high - self.value)

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """The three shapes of earlier versions: ends as a pair, ends by name, and either beside the members' values."""
        if "interval" in found:
            ends = found.pop("interval")
            found["low"], found["high"] = (None, None) if ends is None else _ends(ends)
        if isinstance(found.get("members"), list):
            found.setdefault("n", sum(value is not None for value in found["members"]))
        return found


UNKNOWN = Estimate(mean=None)
"""Estimate of a value that is not defined."""


def _ends(interval: Any) -> tuple[Any, Any]:
    """The ends of an interval that was written as a pair, or as an object with its level."""
    if isinstance(interval, Mapping):
        return interval.get("low"), interval.get("high")
    if isinstance(interval, list) and len(interval) == 2:
        return interval[0], interval[1]
    return [interval], [interval]  # no number, so that it is refused


OF_ESTIMATES = ("mean", "std", "low", "high", "interval")
"""Keys of an estimate that earlier versions wrote beside other keys."""


def gathered(found: dict[str, Any], name: str) -> dict[str, Any]:
    """An object in which an earlier version wrote an estimate among other keys, with the estimate under `name`."""
    if name in found or "mean" not in found:
        return found
    members = {"members": found["members"]} if "members" in found else {}
    estimate = {key: found.pop(key) for key in OF_ESTIMATES if key in found}
    return {**found, name: estimate | members}


@dataclass(frozen=True, kw_only=True)
class Compared(Record):
    """A paired comparison of two configurations and what follows from it.

    Attributes:
        name: The configuration.
        reference: What it is compared with.
        verdict: `better`, `worse`, or `not distinguishable`.
        in_words: The same as a sentence without its full stop.
        difference: The mean difference of the pairs; None: an earlier version did not write it.
        p: Two-sided p-value, adjusted.
        smallest_p: The smallest p that so many pairs can reach.
        members_needed: About how many members would tell the two apart.
        effect: Standardized size of the difference.
        alpha: Level of significance.
        num_comparisons: How many were judged together.
        correction: By which the p-values were adjusted.
        scope: What the verdict is about; None: an earlier version did not state it.
        method: How it was tested.
        num_rows: Rows of the training part; 0 where nothing is said of other rows.
        rows_needed: About how many rows would detect the difference.
    """

    name: str = ""
    reference: str = ""
    verdict: str = ""
    in_words: str
    difference: Estimate | None = None
    p: float | None = None
    smallest_p: float | None = None
    members_needed: int | None = None
    effect: float | None = None
    alpha: float | None = None
    num_comparisons: int = 1
    correction: str = ""
    scope: str | None = None
    method: str = ""
    num_rows: int = 0
    rows_needed: int | None = None

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """A difference that was a number beside its interval; `against` for `reference`."""
        if "against" in found:
            found["reference"] = found.pop("against")
        if isinstance(found.get("difference"), int | float):
            estimate = {"mean": found["difference"], "interval": found.pop("interval", None)}
            found["difference"] = {**estimate, "n": found.pop("num_pairs", None)}
        return found
