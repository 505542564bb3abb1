"""Notes what a stage of DVC opens, and why; installed as `sitecustomize`, so in the stage's workers too."""

import os
import sys
from types import FrameType
from typing import Any

LOG, STAGE = os.environ.get("SPY_LOG"), os.environ.get("DVC_STAGE")


READERS = ("eksplora.untrusted", "eksplora.config.files")
"""Modules that read files for others: who asked them is further out."""


def reason(frame: FrameType | None) -> str:
    """What the innermost caller that tells is at: `imported`, `composed`, or else `opened`."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name.startswith(("importlib._bootstrap", "_frozen_importlib")):
            return "imported"
        if name.startswith("hydra._internal"):
            return "composed"
        if name.startswith("eksplora") and name not in READERS:
            return "opened"
        frame = frame.f_back
    return "opened"


def note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str) and arguments[0] != LOG:
        writes = isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        why = "written" if writes else reason(sys._getframe())
        line = f"{STAGE}\t{why}\t{os.path.abspath(arguments[0])}\n"  # noqa: PTH100  # pathlib may not be imported yet
        handle = os.open(str(LOG), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line.encode())
        os.close(handle)


if LOG and STAGE:
    sys.addaudithook(note)
