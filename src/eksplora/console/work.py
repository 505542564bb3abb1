"""Signs of life of what is no study: that a command has begun, and which of its steps takes long."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from eksplora.console.terminal import Shown, cut, standard

RENEWED_SECONDS = 0.25
"""Time between two looks at the line."""

LONG_SECONDS = 3.0
"""A step that takes longer is printed without a terminal, too, and on one with its time."""

AGAIN_SECONDS = 60.0
"""Time between two such lines, without a terminal."""


class Opening:
    """Line of a terminal while a command reads its configuration, the first thing that it shows.

    Without a terminal nothing is shown: `begin` is the first line of a log, once the request is known to be good.
    Enter it to show the line, as often as wanted; leaving it takes the line away.
    """

    def __init__(self, words: Sequence[str], *, terminal: Shown | None = None) -> None:
        """Line of a command.

        Args:
            words: The command, and what was typed after it. Nothing is shown where they only ask for help or for the
                configuration.
            terminal: Where it is shown; None: standard error.
        """
        is_asked = bool(words) and not {"--help", "-h", "--cfg", "-c"} & {word.partition("=")[0] for word in words}
        named = [word.partition("=")[2] for word in words if word.startswith("experiment=")]
        self._line = " ".join([*words[:1], *named[-1:], "· reading the configuration"]) if is_asked else ""
        self._terminal = terminal or standard()

    def __enter__(self) -> None:
        """Show it."""
        self._terminal.show(self._line)

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._terminal.show("")


def begin(command: str, subject: str) -> None:
    """Say that a command begins: once what was asked is known to be good, before anything slow is imported.

    Args:
        command: Name of the stage.
        subject: What it is about, such as the experiment.
    """
    standard().say(f"{command} {subject}: starting")


class Work:
    """Shows the step that a command is at, from a thread of its own; use as a context manager."""

    def __init__(
        self, title: str, *, terminal: Shown | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Work of this title, with no step so far.

        Args:
            title: What is done to what.
            terminal: Where it is shown; None: standard error.
            clock: Seconds that go on evenly.
        """
        self._title, self._terminal, self._clock = title, terminal or standard(), clock
        self._step, self._began_at, self._due = "", clock(), LONG_SECONDS
        self._lock, self._is_over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away."""
        self._is_over.set()
        self._thread.join()
        self._terminal.show("")

    def step(self, name: str) -> None:
        """Something else is done from now on; empty: what shows itself."""
        with self._lock:
            self._step, self._began_at, self._due = name, self._clock(), LONG_SECONDS
        self.tick()

    def tick(self) -> None:
        """Show what is due by now."""
        with self._lock:
            seconds = self._clock() - self._began_at
            line = f"{self._title} · {self._step}"
            if self._terminal.is_live:
                took = f" · {seconds:.0f} s" if seconds >= LONG_SECONDS else ""
                self._terminal.show(cut(line, self._terminal.width - len(took)) + took if self._step else "")
            elif self._step and seconds >= self._due:
                self._terminal.say(line if self._due == LONG_SECONDS else f"{line} · {seconds:.0f} s")
                self._due = seconds - seconds % AGAIN_SECONDS + AGAIN_SECONDS

    def _watch(self) -> None:
        while not self._is_over.wait(RENEWED_SECONDS):
            self.tick()
