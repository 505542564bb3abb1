"""Start of workers: the process that they are forked from, its folder, and what is said when it cannot be."""

import contextlib
import errno
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing import current_process, forkserver, resource_tracker, util
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from eksplora.errors import StorageError, WorkerError
from eksplora.launch.signals import FOR_THE_DRIVER

LONGEST_FOLDER = 70
"""Characters of a temporary folder's path: what multiprocessing adds to it must fit into the 107 of a socket's path."""

SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
"""Folder of the socket when TMPDIR is too long."""


def start_server() -> None:
    """Start the process that workers are forked from, unless it runs.

    It blocks the signals that are for the driver, already while it imports.

    Raises:
        StorageError: If there is no folder for its socket.
        WorkerError: If the system allows no further process or open file.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_DRIVER)
    try:
        _make_folder()
        # Both processes inherit the mask of blocked signals.
        resource_tracker.ensure_running()  # first: it unblocks two of the signals again
        signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_DRIVER)
        forkserver.ensure_running()
    except OSError as error:
        raise refused(error) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_server() -> None:
    """End the process that workers are forked from; the next worker gets a new one."""
    server: Any = forkserver._forkserver  # its public functions can start it only
    if server._forkserver_pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server._forkserver_pid, signal.SIGKILL)
        with contextlib.suppress(OSError):  # its socket may have been removed with the temporary folder
            server._stop()
        server._forkserver_pid = server._forkserver_address = None


def start(process: BaseProcess) -> None:
    """Start a worker; where the server has died or cannot be reached, once more with a new one.

    Raises:
        StorageError: If there is no folder for the server's socket.
        WorkerError: If it cannot be started.
    """
    start_server()
    try:
        with _without_script():
            process.start()
    except (OSError, EOFError) as first:
        if isinstance(first, OSError) and first.errno in _LIMITS:
            raise refused(first) from first
        end_server()
        start_server()
        try:
            with _without_script():
                process.start()
        except (OSError, EOFError) as error:
            raise refused(error) from error


@contextlib.contextmanager
def _without_script() -> Iterator[None]:
    """Hide from multiprocessing which script this process runs: a worker would run it too, but for its main guard.

    Workers need nothing of it: they import by name what they are to do. So a script needs no guard.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")  # neither a file nor a name to import it by
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def refused(error: OSError | EOFError) -> WorkerError:
    """The error for a worker that the system does not let start."""
    number = error.errno if isinstance(error, OSError) else None
    if number in _LIMITS:
        name, flag, limit = _LIMITS[number]
        allowed, _ = resource.getrlimit(limit)
        return WorkerError(
            f"workers cannot be started: {name} (`ulimit {flag}` is {allowed}). Raise it, or lower study.workers."
        )
    reason = "the process that they are forked from dies" if number is None else os.strerror(number)
    return WorkerError(
        f"workers cannot be started: {reason}. Free memory, look at `ulimit -a`, then give the same command again."
    )


_LIMITS = {
    errno.EMFILE: ("too many open files", "-n", resource.RLIMIT_NOFILE),
    errno.ENFILE: ("too many open files", "-n", resource.RLIMIT_NOFILE),
    errno.EAGAIN: ("too many processes", "-u", resource.RLIMIT_NPROC),
}


def _make_folder() -> None:
    """Make multiprocessing's temporary folder where the path of its socket is short enough; once, unless it is removed.

    Raises:
        StorageError: If there is no such place.
    """
    config = current_process()._config  # type: ignore[attr-defined]
    if config.get("tempdir") is None or not Path(config["tempdir"]).is_dir():
        config["tempdir"] = folder = _new_folder()
        util.Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=-100)


def _new_folder() -> str:
    """A new folder in the usual temporary one where that has a short path, otherwise in another that can be written."""
    usual = []
    with contextlib.suppress(FileNotFoundError):  # none can be written
        usual = [tempfile.gettempdir()]
    for folder in [*usual, *SHORT_FOLDERS, str(Path.home())]:
        if len(os.fsencode(folder)) <= LONGEST_FOLDER:
            with contextlib.suppress(OSError):
                return tempfile.mkdtemp(prefix="pymp-", dir=folder)
    raise StorageError(
        f"no folder for temporary files: {', '.join([*usual, *SHORT_FOLDERS])} cannot be written, or the path has more "
        f"than {LONGEST_FOLDER} characters. Set TMPDIR to a folder that can be written and has a short path."
    )
