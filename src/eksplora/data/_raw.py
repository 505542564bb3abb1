"""The raw form of a data set: fetched once, and used only while every file has its hash."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eksplora.data import _store, _verify
from eksplora.data._card import FORMAT, RawData


def fetched(folder: Path, origin: Mapping[str, str], source: Callable[[], RawData]) -> dict[str, Any]:
    """The card of a raw form that agrees with its files; where there is no card, both are made first.

    Nothing that is there is mended: a source may have changed meanwhile, so a person decides.

    Args:
        folder: Where the raw form is, or goes.
        origin: What its card says of where the data come from.
        source: Gets the data; called only where there is no card.

    Raises:
        DataError: The source is missing or altered, or the raw form has changed since it was fetched.
        StorageError: The folder cannot be written or the disk is full.
    """
    _store.once(folder, lambda: os.access(folder / _verify.CARD, os.F_OK), lambda: _write(folder, origin, source()))
    way_out = f"Delete the folder {folder} or run `dvc checkout --force {folder}`, then run the same command again."
    card = _verify.read_card(folder, "fetched", way_out)
    _verify.verify(folder, card, "fetched", way_out)
    return card


def _write(folder: Path, origin: Mapping[str, str], raw: RawData) -> None:
    _store.write(folder, raw.content, {"format": FORMAT["fetched"], **origin, **raw.names()})
