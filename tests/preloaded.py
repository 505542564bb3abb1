"""Commands that begin at once: each is forked from a process that has imported the large libraries already.

A start by the interpreter costs 4 s of CPU for imports, and as much again for the process that workers are forked from.
Here both take a copy of what was imported once. To a test they are what `subprocess` starts: its children, with exit
codes, signals, streams, folder, environment, session and arguments as usual. What differs: /proc has another command
line and environment, all commands order sets of texts alike, Hydra composes quicker (quick_hydra.py), and one more
process waits in the session, to become the one that workers are forked from. A test of one of these, or of the start
itself, takes `subprocess`.
"""

import atexit
import contextlib
import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

IMPORTING = Path(__file__).with_name("preloading.py")
READ_AT_START = ("PYTHON", "OMP_", "GOMP_", "MKL_", "KMP_", "OPENBLAS_", "LD_", "MALLOC_", "GLIBC_", "LC_", "LANG")
"""Beginnings of the variables that the interpreter and the libraries read once, when they are loaded."""

LATER = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONWARNINGS")
"""Variables of the interpreter that can be put into effect later as well."""

OF_THE_SERVER = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""What the libraries are loaded with, and nothing else: Arrow, which pandas imports, starts no thread."""

FROM_THE_PACKAGE = {"MKL_CBWR": "AUTO", "OMP_WAIT_POLICY": "PASSIVE"}
"""What the package sets before it imports anything, unless it is set."""

PR_SET_CHILD_SUBREAPER = 36


class Server:
    """The process that has imported the libraries, and with which environment; it ends with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: socket.socket | None = None
        self._read: dict[str, str] = {}

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Whether a command with this environment would have loaded the libraries as the server has."""
        with self._lock:
            if self._requests is None:
                self._start()
        return read_at_start(environment) == self._read

    def fork(self, streams: Sequence[int], **asked: Any) -> int:
        """Let the server fork a process; its id. Its parent ends at once, and this process takes its place."""
        with self._lock, adopting():
            assert self._requests is not None
            socket.send_fds(self._requests, [json.dumps({"numbers": [0, 1, 2], **asked}).encode()], streams)
            answer = self._requests.recv(20)
        assert answer, "the process that commands are forked from has ended"
        return int(answer)

    def end(self) -> None:
        """End it."""
        if self._requests is not None:
            self._requests.close()
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        """Start it; it imports while the first command waits."""
        self._requests, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._read = read_at_start(os.environ)
        own = {key: value for key, value in os.environ.items() if key not in LATER} | self._read | OF_THE_SERVER
        with there:
            command = [sys.executable, str(IMPORTING), str(there.fileno())]
            null = subprocess.DEVNULL
            self._process = subprocess.Popen(command, env=own, pass_fds=[there.fileno()], stdin=null, stdout=null)


def read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """What of an environment is read once."""
    whole = FROM_THE_PACKAGE | dict(environment)
    return {key: value for key, value in whole.items() if key.startswith(READ_AT_START) and key not in LATER}


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Become the parent of what loses its own below this process."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


SERVER = Server()
atexit.register(SERVER.end)


class Forked(subprocess.Popen[Any]):
    """A process of the server's; all but its beginning is Python's own."""

    def _execute_child(self, *given: Any) -> None:  # as Python 3.11 to 3.13 call it
        words, cwd, env, new_session, pipes = given[0], given[5], given[6], given[21], given[10:16]
        theirs = (pipes[0], pipes[3], pipes[5])  # -1: as this process has it
        self.pid = SERVER.fork(
            [number if pipe == -1 else pipe for number, pipe in enumerate(theirs)],
            words=[os.fspath(word) for word in words[1:]],
            folder=os.path.join(os.getcwd(), cwd or ""),  # noqa: PTH109, PTH118  # as it is, whatever leads there
            environment=dict(os.environ if env is None else env),
            session=new_session,
        )
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def start(
    words: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    start_new_session: bool = False,
    **streams: Any,
) -> "subprocess.Popen[Any]":
    """A command `python <script> ...` as `subprocess.Popen` starts it.

    Where the server cannot stand for the interpreter (another one, options of its own, an environment that is read
    once), and on systems without the calls for it, the interpreter is started.
    """
    is_script = words[0] == sys.executable and words[1].endswith(".py") and sys.platform == "linux"
    suits = is_script and SERVER.suits(os.environ if env is None else env)
    begin = Forked if suits else subprocess.Popen
    return begin(words, cwd=cwd, env=env, start_new_session=start_new_session, **streams)


def run(words: Sequence[str], **given: Any) -> "subprocess.CompletedProcess[str]":
    """A command to its end, as `subprocess.run` does it with `capture_output` and `text`."""
    pipe = subprocess.PIPE
    with start(words, **{"stdout": pipe, "stderr": pipe, "text": True} | given) as process:
        output, errors = process.communicate()
    return subprocess.CompletedProcess(words, process.returncode, output, errors)
