"""Signals while a study runs: the first asks for a clean end, a second Ctrl-C or SIGTERM ends everything at once."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Self

from eksplora.errors import Interrupted, follows
from eksplora.launch.signals import WARNINGS, heard
from eksplora.launch.streams import say_at_once
from eksplora.study.driver import Driver

FROM_A_KEYBOARD = (signal.SIGINT, signal.SIGQUIT)
LEFT = "left at once; the same command goes on from the last checkpoints"
_SHOW_CURSOR = "\x1b[?25h"
_OUTLIVES: ContextVar[bool] = ContextVar("outlives", default=False)


@contextmanager
def outlived() -> Iterator[None]:
    """Let this process outlive its studies, however they end: a notebook's kernel holds more than one study."""
    before = _OUTLIVES.set(True)
    try:
        yield
    finally:
        _OUTLIVES.reset(before)


class Interruption:
    """Listens to the signals that ask a study to end; use as a context manager.

    While a driver runs, the first signal asks it to checkpoint and return, and one that insists kills its workers and
    leaves. Before and after, when nothing can be lost, the first signal ends the command. In another thread than the
    main one nothing is heard: signals are the main thread's.

    Attributes:
        number: The first signal's number; 0 while there was none.
    """

    def __init__(self) -> None:
        """Nothing has been asked yet."""
        self.number = 0
        self._driver: Driver | None = None
        self._is_running = False

    def __enter__(self) -> Self:
        """Listen."""
        numbers = heard() if threading.current_thread() is threading.main_thread() else ()
        self._before = {number: signal.signal(number, self._listen) for number in numbers}
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Give the signals back to those who had them.

        Raises:
            Interrupted: In place of what foreign code has made of it.
        """
        # First: a signal that comes now is another owner's.
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.number and not isinstance(error, Interrupted) and follows(error, Interrupted):
            raise interrupted(self.number) from None

    @contextmanager
    def stops(self, driver: Driver) -> Iterator[None]:
        """Hand the first signal to a driver while it runs."""
        self._driver, self._is_running = driver, True
        if self.number:  # a library may have taken the exception of an earlier signal for an error of its own
            driver.stop(signal.Signals(self.number).name)
        try:
            yield
        finally:
            self._is_running = False

    def _listen(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            if _insists(number, self.number):
                self._leave(number)
            return
        self.number = number
        # Nothing trains: an exception unwinds to the command's end.
        if self._driver is None or not self._is_running:
            raise interrupted(number)
        self._driver.stop(signal.Signals(number).name)

    def _leave(self, number: int) -> None:
        """End at once; nothing is printed through buffers that the interrupted code may hold.

        Raises:
            KeyboardInterrupt: Where the process outlives the study.
        """
        if self._driver is not None:
            self._driver.workers.kill()
        if _OUTLIVES.get():
            raise KeyboardInterrupt(LEFT)
        cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
        say_at_once(f"{cursor}\nerror: {LEFT}\n")
        os._exit(128 + number)


def _insists(number: int, first: int) -> bool:
    """Whether a further signal cannot wait for the checkpoints that the first one asked for.

    The end of a terminal reaches a process from the system and from its shell; a batch system warns, warns again, and
    sends SIGTERM some time before it kills.
    """
    return number in FROM_A_KEYBOARD or (number == signal.SIGTERM and first not in WARNINGS)


def interrupted(number: int) -> Interrupted:
    """The error that ends a command after a signal, with the exit code that shells expect (143 after SIGTERM)."""
    error = Interrupted("stopped; the same command goes on where it was left")
    error.exit_code = 128 + number
    return error
