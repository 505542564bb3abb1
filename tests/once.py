"""Folders that the processes of one run of the tests share: what takes long to build is built by the first one."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def shared(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of this run, for all its processes (pytest-xdist gives each a folder in it)."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """A folder of this run, to be read only: built here, unless another process has built it or is at it."""
    folder = shared(factory) / "once" / name
    folder.parent.mkdir(exist_ok=True)
    is_built = folder.with_name(f"{name}.built")
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_built.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed
            folder.mkdir()
            build(folder)
            is_built.touch()
    return folder
