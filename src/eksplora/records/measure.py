"""A measure of a model with several members."""

from dataclasses import dataclass, field
from typing import Any

from eksplora.records.estimate import UNKNOWN, Estimate, gathered
from eksplora.records.record import Record


@dataclass(frozen=True, kw_only=True)
class Measure(Record):
    """A measure on the test part.

    Attributes:
        over_members: Its mean over members; earlier versions wrote Student's interval.
        members: Its value for each member; None where it is not defined.
        ensemble: Its value for the members' mean prediction, which is what is delivered; the interval is over rows and
            members, of earlier versions over rows.
    """

    over_members: Estimate
    members: list[float | None] = field(default_factory=list)
    ensemble: Estimate = UNKNOWN

    @property
    def columns(self) -> dict[str, float | None]:
        """A line of a table, without its name."""
        known = self.ensemble
        return {
            **{"ensemble": known.mean, "low": known.low, "high": known.high},
            **{"mean": self.over_members.mean, "std": self.over_members.std},
        }

    @classmethod
    def of_earlier(cls, found: dict[str, Any]) -> dict[str, Any]:
        """Both estimates were written among the other keys."""
        if "rows_low" in found or not isinstance(found.get("ensemble"), dict):
            ends = {"low": found.pop("rows_low", None), "high": found.pop("rows_high", None)}
            found["ensemble"] = {"mean": found.get("ensemble"), **ends}
        return gathered(found, "over_members")
