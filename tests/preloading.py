"""The process that commands of tests are forked from (see preloaded.py): it imports, and then only forks.

Nothing of eksplora is imported, because commands run sources of their own, and nothing that starts a thread, because a
fork would lack it.
"""

import atexit
import builtins
import fcntl
import gc
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import util
from pathlib import Path
from typing import Any, NoReturn

import quick_hydra
from processes import stat
from waiting import until

LIBRARIES = (
    *("hydra", "pydantic", "rich.live", "rich.table", "sqlite3", "jinja2", "numpy", "scipy.stats", "scipy.signal"),
    *("torch", "pytorch_lightning", "torchmetrics", "optuna", "safetensors.torch", "matplotlib.pyplot"),
    *("pydantic.type_adapter", "pandas", "sklearn.metrics"),
)
LONGEST = 2**18
SITE = sys.path[1:]
NUM_FILTERS = len(warnings.filters)
HIGH = 200
"""Open files are moved to numbers from here on, out of the way of those that they shall have."""


def serve(requests: socket.socket) -> NoReturn:
    """Fork a process for each request."""
    for name in LIBRARIES:
        importlib.import_module(name)
    quick_hydra.warm_up()
    threads = int(stat("self")[17])
    assert threads == 1, f"{threads} threads after the imports: a fork would have one of them"
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page that it looks at
    while True:
        message, streams, _, _ = socket.recv_fds(requests, LONGEST, 3)
        if not message:
            os._exit(0)
        reader, writer = os.pipe()
        between = os.fork()
        if between == 0:
            between = os.getpid()
            if process := os.fork():
                os.write(writer, str(process).encode())
                os._exit(0)  # the tests' process becomes its parent
            until(lambda parent=between: os.getppid() != parent)
            asked = json.loads(message)
            settle(asked, streams)
            stand_by()
            be(asked["words"])
        for number in (writer, *streams):
            os.close(number)
        os.waitpid(between, 0)
        requests.send(os.read(reader, 20))
        os.close(reader)


def settle(asked: dict[str, Any], files: Sequence[int]) -> None:
    """Take over open files, folder, environment and session."""
    if asked.get("session"):
        os.setsid()
    moved = [fcntl.fcntl(file, fcntl.F_DUPFD, HIGH) for file in files]
    for number, file in zip(asked["numbers"], moved, strict=True):
        os.dup2(file, number)
    for number in {*range(HIGH + len(moved))} - set(asked["numbers"]):
        with suppress(OSError):
            os.close(number)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    tempfile.tempdir = None
    sys.modules["numpy"].random.seed()
    warn(os.environ.get("PYTHONWARNINGS", ""))


def warn(asked: str) -> None:
    """Put PYTHONWARNINGS into effect where the interpreter puts it: after what libraries have set, before its own."""
    of_libraries, own = warnings.filters[:-NUM_FILTERS], warnings.filters[-NUM_FILTERS:]
    warnings.filters[:] = own  # type: ignore[index]
    sys.warnoptions = [option for option in asked.split(",") if option]
    warnings._processoptions(sys.warnoptions)  # type: ignore[attr-defined]
    warnings.filters[:0] = of_libraries  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def be(words: Sequence[str]) -> NoReturn:
    """Run a script, or the text after -c, as the main module."""
    main, (first, *rest) = sys.modules["__main__"].__dict__, words
    script = None if first == "-c" else first
    text = rest.pop(0) if script is None else Path(script).read_bytes()
    main.clear()
    main.update(__name__="__main__", __builtins__=builtins, __doc__=None, __package__=None, __spec__=None)
    if script is not None:
        main["__file__"] = script
    sys.argv, sys.orig_argv = [first, *rest], [sys.executable, *words]
    own = [] if os.environ.get("PYTHONSAFEPATH") else ["" if script is None else str(Path(script).resolve().parent)]
    sys.path[:] = [*own, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), *SITE]
    code: object = 0
    try:
        exec(compile(text, script or "<string>", "exec"), main)
    except SystemExit as end:
        code = end.code or 0
    except BaseException as error:
        below = error.__traceback__ and error.__traceback__.tb_next  # without this function
        sys.excepthook(type(error), error.with_traceback(below), below)
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    leave(code)


def leave(code: object) -> NoReturn:
    """End as the interpreter does, with a sentence in the place of a number too.

    But it would take every module apart, which here would copy every page of them: half a second of CPU.
    """
    if not isinstance(code, int):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF if isinstance(code, int) else 1)


def stand_by() -> None:
    """Fork the process that multiprocessing will want to fork workers from, for which it would start an interpreter.

    It waits for that moment, deaf, and ends with this process before it.
    """
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = os.fork()
    if process:
        there.close()
        redirect(process, here)
        return
    here.close()
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    message, files, _, _ = socket.recv_fds(there, LONGEST, 16)
    if not message:
        os._exit(0)
    asked = json.loads(message)
    settle(asked, files)
    while signal.sigtimedwait(signal.valid_signals(), 0):
        pass  # they came before it was begun
    signal.pthread_sigmask(signal.SIG_SETMASK, asked["blocked"])
    be(asked["words"])


def redirect(process: int, requests: socket.socket) -> None:
    """Let multiprocessing take the process that waits in place of the first interpreter that forks workers."""
    by_interpreter, waiting = util.spawnv_passfds, [process]

    def begin(path: bytes, words: Sequence[str], files: Sequence[int]) -> int:
        if not (waiting and words[-1].startswith("from multiprocessing.forkserver import main")):
            return by_interpreter(path, words, files)
        asked = {
            "numbers": [0, 1, 2, *files],
            "words": ["-c", words[-1]],
            "folder": str(Path.cwd()),
            "environment": dict(os.environ),
            "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        }
        socket.send_fds(requests, [json.dumps(asked).encode()], asked["numbers"])
        requests.close()
        return waiting.pop()

    util.spawnv_passfds = begin


if __name__ == "__main__":
    import preloading  # this file, as a module that stays what it is while the main module becomes another

    preloading.serve(socket.socket(fileno=int(sys.argv[1])))
