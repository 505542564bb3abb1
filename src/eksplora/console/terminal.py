"""Output of progress: a terminal with one line that is renewed, or a plain stream. Neither can break a command."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TextIO

from rich.cells import cell_len, set_cell_size

WIDTH = 80
"""Columns of a terminal that does not say how many it has."""

UNABLE = ("", "dumb", "unknown")
"""Values of TERM that promise no way to clear a line."""


class Shown(Protocol):
    """A place where progress is shown: lines that stay, and one that is renewed.

    Attributes:
        is_live: Whether it has a line that can be renewed.
    """

    is_live: bool

    @property
    def width(self) -> int:
        """Columns that the line may have."""

    def say(self, text: str) -> None:
        """Write lines that stay."""

    def show(self, text: str) -> None:
        """Renew the line; empty: take it away."""


class Terminal:
    """Standard error, or another stream; what cannot be written is left out, for good once the stream is dead."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`; None: standard error as it is now."""
        self._stream = sys.stderr if stream is None else stream
        self._is_dead = self._stream is None  # as under pythonw
        self._shown, self._width = "", 0
        self.is_live = self._is_terminal() and os.environ.get("TERM", "") not in UNABLE

    @property
    def width(self) -> int:
        """Columns that a line may have; a full last column would begin a new line in some terminals."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        return max(1, (columns or WIDTH) - 1)

    def say(self, text: str) -> None:
        """Write lines that stay; the line that is renewed is below them again afterwards."""
        shown = self._shown
        self.show("")
        self._write("".join(f"{printable(line)}\n" for line in text.splitlines()))
        self.show(shown)

    def show(self, text: str) -> None:
        """Renew the line, cut to the width; empty: take it away. Nothing happens without a terminal."""
        width = self.width if self.is_live else 0
        line = cut(printable(text), width)
        if not self.is_live or (line, width) == (self._shown, self._width or width):
            return
        self._write(self._clearing(width) + line)
        self._shown, self._width = line, width

    def _clearing(self, width: int) -> str:
        """Go to where the line began, and clear: a terminal that became narrower shows it on several rows."""
        rows = -(-cell_len(self._shown) // (width + 1)) if self._shown else 1
        return "\r" + f"\x1b[{rows - 1}A" * (rows > 1) + "\x1b[J"

    def _is_terminal(self) -> bool:
        try:
            return self._stream.isatty()
        except (AttributeError, ValueError):
            return False

    def _write(self, text: str) -> None:
        """Write around the stream's buffer where there is a file: what a dead terminal refuses would stay in it."""
        if self._is_dead:
            return
        try:
            self._stream.flush()
            try:
                handle = self._stream.fileno()
            except (OSError, AttributeError):  # a stream in memory
                handle = None
            if handle is None or not isinstance(self._stream, io.TextIOWrapper):  # a notebook's names another's file
                self._stream.write(text)
                return
            _write_all(handle, text.encode(self._stream.encoding or "utf-8", errors="replace"))
        except BlockingIOError:
            return  # a terminal that was halted: this line is left out
        except (OSError, ValueError):
            self._is_dead, self.is_live = True, False


_IN_USE: ContextVar[Shown | None] = ContextVar("in use", default=None)


def standard() -> Shown:
    """The place where progress is shown unless another is named: standard error, if nothing else is in use."""
    return _IN_USE.get() or Terminal()


@contextmanager
def shown_on(place: Shown | None) -> Iterator[None]:
    """Show progress at another place meanwhile; None: on standard error."""
    before = _IN_USE.set(place)
    try:
        yield
    finally:
        _IN_USE.reset(before)


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def printable(text: str) -> str:
    r"""The text without what would move a terminal's cursor.

    Examples:
        >>> printable("a\x1b[2Jb\nc")
        'a [2Jb c'
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns; wide letters take two.

    Examples:
        >>> cut("a long name", 6), cut("株価の予測", 6), cut("short", 6)
        ('a lon…', '株価…', 'short')
    """
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 1 else ""
