"""Standard streams that outlast a terminal: what is written after it was closed is lost, and nothing else."""

import contextlib
import errno
import io
import os
import sys


class _Terminal(io.FileIO):
    """A terminal; writing to one that was closed is an error of the system (EIO) and none of ours."""

    def write(self, content: "io._WrittenBytes", /) -> int:  # type: ignore[name-defined]
        """Write what can be written; all of it counts as written once the terminal is gone."""
        try:
            return super().write(content)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return len(content)


def outlast_terminal() -> None:
    """Make the standard streams of this process last.

    One that was closed by whoever started the process becomes /dev/null: otherwise the next file that is opened would
    take its number, and get what is written to it. Terminals may go away from now on.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number is this one
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None or (os.isatty(number) and isinstance(stream, io.TextIOWrapper)):
            encoding, errors = (stream.encoding, stream.errors) if stream else ("utf-8", "backslashreplace")
            # closefd=False: the file number belongs to the process.
            raw = io.BufferedWriter(_Terminal(number, "w", closefd=False))
            setattr(sys, name, io.TextIOWrapper(raw, encoding=encoding, errors=errors, line_buffering=True))


def say_at_once(text: str) -> None:
    """Write to stderr from a signal's handler: no buffer, which may be in use, and no error when nobody listens."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode())
