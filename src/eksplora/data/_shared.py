"""Large arrays that the processes of a machine share: their memory does not grow with their number.

An array lies in a file that every process maps. Whoever maps it holds the operating system's lock on the file, so a
file without a holder is of use to nobody: the last holder removes it, and where that one was killed, the next to come.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from io import FileIO
from multiprocessing import util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eksplora import files

Blocks = Callable[[], Iterable[NDArray[np.float32]]]
"""The rows of an array, some at a time; may be asked for again."""

LEAST_BYTES = 32 << 20
"""An array of fewer bytes is faster made than shared."""


def shared(path: Path, shape: Sequence[int], blocks: Blocks) -> NDArray[np.float32]:
    """An array that lies in `path` for as long as a process has it; in memory where no file can be written.

    Args:
        path: Its file: one array, one name. The folder holds nothing but such files.
        shape: (rows, ...).
        blocks: Its rows, asked for where no other process has made the file.

    Returns:
        The array; what is written to it stays in this process.
    """
    try:
        file = _held(path, blocks)
    except OSError:  # a full disk, or data that are only to be read
        return in_memory(shape, blocks)
    array = np.memmap(file, dtype=np.float32, mode="c", shape=tuple(shape))
    util.Finalize(array, _let_go, args=(file, path), exitpriority=0)
    return array


def in_memory(shape: Sequence[int], blocks: Blocks) -> NDArray[np.float32]:
    """The array in memory of this process."""
    array, start = np.empty(tuple(shape), dtype=np.float32), 0
    for block in blocks():
        array[start : start + len(block)] = block
        start += len(block)
    return array


def _held(path: Path, blocks: Blocks) -> FileIO:
    """The whole file, with a lock that others may hold too.

    Raises:
        OSError: If it cannot be written.
    """
    with files.take_lock(path.with_name(".lock")):  # one makes it, the others wait and find it
        for other in path.parent.glob("*.f32"):
            with suppress(OSError), _opened(other) as left:
                _remove_unheld(left, other)
        while True:
            with suppress(FileNotFoundError):
                file = _opened(path)
                fcntl.flock(file, fcntl.LOCK_SH)
                if files.lies_at(file, path):
                    return file
                file.close()  # its last holder removed it just now
            with files.new_file(path) as new, new.open("wb") as to_fill:
                for block in blocks():
                    to_fill.write(block.data)


def _let_go(file: FileIO, path: Path) -> None:
    """Remove the file unless others have it; what is mapped stays mapped."""
    with suppress(OSError), file:
        _remove_unheld(file, path)


def _remove_unheld(file: FileIO, path: Path) -> None:
    """Remove a file that no other process holds; otherwise nothing happens.

    Raises:
        OSError: If another holds it, or its folder cannot be written.
    """
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if files.lies_at(file, path):
        path.unlink()


def _opened(path: Path) -> FileIO:
    return FileIO(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "r")
