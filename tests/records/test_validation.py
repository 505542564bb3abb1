from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eksplora.errors import DataError, StorageError
from eksplora.records.validation import NAME, Validation, read_validation, write_validation

KNOWN = Validation(
    rows=np.array([1, 4, 7]),
    prediction=np.array([[0.5], [1.5], [2.5]], dtype=np.float32),
    loss=np.array([0.25, 0.5, 0.75]),
    train_rows=7,
    num_rows=10,
)


@pytest.mark.parametrize("known", [KNOWN, replace(KNOWN, loss=None)])
def test_what_is_written_is_read(known: Validation, tmp_path: Path) -> None:
    write_validation(tmp_path / "member-0", known)
    found = read_validation(tmp_path / "member-0")
    assert found is not None
    np.testing.assert_array_equal(found.rows, known.rows)
    np.testing.assert_array_equal(found.prediction, known.prediction)
    assert (found.train_rows, found.num_rows) == (7, 10)
    assert (found.loss is None) == (known.loss is None)
    assert known.loss is None or (found.loss == known.loss).all()


def test_a_folder_without_the_file_has_none(tmp_path: Path) -> None:
    assert read_validation(tmp_path) is None


@pytest.mark.parametrize("byte", range(0, 200, 7))
def test_a_flipped_bit_is_refused_or_changes_numbers_alone(byte: int, tmp_path: Path) -> None:
    write_validation(tmp_path, KNOWN)
    content = bytearray((tmp_path / NAME).read_bytes())
    content[byte % len(content)] ^= 16
    (tmp_path / NAME).write_bytes(content)
    try:
        found = read_validation(tmp_path)
    except DataError as error:
        assert NAME in str(error) and "Remove the file" in str(error)
    else:
        assert found is not None and len(found.prediction) == len(found.rows)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": np.array([4, 1, 7])},
        {"rows": np.array([1, 4, 10])},
        {"loss": np.array([0.1, 0.2])},
        {"loss": np.array([0.1, np.nan, 0.2])},
        {"prediction": np.zeros((2, 1), dtype=np.float32)},
        {"train_rows": 0},
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(change: dict, tmp_path: Path) -> None:
    write_validation(tmp_path, replace(KNOWN, **change))
    with pytest.raises(DataError, match=r"validation\.safetensors is damaged"):
        read_validation(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    write_validation(tmp_path / "elsewhere", KNOWN)
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere" / NAME)
    with pytest.raises(DataError):
        read_validation(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/member-0"):
        write_validation(tmp_path / "file" / "member-0", KNOWN)
