"""One driver per study: an operating system's lock on an open file, which ends with its process, however that ends."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from eksplora.errors import StudyError
from eksplora.files import LockHeldError, take_lock, writing
from eksplora.untrusted import path_inside

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
        DataError: If the folder is a symbolic link: all that the study writes would go elsewhere.
    """
    path_inside(folder.parent, folder.name, source="the study")
    patience = (PATIENCE_SECONDS if "DVC_STAGE" in os.environ else MOMENT_SECONDS) if waits else 0.0
    try:
        with writing(folder, "Fix its rights or set paths.mlruns=<folder>."):
            lock = take_lock(folder / NAME, patience_seconds=patience)
    except LockHeldError as owner:
        raise StudyInUse(
            f"study '{folder.name}' is being run by process {owner}. "
            "Wait for it, stop it, or start another with study.name=<name>."
        ) from owner
    with lock:
        yield
