"""The card of a recorded model: what its rows look like, and the hash of every file that lies beside it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksplora.data.card import is_sealed, sealed
from eksplora.data.shape import Described
from eksplora.errors import DataError
from eksplora.untrusted import is_name, parse_json, read_plain, reading, sha256

CARD = "card.json"
FILES = "model_files"
"""Key of the card under which the hashes are."""

WAY_OUT = "Restore the folder from a copy, or train the model again."
_without_hashes: set[Path] = set()
"""Folders of which this process has said that they carry no hashes."""


@dataclass(frozen=True, kw_only=True)
class _Hashes:
    """The part of a card that is about files; missing in those of earlier versions."""

    model_files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _ModelCard(Described, _Hashes):
    """The card of a model that says what it predicts."""


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write the card of a folder that holds everything else; it is the seal of all its files.

    Args:
        folder: The model's folder.
        card: The card of the data that it was trained on; empty where only the files are described.
    """
    files = {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.name != CARD}
    plain = {key: value for key, value in card.items() if key != "fingerprint"}
    (folder / CARD).write_text(json.dumps(sealed({**plain, FILES: files}), indent=1), encoding="utf-8")


def read_card(folder: Path, way_out: str) -> dict[str, Any]:
    """The card of a model's folder, once every file has the hash that it says.

    Raises:
        DataError: If the card cannot be read or was altered, or a file was altered, is missing, or is one too many; the
            message of a card that cannot be read ends with `way_out`.
    """
    path = folder / CARD
    card = _read(path, _ModelCard, way_out)
    check_files(folder, card, way_out)
    return card


def check_folder(folder: Path, way_out: str) -> None:
    """Refuse a folder in which a file is not what its card says; one without a card is only remarked on.

    Raises:
        DataError: See `read_card`.
    """
    has_card = (folder / CARD).exists()
    check_files(folder, _read(folder / CARD, _Hashes, way_out) if has_card else {}, way_out)


def check_files(folder: Path, card: Mapping[str, Any], way_out: str) -> None:
    """Compare the files of a model's folder with the hashes in its card.

    Raises:
        DataError: Naming the first that differs.
    """
    known: Mapping[str, str] = card.get(FILES, {})
    if not known:
        if folder not in _without_hashes:
            print(
                f"{folder} carries no hashes: whether its files are as they were recorded is unknown.", file=sys.stderr
            )
        _without_hashes.add(folder)
        return
    for name in sorted(known.keys() | {path.name for path in folder.glob("member-*")}):
        if not is_name(name):
            raise DataError(f"{folder / CARD} names the file {name!r}, which is no name. {WAY_OUT}")
        with reading(folder / name, way_out):
            found = sha256(folder / name)
        if name not in known:
            raise DataError(f"{folder / name} is no part of the model: its card does not know it. Remove it.")
        if found != known[name]:
            raise DataError(f"{folder / name} was altered: its sha256 is not the one in {CARD}. {WAY_OUT}")


def _read(path: Path, shape: type[Any], way_out: str) -> dict[str, Any]:
    """A card that is whole and of a shape.

    Raises:
        DataError: If it is not.
    """
    with reading(path, way_out):
        content = read_plain(path)
    card = parse_json(content, dict[str, Any], source=path, way_out=way_out)
    parse_json(content, shape, source=path, way_out=way_out)
    if not is_sealed(card):
        raise DataError(f"{path} was altered: its fingerprint is not that of its content. {WAY_OUT}")
    return card
