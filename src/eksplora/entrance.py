"""Imported by every command before anything else: from here on Ctrl-C ends it in one line, also while it imports.

The package itself does not import it: in a notebook Ctrl-C is the notebook's.
"""

import _signal as signal  # type: ignore[import-not-found]  # what `signal` is made of, there at once; that imports first
import os


def leave(number: int = signal.SIGINT, frame: object = None) -> None:
    """End at once: nothing was begun yet, or all is done."""
    os.write(2, b"\n" * os.isatty(2) + b"error: interrupted; the same command goes on where it was left\n")
    os._exit(128 + number)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores it
    signal.signal(signal.SIGINT, leave)
