"""One driver per study: an operating system's lock on an open file, which ends with its process, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eksplora.errors import StorageError, StudyError


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the lock of a study's folder.

    Raises:
        StudyError: If another driver holds it.
        StorageError: If the folder cannot be written.
    """
    descriptor = _open(folder)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 20, 0).decode() or "unknown"
            raise StudyError(
                f"study '{folder.name}' is being run by process {owner}. Wait for it, stop it, or start another with study.name=<name>."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written ({error.strerror}). Mend its rights or set paths.mlruns=<folder>.") from error
