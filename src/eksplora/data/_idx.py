"""IDX files in gzip, read to the last byte and believed only when their content's hash agrees."""

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eksplora.errors import DataError

MAX_GZIP_BYTES = 64 << 20  # the largest real one has 26 MB
UNSIGNED_BYTE = 0x08  # the IDX code of the only element type read here


@dataclass(frozen=True)
class Payload:
    """Expected decompressed file: its size in bytes and its sha256 (gzip wrappers differ between mirrors)."""

    size: int
    sha256: str


def read_idx(path: Path, payload: Payload) -> NDArray[np.uint8]:
    """The array of a gzip-compressed IDX file of unsigned bytes.

    Format: bytes 0, 0, type code, number of dimensions; each dimension as big-endian uint32; then the elements
    (http://yann.lecun.com/exdb/mnist, "the IDX file format").

    Raises:
        DataError: The file is unreadable, truncated, followed by other bytes, or its content is not the expected one.
    """
    content = _decompressed(path, payload.size)
    if hashlib.sha256(content).hexdigest() != payload.sha256:
        raise _refused(path, "its content has been altered (sha256)")
    return parse_idx(content)


def parse_idx(content: bytes) -> NDArray[np.uint8]:
    """The array in an IDX file's bytes, read-only.

    Examples:
        >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])).tolist()
        [7, 9]
    """
    assert content[:3] == bytes([0, 0, UNSIGNED_BYTE]), "only files whose hash is known come here"
    num_dimensions = content[3]
    shape = np.frombuffer(content, ">u4", count=num_dimensions, offset=4).astype(int).tolist()
    return np.frombuffer(content, np.uint8, offset=4 + 4 * num_dimensions).reshape(shape)


def _decompressed(path: Path, size: int) -> bytes:
    stream = zlib.decompressobj(wbits=31)  # 31: exactly one gzip member, its checksum verified
    try:
        if path.stat().st_size > MAX_GZIP_BYTES:
            raise _refused(path, f"it is larger than {MAX_GZIP_BYTES >> 20} MiB")
        content = stream.decompress(path.read_bytes(), size + 1)  # never more: no decompression bomb
    except OSError as error:
        raise _refused(path, f"it cannot be read: {error.strerror}") from None
    except zlib.error as error:
        raise _refused(path, f"it is damaged: {error}") from None
    if len(content) > size:
        raise _refused(path, f"it holds more than {size} bytes")
    if not stream.eof or len(content) < size:
        raise _refused(path, "it is truncated")
    if stream.unused_data:
        raise _refused(path, "other bytes follow the end of the gzip")
    return content


def _refused(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is refused: {reason}. Delete it, or get a fresh copy, and run the same command again.")
