"""A measure of a model with several members."""

from dataclasses import dataclass, field
from typing import Any

from eksplora.records.estimate import UNKNOWN, Estimate, gathered
from eksplora.records.record import Record


@dataclass(frozen=True, kw_only=True)
class Measure(Record):
    """A measure on the test part.

    Attributes:
        over_members: Its mean over members; the interval is Student's.
        members: Its value for each member; None where it is not defined.
        ensemble: Its value for the members' mean prediction; the interval is over rows.
    """

    over_members: Estimate
    members: list[float | None] = field(default_factory=list)
    ensemble: Estimate = UNKNOWN

    @property
    def columns(self) -> dict[str, float | None]:
        """A line of a table, without its name."""
        known = self.over_members
        return {
            **{"mean": known.mean, "low": known.low, "high": known.high, "std": known.std},
            "ensemble": self.ensemble.mean,
        }

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """Both estimates were written among the other keys."""
        if "rows_low" in found or not isinstance(found.get("ensemble"), dict):
            ends = {"low": found.pop("rows_low", None), "high": found.pop("rows_high", None)}
            found["ensemble"] = {"mean": found.get("ensemble"), **ends}
        return gathered(found, "over_members")
