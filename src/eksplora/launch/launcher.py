"""Protocol between a study and whatever runs its jobs: processes of this machine, or of others.

`eksplora.launch.local` is the first implementation. `tests/launcher_contract.py` has the tests that each must pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from eksplora.types import Config, Decision, Job

Kind = Literal["ready", "epochs", "member", "split", "done", "refused", "error", "died"]


class Worker(Protocol):
    """A worker as its study sees it: something to hand jobs to."""

    @property
    def is_ready(self) -> bool:
        """Whether it has finished its imports."""


@dataclass(frozen=True)
class Message:
    """A message of a worker.

    Attributes:
        worker: The sender.
        kind: `ready` once; per job `epochs`, `member` and `split` any number of times, then one of `done`, `refused`
            and `error`; `died` instead of whatever would have come.
        value: For `epochs` the reports of members that ended an epoch together, for `member` its result, for `split`
            how many trainings go together and why, for `done` what a check has to say (None after a job), for `refused`
            the error, for `error` its traceback, for `died` the cause in words.
        job: The job that it was at; None outside of one.
    """

    worker: Worker
    kind: Kind
    value: Any
    job: Job | None = None


class Launcher(Protocol):
    """A set of workers. Messages of one worker come in the order in which it sent them, and none is lost."""

    @property
    def is_busy(self) -> bool:
        """Whether a worker has a job that has not ended."""

    def add(self) -> Worker:
        """Start one more worker.

        Raises:
            WorkerError: If none can be started.
        """

    def add_first(self) -> Worker:
        """Start a worker and wait until it is ready.

        Raises:
            WorkerError: If it dies meanwhile, more than once.
        """

    def idle(self) -> Sequence[Worker]:
        """Workers that are ready and have nothing to do; none after a stop."""

    def submit(self, worker: Worker, job: Job) -> None:
        """Hand a job to an idle worker."""

    def check(self, worker: Worker, config: Config) -> None:
        """Let an idle worker build a configuration without training it; it answers `done`, `refused` or `error`."""

    def decide(self, worker: Worker, decisions: Sequence[Decision]) -> None:
        """Answer the reports of an epoch, one decision for each; a job with a pruner waits for it."""

    def stop(self) -> None:
        """Ask all workers to checkpoint and return."""

    def poll(self, timeout_seconds: float) -> Sequence[Message]:
        """Messages of workers, waiting at most so long for the first message; a dead worker is reported once."""

    def close(self) -> None:
        """End idle workers in good order, and all others at once."""

    def kill(self) -> None:
        """End all workers at once. Safe to call from a signal handler."""
