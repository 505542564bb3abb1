"""Reports that keep what they hear: a module of its own, because the processes of several devices import it."""

import pickle
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksplora.types import Decision, EpochReport, MemberResult


@dataclass
class Collects:
    """A report that keeps what it hears in a file: several devices train in processes of their own."""

    stop_after_epoch: int | None = None
    prune_member: int | None = None
    path: Path = field(default_factory=lambda: Path(tempfile.mkstemp(suffix=".pickle")[1]))

    def epochs(self, reports: Sequence[EpochReport]) -> Sequence[Decision]:
        return [self.decide(report) for report in reports]

    def decide(self, report: EpochReport) -> Decision:
        if report.member == self.prune_member:
            return Decision.PRUNE
        return Decision.STOP if report.epoch == self.stop_after_epoch else Decision.GO_ON

    def stop_requested(self) -> bool:
        return False

    def member(self, result: MemberResult) -> None:
        self._note(result)

    def split(self, size: int, reason: str) -> None:
        self._note((size, reason))

    def _note(self, value: object) -> None:
        with self.path.open("ab") as file:
            pickle.dump(value, file)

    @property
    def heard(self) -> list[Any]:
        """Results and splits in their order."""
        values = []
        with self.path.open("rb") as file:
            while file.peek(1):
                values.append(pickle.load(file))
        return values


@dataclass
class StopsInside(Collects):
    """Asks for a stop after a chunk that does not end an epoch."""

    def stop_requested(self) -> bool:
        return True
