"""No tracking: the study's own folder still holds everything."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from eksplora.errors import ConfigError
from eksplora.tracker.base import Lookup


class OffTracker:
    """A tracker that shows nothing. The spool is written all the same, so MLflow can be filled later."""

    problem: str | None = None
    notice = ""
    server_uri = ""

    def where(self, study_name: str) -> str:
        """Nowhere to look."""
        del study_name
        return ""

    def sync(self, spool: Path, *, is_over: bool) -> int:
        """Nothing is shown."""
        del spool, is_over
        return 0

    def behind(self, spools: Sequence[Path], *, counts_runs: bool) -> list[Path]:
        """There is nothing to bring anywhere."""
        del spools, counts_runs
        return []

    def relocated(self) -> int:
        """There are no files."""
        return 0

    def prepare_server(self) -> None:
        """There is nothing to show."""

    def start(self, spool: Path) -> None:
        """Nothing to follow."""

    def notify(self) -> None:
        """Nobody listens."""

    def finish(self, timeout_seconds: float | None = None, say: Callable[[str], None] | None = None) -> bool:
        """Always done."""
        del timeout_seconds, say
        return True

    def lookup(self) -> AbstractContextManager[Lookup]:
        """There are no runs.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError("tracker=off keeps no runs to look up. Use tracker=mlflow.")

    def registry(self) -> AbstractContextManager[None]:
        """There is none."""
        return nullcontext()
