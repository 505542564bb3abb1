r"""The spool: an append-only file of what happened in a study, written before anything else.

One event a line, `<crc32 of the json, 8 hex digits> <json>\n`. A write cut short (kill, full disk) leaves a last line
without its end: readers stop before it and the next writer cuts it off.
"""

import json
import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

from eksplora.errors import EksploraError, StorageError, StudyError
from eksplora.events.event import Body, StudyEvent
from eksplora.events.line import LINES, OTHER, from_json, kind_of, to_json
from eksplora.untrusted import open_plain, parse_json

ADDITIONS = ("evaluation", "report")
"""Kinds of events that come after a study's end: what later stages found of the model that it trained."""

_WRITING = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_WAY_OUT = "Restore the file from a copy, or start a new study under another study.name."
_LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""Form in which json writes bytes that are no text, as in the diff of somebody's file; stricter readers refuse them."""


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: What happened, e.g. `trial`.
        time: When, in milliseconds since the epoch.
        body: The particulars.
        end: Offset of the first byte after the event's line.
    """

    kind: str
    time: int
    body: Body
    end: int


def _plain(value: object) -> object:
    """NumPy's scalars and arrays as numbers and lists, dataclasses as objects; the rest is refused, as json does."""
    if is_dataclass(value):
        return vars(value)
    convert = getattr(value, "tolist", None)
    if convert is None:
        raise TypeError(f"A spool holds plain values, got {type(value).__name__}.")
    return convert()


def encode(kind: str, moment: int, data: dict[str, Any]) -> bytes:
    """The line of an event."""
    text = json.dumps({"kind": kind, "time": moment, "data": data}, separators=(",", ":"), default=_plain).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


@dataclass(frozen=True)
class _Place:
    """A line of a file; its number is counted only where an error names it."""

    path: Path
    offset: int

    def __str__(self) -> str:
        with self.path.open("rb") as file:
            return f"{self.path}, line {file.read(self.offset).count(bytes([10])) + 1},"


def _decode(path: Path, line: bytes, offset: int) -> Event:
    """The event of a whole line that begins at `offset`.

    Raises:
        StudyError: If its bytes are not those that were written.
        DataError: If they say what no event of its kind says.
    """
    text, place = line[9:-1], _Place(path, offset)
    if line[:9] != b"%08x " % zlib.crc32(text):
        raise StudyError(f"{place} is damaged: its checksum does not match. {_WAY_OUT}")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise StudyError(f"{place} is damaged: it is no JSON. {_WAY_OUT}") from None
    kind = fields.get("kind") if isinstance(fields, dict) else None
    shape = LINES.get(kind, OTHER) if isinstance(kind, str) else OTHER
    parse_json(_LONE_SURROGATE.sub(rb"\\u003f", text), shape, source=place, way_out=_WAY_OUT)
    return Event(fields["kind"], fields["time"], from_json(fields["kind"], fields["data"]), offset + len(line))


@contextmanager
def consistent(source: object) -> Iterator[None]:
    """While events are put together: those that do not fit each other are an error of their file.

    Raises:
        StudyError: In place of what the reader met.
    """
    try:
        yield
    except EksploraError:
        raise
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())[:200]
        raise StudyError(f"{source} is damaged: its events do not fit each other ({reason}). {_WAY_OUT}") from error


def read(path: Path, offset: int = 0) -> Iterator[Event]:
    """The events from `offset` (a former `Event.end`) on; an incomplete last line is not yet there.

    Raises:
        StudyError: If a line was altered after it was written.
        DataError: If a line says what no event of its kind says.
    """
    with open_plain(path) as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            event = _decode(path, line, offset)
            yield event
            offset = event.end


def study_of(path: Path) -> StudyEvent:
    """The first event of a spool: what the study is.

    Raises:
        StudyError: If there is none.
    """
    with open_plain(path) as file:
        line = file.readline()
    body = _decode(path, line, 0).body if line.endswith(b"\n") else None
    if not isinstance(body, StudyEvent):
        raise StudyError(f"{path} is damaged: it does not begin with a study. {_WAY_OUT}")
    return body


def last(path: Path) -> Event | None:
    """The last whole event of a file, without reading the others; None when there is none.

    Raises:
        StudyError: If its line was altered after it was written.
        DataError: If it says what no event of its kind says.
    """
    with open_plain(path) as file:
        end = _end_of_whole_lines(file.fileno())
        size = 4096
        while end:
            start = max(0, end - size)
            lines = os.pread(file.fileno(), end - start, start).splitlines(keepends=True)
            if len(lines) > 1 or start == 0:
                return _decode(path, lines[-1], end - len(lines[-1]))
            size *= 4
    return None


def _end_of_whole_lines(descriptor: int) -> int:
    """Offset after the last newline: what follows is the beginning of a line that was never finished."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


class Spool:
    """The writer's end of the file; a study's lock sees to it that there is one writer."""

    def __init__(self, path: Path) -> None:
        """Open for appending, and cut off a line that an earlier writer could not finish.

        Raises:
            StorageError: If the file cannot be opened for writing.
        """
        self.path = path
        try:
            self._descriptor = os.open(path, _WRITING, 0o644)
            self._size = _end_of_whole_lines(self._descriptor)
            os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            raise self._storage_error(error.strerror) from error

    def append(self, body: Body, *, durable: bool = False) -> Event:
        """Write one event; when it returns, the event survives a kill, and with `durable` a power cut too.

        Raises:
            StorageError: If the disk is full; the file is as it was before.
        """
        moment = time.time_ns() // 1_000_000
        kind = kind_of(body)
        line = encode(kind, moment, to_json(body))
        try:
            written = os.write(self._descriptor, line)
            if durable and written == len(line):
                os.fdatasync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise self._storage_error(error.strerror) from error
        if written < len(line):
            os.ftruncate(self._descriptor, self._size)
            raise self._storage_error("No space left on device")
        self._size += len(line)
        return Event(kind, moment, body, self._size)

    def close(self) -> None:
        """Let go of the file; closing twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _storage_error(self, reason: str | None) -> StorageError:
        return StorageError(
            f"Cannot write {self.path}: {reason}. Nothing is lost: free space or permit writing there, "
            "then give the same command again."
        )
