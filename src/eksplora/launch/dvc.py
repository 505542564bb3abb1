"""The DVC that runs this process as a stage: found among its ancestors, and followed to its end.

DVC starts a stage through a shell. Some shells give their place to the command (bash), others wait for it (dash), so
this process may have a parent that lives on when DVC has been killed.
"""

import os
import signal
import threading
import time
from pathlib import Path

STAGE = "DVC_STAGE"
"""Environment variable that DVC sets for its stages, and so for the shells in between."""

LATE_SECONDS = 0.5
"""A stage notices at most so late that DVC is gone."""


def follow() -> None:
    """Ask this process, a stage of DVC, to end by SIGTERM when DVC has ended, however that ends.

    Nobody would take what it makes, and what DVC starts next would wait for it.
    """
    if STAGE in os.environ:
        threading.Thread(target=_follow, args=(ancestors(),), daemon=True).start()


def ancestors() -> list[int]:
    """The processes from the parent up to DVC: the nearest ancestor that DVC has not started.

    Where a system does not show other processes (it needs /proc), the parent is taken for DVC.
    """
    found = [os.getppid()]
    while _is_of_this_stage(found[-1]):
        found.append(_parent(found[-1]))
    return found


def _follow(before: list[int]) -> None:
    # Reparenting shows the death of an ancestor: the list of processes changes.
    while ancestors() == before and _is_in_this_session(before[-1]):
        time.sleep(LATE_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _is_in_this_session(process: int) -> bool:
    """Whether a process may be DVC; one that took over the children of a DVC killed earlier is in another session."""
    try:
        return os.getsid(process) == os.getsid(0)
    except OSError:
        return False


def _is_of_this_stage(process: int) -> bool:
    try:
        environment = Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return False
    return f"{STAGE}={os.environ[STAGE]}".encode() in environment.split(b"\0")


def _parent(process: int) -> int:
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    # The name in parentheses may hold spaces and parentheses itself: fields are counted after the last one.
    return int(stat.rpartition(")")[2].split()[1])
