"""Main loop of a worker process: take a job, train it, send what comes of it."""

import importlib
import os
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

from eksplora.errors import EksploraError
from eksplora.installation import CONFIG_DIRS
from eksplora.launch.signals import FOR_THE_DRIVER
from eksplora.launch.streams import outlast_terminal
from eksplora.types import Decision, EpochReport, Job, MemberResult, Report

Run = Callable[[Job, Report], None]
"""Trains the members of a job; each result goes to the report's `member`."""


class Channel:
    """A population's report over the pipe to the driver."""

    def __init__(self, connection: Connection) -> None:
        """Talk over `connection`; the driver sends decisions and the request to stop."""
        self._connection = connection
        self._stop = False
        self.is_judged = False

    def epochs(self, reports: Sequence[EpochReport]) -> list[Decision]:
        """Send what ended an epoch; wait for the answers when a pruner is at work."""
        self._send("epochs", list(reports))
        decisions = self._await_decisions() if self.is_judged else [Decision.GO_ON] * len(reports)
        if not self.stop_requested():
            return decisions
        # pruned even when asked to stop: after a resumption nobody would ask again
        return [decision if decision is Decision.PRUNE else Decision.STOP for decision in decisions]

    def stop_requested(self) -> bool:
        """Whether the driver has asked for a stop."""
        while not self._stop and self._connection.poll():
            self._stop = self._receive()[0] == "stop"
        return self._stop

    def member(self, result: MemberResult) -> None:
        """Send a member's result at once: what is finished is never trained again."""
        self._send("member", result)

    def split(self, size: int, reason: str) -> None:
        """Give the job back: at most `size` of its trainings go together, and why."""
        self._send("split", (size, reason))

    def _await_decisions(self) -> list[Decision]:
        """The driver's answers to the epochs just sent; a request to stop may come before them."""
        while True:
            kind, value = self._receive()
            if kind == "decisions":
                return [Decision(decision) for decision in value]
            self._stop = self._stop or kind == "stop"

    def _send(self, kind: str, value: object) -> None:
        send(self._connection, kind, value)

    def _receive(self) -> tuple[str, Any]:
        try:
            message: tuple[str, Any] = self._connection.recv()
        except (EOFError, OSError):
            # At once, without clean-up: nobody is left to report to.
            os._exit(1)
        return message


def send(connection: Connection, kind: str, value: object) -> None:
    """Send a message; when the driver is gone, this process goes too, and quietly."""
    try:
        connection.send((kind, value))
    except (BrokenPipeError, ConnectionResetError):
        os._exit(1)


def serve(connection: Connection, run_name: str, config_dirs: str = "") -> None:
    """Work until the driver asks for the end or is gone.

    Args:
        connection: The pipe to the driver.
        run_name: What trains a job, as `package.module:function`.
        config_dirs: The driver's folders of configurations, as its environment names them now: the process that
            workers are forked from may be older.
    """
    os.environ[CONFIG_DIRS] = config_dirs
    signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_DRIVER)  # not ignored: Lightning would put handlers of its own
    outlast_terminal()
    # A training does not read the pipe for seconds: the thread sees the driver's end at once.
    threading.Thread(target=_leave_with_driver, daemon=True).start()
    # By name: this room launches whatever trains, and imports none of it.
    module, _, function = run_name.partition(":")
    run: Callable[[str, Job | dict[str, object], Report], object] = getattr(importlib.import_module(module), function)
    send(connection, "ready", os.getpid())
    while True:
        try:
            kind, value = connection.recv()
        except (EOFError, OSError):
            return
        if kind == "bye":
            return
        if kind in ("job", "check"):
            _answer(connection, run, kind, value)


def _answer(connection: Connection, run: Callable[..., object], kind: str, value: object) -> None:
    """Run one job or check, and send `done` with what it returns, or `error`."""
    channel = Channel(connection)
    channel.is_judged = getattr(value, "is_judged", False)
    try:
        send(connection, "done", run(kind, value, channel))
    # Handed on whole, so that the driver sees whether it is the user's to fix.
    except EksploraError as error:
        send(connection, "refused", error)
    except Exception:
        send(connection, "error", traceback.format_exc())


def _leave_with_driver() -> None:
    """End this process when the driver's ends, however that ends."""
    driver = parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)
