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
_seen: dict[tuple[str, int, int], str] = {}  # (path, mtime_ns, size) -> sha256, for the life of the process


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


def open_array(path: Path, entry: Mapping[str, Any], way_out: str) -> NDArray[Any]:
    """A read-only memory map of a prepared array whose hash, shape and kind agree with its entry in the card.

    The hash is computed once per process and state of the file.

    Raises:
        DataError: The file is missing, unreadable or altered; the message ends with `way_out`.
    """
    _verify_file(path, entry, sha256_once, "prepared", way_out)
    return map_array(path, entry, way_out)


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
    stat = path.stat()
    state = (str(path.absolute()), stat.st_mtime_ns, stat.st_size)
    if state not in _seen:
        _seen[state] = sha256(path)
    return _seen[state]


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
