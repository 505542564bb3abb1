"""Errors of a command in one line with an exit code."""

import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from eksplora.config import as_ours
from eksplora.errors import follows
from eksplora.tracker.address import masked

_SHOWS_TRACE = os.environ.get("HYDRA_FULL_ERROR") == "1"


INTERRUPTED = "interrupted; the same command goes on where it was left"


@contextmanager
def readable_errors(root: str) -> Iterator[None]:
    """Turn what goes wrong into one line and the exit code; what nobody foresaw keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        fail(INTERRUPTED, 130)
    except Exception as error:
        if follows(error, KeyboardInterrupt):
            fail(INTERRUPTED, 130)
        ours = as_ours(error, root)
        if ours is not None:
            fail(str(ours), ours.exit_code)
        raise


def fail(message: str, code: int) -> NoReturn:
    """End the process with a message of one line and an exit code."""
    if _SHOWS_TRACE:
        traceback.print_exc()
    line = re.sub(r"[\x00-\x1f\x7f]+", " ", masked(message))  # one line, whatever it quotes
    line = re.sub(r"\S{1000,}", lambda word: f"{word[0][:200]}...", line)
    print("error:", line, file=sys.stderr)
    sys.exit(code)
