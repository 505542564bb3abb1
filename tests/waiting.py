"""The one place where tests wait: for something to hold, never for a time to pass.

A busy machine takes many times as long for everything. So a bound here only ends what hangs, and no test sleeps or
looks at a clock by itself (tests/test_structure.py).
"""

import random
import subprocess
import time
from collections.abc import Callable
from typing import Any

HANG_SECONDS = 600.0
"""Nothing that a test waits for takes so long, whatever else runs on the machine."""


def until(holds: Callable[[], Any], *, process: "subprocess.Popen[str] | None" = None) -> None:
    """Wait until something holds; a process that is at work on it must not end before."""
    end = time.monotonic() + HANG_SECONDS
    while not holds():
        is_over = process is not None and process.poll() is not None
        if is_over and not holds():
            assert process is not None
            raise AssertionError(f"it ended before, with {process.returncode}: {rest_of(process)}")
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.005)


def rest_of(process: "subprocess.Popen[str]") -> str:
    """What a process prints until its end, as far as nobody has read it."""
    if process.stdout is None or process.stdout.closed:
        return ""
    with process.stdout as output:
        return output.read()


def at_a_random_moment(draws: random.Random, most_seconds: float) -> None:
    """Let some time pass, so that what comes next falls into any moment of what runs; nothing may depend on which."""
    time.sleep(draws.uniform(0, most_seconds))


def stays(holds: Callable[[], Any], seconds: float = 0.5) -> bool:
    """Whether something goes on to hold for a while: to see that nothing happens one can but wait."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not holds():
            return False
        time.sleep(0.02)
    return True
