"""Prepare a data set: arrays, card, hashes."""

from typing import Any

from eksplora.config import Request, part
from eksplora.console.work import Work, begin
from eksplora.data.table import Table
from eksplora.stage.describe import announce
from eksplora.table.lines import warning_lines


def prepare(request: Request) -> None:
    """Prepare the data set of the request, unless that is done, and print its card.

    Raises:
        DataError: If raw data are missing or altered.
        StorageError: If the data folder cannot be written.
    """
    dataset = part(request.config, "data")
    begin(request.root, request.choices["data"])
    announce(dataset)
    with Work(f"prepare {request.choices['data']}") as work:
        work.step("reading and checking the data")
        card = dataset.prepare()
    raw = str(dataset.raw_folder) if dataset.raw_folder.exists() else "none; the prepared form does not need it"
    print("\n".join(describe(card, str(dataset.folder), raw)))
    if isinstance(dataset, Table):
        print("\n".join(warning_lines(dataset.examine())))


def describe(card: dict[str, Any], folder: str, raw: str) -> list[str]:
    """A card in a few lines, with where its prepared and its raw form are."""
    counts = card.get("class_counts")
    return [
        f"{card['name']}: {folder}",
        f"  rows      {card['rows']}",
        f"  features  {card['input_shape']}",
        f"  targets   {'classes ' + str(counts) if counts else str(card['num_targets']) + ' number(s) per row'}",
        f"  split     {card['split']}",
        f"  source    {card['source']} ({card['licence']})",
        f"  raw       {raw}",
    ]
