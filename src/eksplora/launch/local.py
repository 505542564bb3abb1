"""Warm worker processes on this machine."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from eksplora.errors import WorkerError
from eksplora.installation import CONFIG_DIRS
from eksplora.launch._starting import end_server, refused, start, start_server
from eksplora.launch._worker import serve
from eksplora.launch.launcher import Message, Worker
from eksplora.launch.signals import UNKNOWN_END, cause_of_death
from eksplora.types import Decision, Job

ENDS = ("done", "refused", "error")
"""Kinds of messages that end a job."""


@dataclass(eq=False)
class LocalWorker:
    """A worker process.

    Attributes:
        process: The process.
        connection: The pipe to it.
        job: The job that it trains now, or None.
        is_ready: Whether it has finished its imports.
        is_stopping: Whether it was asked to checkpoint and return.
    """

    process: BaseProcess
    connection: Connection
    job: Job | None = None
    is_ready: bool = False
    is_stopping: bool = False


@dataclass
class LocalLauncher:
    """A set of worker processes, forked from a server that has done the slow imports once.

    Attributes:
        run: What trains a job, as `package.module:function`.
        workers: The living workers.
    """

    run: str
    workers: list[LocalWorker] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the imports in the background; the first `add` waits for them."""
        # Forked from a clean process: torch's threads would not survive a fork of this one, and spawn imports anew.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["eksplora.launch._server", self.run.partition(":")[0]])
        start_server()

    @property
    def is_busy(self) -> bool:
        """Whether a worker has a job that has not ended."""
        return any(worker.job is not None for worker in self.workers)

    def add(self) -> LocalWorker:
        """Start one more worker.

        Raises:
            WorkerError: If none can be started.
        """
        try:
            here, there = self._context.Pipe()
        except OSError as error:
            # Usually too many open files: each worker has a pipe here.
            raise refused(error) from error
        process = self._context.Process(target=serve, args=(there, self.run, os.environ.get(CONFIG_DIRS, "")))
        start(process)
        # Only the worker holds that end now: when it dies, reading here ends.
        there.close()
        worker = LocalWorker(process, here)
        self.workers.append(worker)
        return worker

    def add_first(self) -> LocalWorker:
        """Start a worker and wait for its imports; when it dies meanwhile, once more with a new server.

        Raises:
            WorkerError: If it dies again.
        """
        died = ""
        for _ in range(2):
            worker = self.add()
            while not worker.is_ready and worker in self.workers:
                for message in self.poll(1.0):
                    died = message.value if message.kind == "died" else died
            if worker in self.workers:
                return worker
            end_server()
        raise WorkerError(f"workers die while they start ({died}). Free memory, then give the same command again.")

    def idle(self) -> list[LocalWorker]:
        """Workers that are ready and have nothing to do."""
        return [worker for worker in self.workers if worker.is_ready and worker.job is None and not worker.is_stopping]

    def submit(self, worker: Worker, job: Job) -> None:
        """Hand a job to an idle worker."""
        assert isinstance(worker, LocalWorker)
        worker.job = job
        self._send(worker, "job", job)

    def check(self, worker: Worker, config: dict[str, Any]) -> None:
        """Let an idle worker build a configuration without training it; it answers `done`, `refused` or `error`."""
        self._send(worker, "check", config)

    def decide(self, worker: Worker, decisions: Sequence[Decision]) -> None:
        """Answer the reports of an epoch, one decision for each."""
        self._send(worker, "decisions", list(decisions))

    def stop(self) -> None:
        """Ask all workers to checkpoint and return."""
        for worker in self.workers:
            worker.is_stopping = True
            self._send(worker, "stop", None)

    def poll(self, timeout_seconds: float) -> list[Message]:
        """Messages of workers, waiting at most so long for the first message; a dead worker is removed and reported."""
        # The sentinel is ready when the process is dead, the connection when it has sent something.
        ready = set(
            wait(
                [handle for worker in self.workers for handle in (worker.connection, worker.process.sentinel)],
                timeout_seconds,
            )
        )
        messages: list[Message] = []
        # A copy: dead workers are removed on the way.
        for worker in list(self.workers):
            if worker.connection in ready or worker.process.sentinel in ready:
                messages += self._receive(worker)
        return messages

    def close(self) -> None:
        """Ask all workers to end, and wait; one that does not end within seconds is killed."""
        for worker in self.workers:
            self._send(worker, "bye", None)
        for worker in self.workers:
            worker.process.join(5)
            self._kill(worker)
        self.workers.clear()

    def kill(self) -> None:
        """End all workers at once."""
        for worker in self.workers:
            self._kill(worker)
        self.workers.clear()

    def _receive(self, worker: LocalWorker) -> list[Message]:
        messages: list[Message] = []
        try:
            is_alive = worker.process.is_alive()  # looked at first: what it sent before it died is then all there
            while worker.connection.poll():
                kind, value = worker.connection.recv()
                messages.append(Message(worker, kind, value, worker.job))
                worker.is_ready = worker.is_ready or kind == "ready"
                worker.job = None if kind in ENDS else worker.job
            if not is_alive:
                raise EOFError
        except (EOFError, OSError):
            self.workers.remove(worker)
            self._kill(worker)
            messages.append(Message(worker, "died", cause_of_death(worker.process.exitcode), worker.job))
            worker.job = None
        return messages

    @staticmethod
    def _send(worker: Worker, kind: str, value: Any) -> None:
        assert isinstance(worker, LocalWorker)
        try:
            worker.connection.send((kind, value))
        except OSError:
            return  # it died: the next `poll` reports it

    @staticmethod
    def _kill(worker: LocalWorker) -> None:
        worker.process.kill()
        worker.process.join()
        if worker.process.exitcode == UNKNOWN_END:
            _end_orphan(worker)
        worker.connection.close()


def _end_orphan(worker: LocalWorker) -> None:
    """End a worker whose server is gone, so that nobody says how it ended or whether it has: its pipe does."""
    with suppress(EOFError, OSError):
        while worker.connection.poll():
            worker.connection.recv()
        os.kill(worker.process.pid or 0, signal.SIGKILL)
        while True:
            worker.connection.recv()
