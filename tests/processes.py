"""The one place where tests look at other processes: any of them may end between two looks, and is then not there."""

import contextlib
import os
import signal
from pathlib import Path


def read(pid: int | str, file: str) -> bytes:
    """A file of a process in /proc; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


def stat(pid: int | str) -> list[str]:
    """State, parent, group, session and so on of a process, as `man 5 proc` numbers them from 3; empty when ended."""
    return read(pid, "stat").decode(errors="replace").rpartition(")")[2].split()


def is_alive(pid: int) -> bool:
    """Whether a process runs or waits; one that has ended and was not collected yet does not."""
    return stat(pid)[:1] not in ([], ["Z"], ["X"])


def running() -> list[int]:
    """The processes of this machine."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def session(leader: int) -> list[int]:
    """The living processes of a session."""
    return [pid for pid in running() if stat(pid)[3:4] == [str(leader)] and is_alive(pid)]


def kill(pid: int) -> None:
    """kill -9 of a process that may have ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
