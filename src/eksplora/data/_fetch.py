"""Downloads that survive bad networks: a partial file that the next attempt, or the next command, continues."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from eksplora.data._store import writing
from eksplora.errors import DataError
from eksplora.files import sync

ATTEMPTS = 4
BACKOFF_SECONDS = 0.5  # before the second attempt; doubled before each further one
TIMEOUT_SECONDS = 15.0  # of silence, while connecting or reading
CHUNK_BYTES = 1 << 18
MAX_BYTES = 64 << 20  # more than twice the largest file fetched here
PASSING_CODES = (408, 429)  # of the 4xx answers, those worth another attempt


class DownloadFailed(DataError):
    """No attempt got the whole file; says why, the way out is the caller's to add."""


def download(url: str, path: Path, *, verify: Callable[[Path], object]) -> None:
    """Fetch a file into its place, whole and verified or not at all.

    Args:
        url: An http(s) address.
        path: Where the file goes; `<path>.part` holds what has arrived so far and is continued by HTTP Range.
        verify: Called with the arrived file before it gets its name; raises DataError to refuse it.

    Raises:
        Unreachable: Every attempt failed; what has arrived is kept for the next command.
        DataError: What arrived is too large or was refused by `verify`; it is deleted.
        StorageError: The disk is full or the folder cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    _fetch(url, part)
    try:
        verify(part)
    except DataError:
        part.unlink(missing_ok=True)
        raise
    with writing(path.parent):
        part.rename(path)
        sync(path.parent)


def _fetch(url: str, part: Path) -> None:
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))
            print(f"{url}: {reason}; attempt {attempt + 1} of {ATTEMPTS}", file=sys.stderr)
        try:
            if _receive(url, part):
                return
            reason = "the connection ended early"
        except HTTPError as error:
            if error.code == 416:  # nothing after what is here: it is whole, or `verify` refuses it
                return
            reason = f"HTTP {error.code} {error.reason}"
            if error.code < 500 and error.code not in PASSING_CODES:
                break
        except (OSError, HTTPException) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
    raise DownloadFailed(f"{url} cannot be fetched ({reason})")


def _receive(url: str, part: Path) -> bool:
    """One connection: append to `part` what arrives; True when the file is then whole."""
    have = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        start = have if _continues(response, have) else 0
        length = response.headers["Content-Length"]
        total = None if length is None else start + int(length)
        with _opened(part, start) as file:
            size = _store_chunks(response, file, start, total, url)
    return total is None or size == total


def _continues(response: HTTPResponse, have: int) -> bool:
    """Whether the server answers with what follows the first `have` bytes; otherwise it begins anew."""
    return response.status == 206 and (response.headers["Content-Range"] or "").startswith(f"bytes {have}-")


def _opened(part: Path, start: int) -> BinaryIO:
    with writing(part):
        return part.open("ab" if start else "wb", buffering=0)  # unbuffered: a full disk shows where we write


def _store_chunks(response: HTTPResponse, file: BinaryIO, size: int, total: int | None, url: str) -> int:
    for chunk in _chunks(response):
        size += len(chunk)
        if size > MAX_BYTES:
            Path(file.name).unlink()
            raise DataError(f"{url} is larger than {MAX_BYTES >> 20} MiB, it is not the file. Check data.url.")
        with writing(Path(file.name)):
            file.write(chunk)
        _show(url, size, total)
    with writing(Path(file.name)):
        os.fsync(file.fileno())
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return size


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read(CHUNK_BYTES):
        yield chunk


def _show(url: str, size: int, total: int | None) -> None:
    """Progress: one line that is rewritten on a terminal; a line at the end elsewhere, for logs."""
    name, of = url.rsplit("/", 1)[-1], f" of {total / 1e6:.1f}" if total else ""
    line = f"{name}: {size / 1e6:.1f}{of} MB"
    if sys.stderr.isatty():
        print(f"\r{line}", end="", file=sys.stderr, flush=True)
    elif size == total:
        print(line, file=sys.stderr)
