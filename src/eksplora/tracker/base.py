"""Protocol between a driver and a tracker."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from eksplora.errors import StorageError

SPOOL = "spool.jsonl"
"""Name of a study's spool, in its folder and among the files of its run."""


class Unreachable(StorageError):
    """MLflow itself cannot be used: what happened to one study would happen to every other one."""


@dataclass(frozen=True)
class RunContent:
    """Content of a run in MLflow.

    Attributes:
        name: Name of the study.
        study: Its id.
        trial: Number of the trial; None for the study itself.
        member: Index of the member; None for a trial with all its members.
    """

    name: str
    study: str
    trial: int | None
    member: int | None


@dataclass(frozen=True)
class ModelToRegister:
    """A model to register.

    Attributes:
        name: Of the registered model, e.g. `eksplora-boston_mlp`.
        experiment: MLflow's experiment.
        study: The id of the study that trained it.
        folder: Its files.
        loader: The module that loads them, by `_load_pyfunc`.
        example: Some rows as one gives them to the model.
        predictions: What it makes of them.
        columns: Columns that rows must have, whatever their cells are; None: as the example has them.
        description: What it is, in a few words.
        tags: What else to note.
    """

    name: str
    experiment: str
    study: str
    folder: Path
    loader: str
    example: Any
    predictions: Any
    description: str
    tags: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] | None = None


class Lookup(Protocol):
    """Study that a run shows, by the run's id."""

    def shown(self, run_id: str) -> RunContent:
        """Content of a run."""

    def ids(self, experiment: str, name: str, study: str) -> dict[str, str]:
        """MLflow's ids of all runs of a study, by ours (`<study>[/<trial>[/<member>]]`)."""

    def metrics(self, run_id: str) -> tuple[dict[str, float], Mapping[str, Sequence[float]]]:
        """A run's metrics: the last value of each, and of those with several the values in the order of their steps."""

    def spool(self, shown: RunContent, run_id: str, folder: Path) -> Path:
        """The spool of a run's study, brought into `folder`."""


class Registry(Protocol):
    """Versions of models, and which of them is the champion."""

    def add(self, model: ModelToRegister) -> str:
        """Register a model, unless that is done, as the challenger; returns the number of its version."""

    def champion(self, name: str) -> tuple[str, dict[str, Any]] | None:
        """Version and confirmation of the present champion; None where there is none."""

    def fetch(self, model: str, folder: Path) -> Path:
        """Bring a registered model, `models:/<name>@<alias>` or `models:/<name>/<version>`, into `folder`."""

    def run_of(self, name: str, version: str) -> str:
        """MLflow's id of the run that holds a version: that of the study that trained it."""

    def judge(self, name: str, version: str, *, is_champion: bool, why: str) -> str:
        """Note why a version is the champion or is not, and make it so; returns the reason that is noted."""


class Tracker(Protocol):
    """Shows a study's spool to people; never blocks or ends the study."""

    @property
    def problem(self) -> str | None:
        """Reason for which the tracker is behind, in one line; None when it is not."""

    @property
    def notice(self) -> str:
        """Influence of the environment on where runs go, in one line; empty when there is none."""

    @property
    def server_uri(self) -> str:
        """The address for a server that shows the runs; it may hold a password. Empty where no runs are kept."""

    def where(self, study_name: str) -> str:
        """One line that says how to look at the study; empty when there is nothing to look at."""

    def sync(self, spool: Path, *, is_over: bool) -> int:
        """Show what is new in a spool, and return the number of events.

        Args:
            spool: The study's file.
            is_over: Whether nobody drives the study: runs still open are then marked interrupted.

        Raises:
            StorageError: If it cannot be shown now; the spool keeps everything.
        """

    def behind(self, spools: Sequence[Path], *, counts_runs: bool) -> list[Path]:
        """Those of the spools that are not shown whole.

        Args:
            spools: Studies' files.
            counts_runs: Whether to look for runs that somebody deleted, too.

        Raises:
            StorageError: If it cannot be found out.
        """

    def relocated(self) -> int:
        """Find the files of a project that was moved or copied again; returns the number of runs.

        Raises:
            StorageError: If that cannot be written down.
        """

    def prepare_server(self) -> None:
        """Have ready what a server shows.

        Raises:
            StorageError: If that cannot be written.
        """

    def start(self, spool: Path) -> None:
        """Follow the spool in the background from now on."""

    def notify(self) -> None:
        """Say that the spool has grown; optional, makes the follower look at once."""

    def finish(self, timeout_seconds: float | None = None, say: Callable[[str], None] | None = None) -> bool:
        """Catch up and stop following; False when nothing more goes in.

        Args:
            timeout_seconds: Longest wait without progress; None: as configured.
            say: Called every few seconds with the progress.
        """

    def lookup(self) -> AbstractContextManager[Lookup]:
        """Open a lookup of studies by ids of runs.

        Raises:
            ConfigError: If this tracker keeps no runs.
            StorageError: On leaving, if it does not answer.
        """

    def registry(self) -> AbstractContextManager[Registry | None]:
        """The registry of models; None where there is none.

        Raises:
            StorageError: On leaving, if it did not take something.
        """
