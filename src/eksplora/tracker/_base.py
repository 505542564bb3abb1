"""What a driver asks of a tracker."""

from pathlib import Path
from typing import Protocol


class Tracker(Protocol):
    """Shows a study's spool to people; never blocks or ends the study."""

    @property
    def trouble(self) -> str | None:
        """Why the tracker is behind, in one line; None when all is well."""

    def where(self, study_name: str) -> str:
        """One line that tells how to look at the study; empty when there is nothing to look at."""

    def sync(self, spool: Path, *, is_over: bool) -> int:
        """Show what is new in a spool, and return the number of events.

        Args:
            spool: The study's file.
            is_over: Whether nobody drives the study: runs still open are then marked interrupted.

        Raises:
            StorageError: If it cannot be shown now; the spool keeps everything.
        """

    def is_level(self, spool: Path) -> bool:
        """Whether everything in a spool is already shown; cheap."""

    def start(self, spool: Path) -> None:
        """Follow the spool in the background from now on."""

    def notify(self) -> None:
        """Say that the spool has grown; optional, makes the follower look at once."""

    def finish(self, timeout_seconds: float | None = None) -> bool:
        """Catch up and stop following; False when that did not work within the time."""
