import gzip
import hashlib

import numpy as np
import pytest

from eksplora.data import _idx
from eksplora.data._idx import Payload, parse_idx, read_idx
from eksplora.errors import DataError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
RAW = bytes([0, 0, 8, 3]) + np.array(IMAGES.shape, ">u4").tobytes() + IMAGES.tobytes()
WHOLE = gzip.compress(RAW, mtime=0)
PAYLOAD = Payload(len(RAW), hashlib.sha256(RAW).hexdigest())


def test_an_idx_file_is_read_with_its_shape(tmp_path):
    (tmp_path / "images.gz").write_bytes(WHOLE)
    np.testing.assert_array_equal(read_idx(tmp_path / "images.gz", PAYLOAD), IMAGES)


def test_another_gzip_wrapper_around_the_same_content_is_welcome(tmp_path):
    (tmp_path / "images.gz").write_bytes(gzip.compress(RAW, compresslevel=1, mtime=7))
    np.testing.assert_array_equal(read_idx(tmp_path / "images.gz", PAYLOAD), parse_idx(RAW))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WHOLE[:-1], "it is truncated"),
        (WHOLE[:20], "it is truncated"),
        (b"", "it is truncated"),
        (WHOLE + b"x", "other bytes follow the end of the gzip"),
        (WHOLE + gzip.compress(b"", mtime=0), "other bytes follow the end of the gzip"),
        (WHOLE[:-8] + bytes(4) + WHOLE[-4:], "it is damaged: .*incorrect data check"),
        (b"<html>not found</html>", "it is damaged: .*incorrect header check"),
        (gzip.compress(RAW[:-1], mtime=0), "it is truncated"),
        (gzip.compress(RAW[:-1] + b"x", mtime=0), r"its content has been altered \(sha256\)"),
        (gzip.compress(RAW + bytes(10_000_000), mtime=0), rf"it holds more than {len(RAW)} bytes"),
    ],
)
def test_what_is_not_the_file_is_refused_by_name(tmp_path, content, reason):
    (tmp_path / "images.gz").write_bytes(content)
    with pytest.raises(DataError, match=rf"images\.gz is refused: {reason}.*Delete it, or get a fresh copy"):
        read_idx(tmp_path / "images.gz", PAYLOAD)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"images\.gz is refused: it cannot be read: No such file"):
        read_idx(tmp_path / "images.gz", PAYLOAD)


def test_a_huge_file_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(_idx, "MAX_GZIP_BYTES", 10)
    (tmp_path / "images.gz").write_bytes(WHOLE)
    with pytest.raises(DataError, match=r"images\.gz is refused: it is larger than"):
        read_idx(tmp_path / "images.gz", PAYLOAD)
