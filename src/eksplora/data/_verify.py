"""Raw and prepared folders as they are read: a card that is whole, and files that have its hashes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.data import card as cards
from eksplora.data.shape import SHAPES
from eksplora.errors import DataError
from eksplora.untrusted import parse_json, read_plain, reading, sha256

CARD = "card.json"
BLOCK_ROWS = 4096  # rows looked at together: what is allocated stays small
_State = tuple[str, int, int]  # path, mtime_ns, size
_seen: dict[_State, str] = {}  # sha256 of files, for the life of the process
_are_numbers: set[_State] = set()  # files whose numbers were looked at


def read_card(folder: Path, state: cards.State, way_out: str) -> dict[str, Any]:
    """The card of a folder.

    Raises:
        DataError: It is missing, unreadable, altered, or of another format; the message ends with `way_out`.
    """
    path = folder / CARD
    with reading(path, way_out, missing=f"the data are not {state}"):
        content = read_plain(path)
    card = parse_json(content, dict[str, Any], source=path, way_out=way_out)
    if not cards.is_sealed(card):
        raise DataError(f"{path} has been altered: its fingerprint does not agree. {way_out}")
    if card.get("format") != cards.FORMAT[state]:
        found = str(card.get("format"))[:20]
        raise DataError(f"{path} has format {found}, this version reads {cards.FORMAT[state]}. {way_out}")
    parse_json(content, SHAPES[state], source=path, way_out=way_out)
    return card


def is_complete(folder: Path, card: Mapping[str, Any]) -> bool:
    """Whether all files are there in their full size; reads none."""
    files = _entries(folder, card).items()
    return all(path.is_file() and path.stat().st_size == entry["bytes"] for path, entry in files)


def verify(folder: Path, card: Mapping[str, Any], state: cards.State, way_out: str) -> None:
    """Refuse a folder unless every file, hashed now, has the hash of its entry in the card.

    Raises:
        DataError: A file is missing, unreadable or altered; the message ends with `way_out`.
    """
    for path, entry in _entries(folder, card).items():
        _verify_file(path, entry, sha256, state, way_out)


def open_array(path: Path, entry: Mapping[str, Any], way_out: str, *, may_be_missing: bool = False) -> NDArray[Any]:
    """A read-only memory map of a prepared array whose hash, shape and kind agree with its entry in the card.

    The hash is computed, and its numbers are looked at, once per process and state of the file.

    Args:
        path: The file.
        entry: Of the array in the card.
        way_out: The last sentence of a refusal.
        may_be_missing: Whether numbers may be missing (NaN).

    Raises:
        DataError: The file is missing, unreadable or altered, or holds what is no number.
    """
    _verify_file(path, entry, sha256_once, "prepared", way_out)
    array, state = map_array(path, entry, way_out), _state(path)
    if state not in _are_numbers and not are_numbers(array, may_be_missing=may_be_missing):
        raise DataError(f"{path} holds values that are no finite numbers. {way_out}")
    _are_numbers.add(state)
    return array


def are_numbers(array: NDArray[Any], *, may_be_missing: bool) -> bool:
    """Whether all of an array (rows, ...) are finite numbers, or missing (NaN) where they may be.

    Examples:
        >>> are_numbers(np.array([1.0, np.nan]), may_be_missing=False)
        False
        >>> are_numbers(np.array([1.0, np.nan]), may_be_missing=True)
        True
    """
    if array.dtype.kind != "f":
        return True
    blocks = (array[start : start + BLOCK_ROWS] for start in range(0, len(array), BLOCK_ROWS))
    return all(bool((np.isfinite(block) | (may_be_missing & np.isnan(block))).all()) for block in blocks)


def map_array(path: Path, entry: Mapping[str, Any], way_out: str) -> NDArray[Any]:
    """A read-only memory map of an array of a verified file: no memory is taken for what its header promises.

    Raises:
        DataError: The file is no array, or one of another shape or kind than its entry says.
    """
    with reading(path, way_out):
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except OSError:
            raise
        except Exception as error:  # of a header that numpy did not write: it has errors of many kinds
            raise DataError(f"{path} holds no array ({' '.join(str(error).split())[:200]}). {way_out}") from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path} holds no array but an archive. {way_out}")
    if (list(array.shape), str(array.dtype)) != (list(entry["shape"]), entry["dtype"]):
        raise DataError(
            f"{path} holds {array.dtype} of shape {list(array.shape)}, its card says {entry['dtype']} of shape "
            f"{list(entry['shape'])}. {way_out}"
        )
    return array


def sha256_once(path: Path) -> str:
    """The hash of a file, computed once per process and state of the file."""
    state = _state(path)
    if state not in _seen:
        _seen[state] = sha256(path)
    return _seen[state]


def _state(path: Path) -> _State:
    stat = path.stat()
    return str(path.absolute()), stat.st_mtime_ns, stat.st_size


def _verify_file(
    path: Path, entry: Mapping[str, Any], digest: Callable[[Path], str], state: cards.State, way_out: str
) -> None:
    with reading(path, way_out):
        found = digest(path)
    if found != entry["sha256"]:
        raise DataError(f"{path} has changed since it was {state}: its sha256 is not the card's. {way_out}")


def _entries(folder: Path, card: Mapping[str, Any]) -> dict[Path, Mapping[str, Any]]:
    """Entries of the card, by path of their files."""
    arrays = {folder / f"{name}.npy": entry for name, entry in card.get("arrays", {}).items()}
    return arrays | {folder / name: entry for name, entry in card.get("files", {}).items()}
