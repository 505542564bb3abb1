"""Make a .venv belong to the folder that it lies in: a project was copied or moved, and its environment with it.

    .venv/bin/python tools/move_venv.py <the folder it was made in>

The old folder stands in the first lines of its scripts, in the scripts that activate it, and in the records of the
installed eksplora. Python itself is linked to and has not moved.
"""

import re
import sys
from itertools import chain
from pathlib import Path

FIRST_LINES = re.compile(rb"\A(#![^\n]*/python[\w.]*\n|#!/bin/sh\n'''exec' [^\n]*\n' '''\n)")
"""How pip begins a script: with its Python, or through a shell where that path is long or has blanks."""

LONGEST = 127
"""Bytes of a first line that every system reads."""


def move(venv: Path, old: bytes) -> None:
    """Rewrite the old folder in the files of an environment that name it."""
    new = bytes(venv.parent)
    installed = ("*.pth", "__editable__*", "eksplora-*.dist-info/*")
    packages = chain.from_iterable(venv.glob(f"lib/python*/site-packages/{glob}") for glob in installed)
    for file in (venv / "pyvenv.cfg", *(venv / "bin").iterdir(), *packages):
        if file.is_symlink() or not file.is_file():
            continue
        before = file.read_bytes()
        after = FIRST_LINES.sub(lambda found: first_lines(bytes(venv / "bin/python")), before)
        after = re.sub(re.escape(old) + rb"(?=[/\s\"']|\Z)", lambda found: new, after)
        if after != before:
            file.write_bytes(after)


def first_lines(python: bytes) -> bytes:
    """How a script begins that this Python runs."""
    is_plain = b" " not in python and len(python) + 2 <= LONGEST
    return b"#!%b\n" % python if is_plain else b"#!/bin/sh\n'''exec' \"%b\" \"$0\" \"$@\"\n' '''\n" % python


if __name__ == "__main__":
    move(Path(".venv").resolve(), sys.argv[1].encode())
