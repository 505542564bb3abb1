"""Files by header and hash, which are remembered: a file is read again only once it has changed.

A file counts as unchanged while its size and the times of its last change are what they were. Git's index does so, too:
https://git-scm.com/docs/index-format. As there, a file that was changed within two seconds before it was looked at is
read again: the clock of a file system may be too coarse to tell a later change.
"""

import csv
import hashlib
import io
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TypeVar

from eksplora.errors import DataError, reason_of
from eksplora.files import write_file
from eksplora.images.decoding import UnusableError, check_header, is_grey, opened, upright_size
from eksplora.images.listing import some
from eksplora.records.table import as_csv
from eksplora.untrusted import open_plain, reading

SMALL_BYTES = 2**24  # files up to here are read at once, larger ones are hashed piece by piece
COARSE_NS = 2 * 10**9
CHUNK = 64  # files that a thread takes at a time
WAY_OUT = "Permit reading it, or take it out."
HERE = "./"  # before a name, so that a spreadsheet takes none for a formula
VERSION = "2"  # of what a file is looked at for

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Seen:
    """A file as it was looked at.

    Attributes:
        name: Its path below its folder.
        size: Bytes.
        changed_ns: The later of the times when its content and its entry were changed, in nanoseconds since 1970.
        sha256: Of its content.
        width: Of the image in pixels, as its camera was held; 0 where it cannot be read.
        height: Of the image.
        is_grey: 1 where it has no colours.
        problem: Why it cannot be used, as the end of a sentence; empty where it can, as far as is known.
    """

    name: str
    size: int
    changed_ns: int
    sha256: str
    width: int
    height: int
    is_grey: int
    problem: str = ""


@dataclass(frozen=True)
class States:
    """Files as the file system has them.

    Attributes:
        files: Of each the bytes, and when it was changed (see `Seen.changed_ns`).
        looked_ns: When they were looked at.
    """

    files: tuple[tuple[int, int], ...]
    looked_ns: int


def states_of(folder: Path, names: Sequence[str]) -> States:
    """The present state of files, none of which is read.

    Raises:
        DataError: A file is not there.
    """
    now = time.time_ns()
    found = []
    for name in names:
        try:
            state = os.stat(f"{folder}/{name}")  # noqa: PTH116  # half the time of Path.stat
        except OSError as error:
            raise DataError(f"data.path: {folder / name} cannot be read ({reason_of(error)}). {WAY_OUT}") from None
        found.append((state.st_size, max(state.st_mtime_ns, state.st_ctime_ns)))
    return States(tuple(found), now)


def look(folder: Path, names: Sequence[str], states: States, known: Mapping[str, Seen]) -> list[Seen]:
    """Every file as it is now; those that have not changed are not read.

    Args:
        folder: What the names are relative to.
        names: The files.
        states: Their states.
        known: What is remembered of them.

    Raises:
        DataError: A file cannot be read.
    """
    before = states.looked_ns - COARSE_NS

    def current(place: int) -> Seen:
        name, (size, changed) = names[place], states.files[place]
        old = known.get(name)
        if old is not None and (old.size, old.changed_ns) == (size, changed):
            return old
        # Of a file that was changed just now no time is remembered, so that it is read again.
        return _look(folder / name, Seen(name, size, changed if changed < before else 0, "", 0, 0, 0))

    return list(in_parallel(current, range(len(names))))


def _look(path: Path, empty: Seen) -> Seen:
    with reading(path, WAY_OUT), open_plain(path) as file:
        if empty.size > SMALL_BYTES:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            return _headed(file, replace(empty, sha256=digest))
        content = file.read()
    return _headed(io.BytesIO(content), replace(empty, sha256=hashlib.sha256(content).hexdigest()))


def _headed(file: io.BufferedIOBase, seen: Seen) -> Seen:
    try:
        with opened(file) as image:  # type: ignore[arg-type]  # it can be read and sought
            check_header(image)
            width, height = upright_size(image)
            return replace(seen, width=width, height=height, is_grey=int(is_grey(image)))
    except UnusableError as error:
        return replace(seen, problem=str(error))


def in_parallel(work: Callable[[S], T], items: Sequence[S]) -> Iterator[T]:
    """Results of a function for each item, in their order, by a thread per core.

    Threads, not processes: Pillow decodes without Python's lock, and nothing needs to start or be sent. Where an error
    or Ctrl-C ends it, what has not begun is not done.
    """
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    try:
        for done in pool.map(lambda chunk: [work(item) for item in chunk], chunks):
            yield from done
    finally:
        pool.shutdown(cancel_futures=True)


# --- memory ------------------------------------------------------------------------------------------------------


def recall(path: Path) -> dict[str, Seen]:
    """Remembered files by name; none where it cannot be read."""
    with suppress(OSError, ValueError, csv.Error), path.open(newline="", errors="surrogateescape") as file:
        table = csv.reader(file)
        if next(table, None) == _head():
            return {one.name: one for one in map(_from_row, table)}
    return {}


def remember(path: Path, seen: Iterable[Seen]) -> None:
    """Write what is known of each file, for the next look.

    Raises:
        StorageError: It cannot be written.
    """
    lines = (astuple(replace(one, name=f"{HERE}{one.name}")) for one in seen)
    write_file(path, as_csv(_head(), lines).encode(errors="surrogateescape"))


def _head() -> list[str]:
    return [f"{field.name}{VERSION if field.name == 'name' else ''}" for field in fields(Seen)]


def _from_row(row: Sequence[str]) -> Seen:
    name, size, changed, sha256, width, height, grey, problem = row
    return Seen(name.removeprefix(HERE), int(size), int(changed), sha256, int(width), int(height), int(grey), problem)


def difference(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Differences of files, in words: by their names and hashes; empty where they do not.

    Examples:
        >>> difference({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"})
        '1 edited (b), 1 new (c)'
    """
    found = {
        "edited": [name for name, digest in new.items() if old.get(name, digest) != digest],
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
    }
    return ", ".join(f"{len(names)} {what} ({some(names)})" for what, names in found.items() if names)
