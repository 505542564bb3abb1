"""The raw form of a data set: fetched once, and used only while every file has its hash.

Where its source is files that a person may edit, it is used only while these are what they were, too.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eksplora.data import _store, _verify
from eksplora.data.card import FORMAT, RawData
from eksplora.errors import DataError
from eksplora.untrusted import sha256

Identity = dict[str, dict[str, Any]]
"""Files by name: `bytes` and `sha256` of each."""


def fetched(
    folder: Path, origin: Mapping[str, str], source: Callable[[], RawData], files: Sequence[Path] = ()
) -> dict[str, Any]:
    """The card of a raw form that agrees with its files; where there is no card, both are made first.

    Nothing that is there is corrected: a source may have changed meanwhile, so a person decides. But where it was made
    of files that have been edited since, it is made anew, with a line that says so.

    Args:
        folder: Where the raw form is, or goes.
        origin: What its card says of where the data come from.
        source: Gets the data; called only where there is no card, or of other files.
        files: What `source` reads.

    Raises:
        DataError: The source is missing or altered, or the raw form has changed since it was fetched.
        StorageError: The folder cannot be written or the disk is full.
    """

    def is_there() -> bool:
        return os.access(folder / _verify.CARD, os.F_OK) and not changed(_present_card(folder), files)

    _store.once(folder, is_there, lambda: _write(folder, origin, source, files))
    way_out = f"Delete the folder {folder} or run `dvc checkout --force {folder}`, then run the same command again."
    card = _verify.read_card(folder, "fetched", way_out)
    _verify.verify(folder, card, "fetched", way_out)
    return card


def changed(card: Mapping[str, Any], files: Sequence[Path]) -> str:
    """The first file that is not what it was when a form was made of it; empty where none is.

    A file that is gone has not changed: the raw form is there to stand in for it. A form that was not made of files
    knows none.
    """
    known: Identity = card.get("sources", {})
    for file in files if known else ():
        entry = known.get(file.name)
        try:
            is_same = entry is not None and file.stat().st_size == entry["bytes"]
            is_same = is_same and entry is not None and _verify.sha256_once(file) == entry["sha256"]
        except FileNotFoundError:
            continue
        except OSError as error:
            raise DataError(f"{file} cannot be read ({error.strerror}). Permit reading it, or move it away.") from None
        if not is_same:
            return str(file)
    return ""


def _present_card(folder: Path) -> dict[str, Any]:
    """The card of a raw form; empty where it cannot be read, which is refused later, with the way out."""
    try:
        return _verify.read_card(folder, "fetched", "")
    except DataError:
        return {}


def _write(folder: Path, origin: Mapping[str, str], source: Callable[[], RawData], files: Sequence[Path]) -> None:
    if file := changed(_present_card(folder), files):
        print(f"{file} has changed since {folder} was made of it: it is read again", file=sys.stderr)
    # Before they are read: an edit meanwhile is found by the next command.
    identity = {file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for file in files if file.is_file()}
    raw, sources = source(), {"sources": identity} if identity else {}
    _store.write(folder, raw.content, {"format": FORMAT["fetched"], **origin, **raw.names(), **sources})
