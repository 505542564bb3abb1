"""MLflow's own server of pages as a process that never outlives the command that started it.

`python -m eksplora.tracker.pages <arguments of mlflow server>` is that process. It leads a process group, because the
server starts others; when its standard input ends, because the command closed it or has died in whatever way, the
whole group ends.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from eksplora.errors import EksploraError

GOODBYE_SECONDS = 3
"""Time that the server has to end by itself."""

ASKED_EVERY_SECONDS = 0.2


@contextmanager
def served(arguments: Sequence[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The server, with all that it says in a log; it has ended when the context is left."""
    command = [sys.executable, "-m", "eksplora.tracker.pages", *arguments]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, process_group=0
        )
    assert server.stdin is not None
    try:
        yield server
    finally:
        server.stdin.close()
        server.wait()
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def wait_until_up(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Wait for the first answer.

    Raises:
        EksploraError: If the server ends before it.
    """
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
            return
        except OSError:
            time.sleep(ASKED_EVERY_SECONDS)
    raise EksploraError(ended(log))


def ended(log: Path) -> str:
    """Reason for which a server ended, as far as its log knows."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"MLflow's server has ended: {lines[-1].strip() if lines else 'without a word'}. All that it said: {log}."


def _end_with_input() -> None:
    sys.stdin.read()
    os.killpg(0, signal.SIGTERM)
    time.sleep(GOODBYE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: None)  # the server's processes end; this one with them
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.argv = ["mlflow", "server", *sys.argv[1:]]
    runpy.run_module("mlflow", run_name="__main__")
