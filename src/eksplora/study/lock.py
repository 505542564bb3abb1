"""One driver per study: an operating system's lock on an open file, which ends with its process, however that ends."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from eksplora.errors import StorageError, StudyError, reason_of

NAME = "lock"

PATIENCE_SECONDS = 30.0
"""A stage of DVC waits so long for the lock: what an earlier `dvc repro` left is ending just now."""

MOMENT_SECONDS = 3.0
"""Everybody waits so long: another command that fills MLflow holds the lock of each study for a moment."""


class StudyInUse(StudyError):
    """Another process works on the study just now."""


@contextlib.contextmanager
def hold(folder: Path, *, waits: bool = True) -> Iterator[None]:
    """Hold the lock of a study's folder.

    Args:
        folder: The study's.
        waits: Whether to wait for a holder that may be about to go.

    Raises:
        StudyInUse: If another driver holds it.
        StorageError: If the folder cannot be written.
    """
    descriptor = _open(folder)
    patience = (PATIENCE_SECONDS if "DVC_STAGE" in os.environ else MOMENT_SECONDS) if waits else 0.0
    try:
        while not _take(descriptor, folder, until=time.monotonic() + patience):
            os.close(descriptor)
            descriptor = _open(folder)
        with contextlib.suppress(OSError):  # a full disk: the lock holds, only the owner's number is missing
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path, until: float) -> bool:
    """Take the lock; False when its file was removed meanwhile (by a driver that gave up before it wrote anything)."""
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
    except BlockingIOError as error:
        owner = os.pread(descriptor, 20, 0).decode(errors="replace") or "unknown"
        raise StudyInUse(
            f"study '{folder.name}' is being run by process {owner}. "
            "Wait for it, stop it, or start another with study.name=<name>."
        ) from error
    try:
        # The lock is on the open file: if the path has another file now, somebody else may hold that one.
        return os.path.samestat(os.fstat(descriptor), (folder / NAME).stat())
    except FileNotFoundError:
        return False


def _open(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written ({reason_of(error)}). Fix its rights or set paths.mlruns=<folder>."
        ) from error
