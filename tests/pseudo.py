"""A terminal of a fixed size, without a program behind it: what is written comes back as bytes, and as a screen."""

import fcntl
import os
import pty
import re
import struct
import termios
from typing import Self, TextIO

from rich.cells import cell_len

_PIECE = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\r\n])|([^\x1b\r\n])")


class Pseudo:
    """A pseudo-terminal; use as a context manager."""

    def __init__(self, columns: int) -> None:
        self._columns = columns

    def __enter__(self) -> Self:
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        self.resize(self._columns)
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8")
        self.screen = Screen(self._columns)
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        os.close(self.master)

    def resize(self, columns: int) -> None:
        self._columns = columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def read(self) -> str:
        """What was written since the last time."""
        found = b""
        while True:
            try:
                found += os.read(self.master, 65536)
            except BlockingIOError:
                return found.decode()

    def rows(self) -> list[str]:
        """The rows of the screen that are not empty, after all that was written."""
        self.screen.write(self.read())
        return [row for row in self.screen.rows() if row]


class Screen:
    """Rows of letters and a cursor: as much of a terminal as a line that is renewed needs; long lines wrap."""

    def __init__(self, columns: int) -> None:
        self.columns, self.cells, self.at = columns, [[]], [0, 0]

    def resize(self, columns: int) -> None:
        """Wrap what there is anew, as most terminals do; the cursor stays behind the last letter."""
        text, self.cells, self.columns, self.at = self.rows(), [[]], columns, [0, 0]
        self.write("\r\n".join(text))

    def rows(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.cells]

    def write(self, text: str) -> None:
        for count, command, move, letter in _PIECE.findall(text):
            if command == "A":
                self.at[0] = max(0, self.at[0] - int(count or 1))
            elif command == "J":
                del self.cells[self.at[0] + 1 :]
                del self.cells[self.at[0]][self.at[1] :]
            elif move == "\r":
                self.at[1] = 0
            elif move == "\n":
                self._down()
            elif letter:
                self._put(letter)

    def _down(self) -> None:
        self.at[0] += 1
        while len(self.cells) <= self.at[0]:
            self.cells.append([])

    def _put(self, letter: str) -> None:
        if cell_len("".join(self.cells[self.at[0]][: self.at[1]]) + letter) > self.columns:
            self._down()
            self.at[1] = 0
        row = self.cells[self.at[0]]
        row[self.at[1] : self.at[1] + 1] = [letter]
        self.at[1] += 1
