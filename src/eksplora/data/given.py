"""Rows that a user gives to a model: a table, arrays, or image files, as the data set's own rows are."""

import csv
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.data.card import as_features
from eksplora.errors import DataError
from eksplora.images.card import PixelRule
from eksplora.images.decoding import SUFFIXES, UnusableError, decode, opened, upright_size
from eksplora.images.labels import labels_of
from eksplora.images.list_file import file_column, files_of, name_in, read_lines
from eksplora.images.listing import images_below
from eksplora.images.seen import in_parallel
from eksplora.table import TableCard
from eksplora.table.prediction import read_rows
from eksplora.table.reading import hash_of
from eksplora.untrusted import parse_json, why_no_file

LARGEST_BYTES = 2**30
"""Largest size of a table, or of an array once it is decompressed: a few kilobytes can promise any size."""

SPLIT = "Split it into smaller files."
SAVED = "Save it by numpy.savez(path, features=...)."

Card = Mapping[str, Any]


@dataclass(frozen=True)
class Given:
    """Rows to predict for.

    Attributes:
        names: A name for each row.
        features: Raw, (rows, *input_shape).
        head: Of the column of names.
        targets: Where the file has them: classes (rows,), -1 where unknown, or numbers (rows, targets), NaN where
            missing.
        task: Of a user's own table.
        remarks: Sentences on cells that are not as the training rows were.
    """

    names: list[str]
    features: NDArray[Any]
    head: str = "row"
    targets: NDArray[Any] | None = None
    task: str = ""
    remarks: tuple[str, ...] = ()


def of_table(path: Path, card: Card) -> Given:
    """Rows for a model of a user's own table, read by the rules of its card.

    Raises:
        DataError: If the file cannot be read or lacks a column; the message names it.
    """
    own = table_of(card)
    rows = read_rows(path, own)
    known = (
        ["The model was trained on this file: scores of its rows say little."] if hash_of(path) == own.sha256 else []
    )
    remarks = (*known, *rows.remarks())
    return Given(rows.names, rows.features, own.identifier or "row", rows.targets, own.task, remarks)


def table_of(card: Card) -> TableCard:
    """The card of a user's own table, out of that of the data."""
    return parse_json(json.dumps(card["table"]), TableCard, source="the model's card", way_out="Restore it.")


def of_images(path: Path, card: Card, target: str | Sequence[str] | None) -> Given:
    """Rows for a model of a user's own images, with their targets where the folders of classes or the list say them.

    Args:
        path: See `read_given`.
        card: See there.
        target: The columns of the list that the model learned from; None: found by usual names.

    Raises:
        DataError: See `read_given`.
    """
    names, features = read_given(path, card)
    columns = card.get("target_names") or ([target] if isinstance(target, str) else target or ())
    return Given(names, features, targets=labels_of(path, names, card["classes"], columns), task=card["task"])


def read_given(path: Path, card: Card) -> tuple[list[str], NDArray[Any]]:
    """Read what a model is to predict for.

    Args:
        path: A CSV file, an npz file with an array `features`, an image file, a folder of images, or a list of them as
            CSV.
        card: The data set's card: `input_shape`, `feature_names`, `feature_ranges`, and `images` where it has a rule.

    Returns:
        A name for each row (its number, or its file), and raw features (rows, *input_shape).

    Raises:
        DataError: If the file cannot be read or its rows are of another shape; the message names it.
    """
    if path.is_dir():
        names = images_below(path, "input")
        return names, _images([path / name for name in names], path, card)
    if not path.is_file():
        raise DataError(
            f"input: {path} {why_no_file(path)}. Give a CSV file, an npz file, an image, a folder or a list of images."
        )
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return [path.name], _images([path], path, card)
    if suffix not in (".csv", ".npz"):
        raise DataError(f"input: {path} is none of .csv, .npz, {', '.join(SUFFIXES)}. Convert it to one of them.")
    if suffix == ".csv" and len(card["input_shape"]) == 3:
        names, files = _listed(path)
        return names, _images(files, path, card)
    features = _table(path, card) if suffix == ".csv" else _arrays(path, card)
    return [str(number) for number in range(len(features))], features


def _table(path: Path, card: Card) -> NDArray[np.float64]:
    names: Sequence[str] = card["feature_names"]
    if (size := path.stat().st_size) > LARGEST_BYTES:
        raise DataError(
            f"input: {path} has {size / 2**30:.1f} GiB, more than {LARGEST_BYTES >> 30} are not read. {SPLIT}"
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file)
            _check_columns(lines.fieldnames or (), names, path)
            rows = [_row(line, names, path, lines.line_num) for line in lines]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"input: {path} cannot be read ({error}). Save it as CSV in UTF-8.") from None
    if not rows:
        raise DataError(f"input: {path} has no rows. Add a line for each prediction that is wanted.")
    return np.array(rows)


def _check_columns(columns: Sequence[str], names: Sequence[str], path: Path) -> None:
    for name in names:
        count = list(columns).count(name)
        if count != 1:
            wrong = f"{count} columns" if count else "no column"
            raise DataError(f"input: {path} has {wrong} '{name}'. Columns wanted: {', '.join(names)}.")


def _row(line: Mapping[str, Any], names: Sequence[str], path: Path, number: int) -> list[float]:
    if None in line:  # where csv puts what is left over: a decimal comma would move all cells after it
        raise DataError(f"input: {path}, line {number} has more cells than the first line. Fix this line.")
    return [_number(line[name] or "", path, number, name) for name in names]


def _number(text: str, path: Path, line: int, name: str) -> float:
    try:
        value = np.nan if "_" in text else float(text)  # Python alone reads 1_000 as a number
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise DataError(f"input: {path}, line {line}, column '{name}': {text!r} is no number. Fix this cell.")
    return value


def _arrays(path: Path, card: Card) -> NDArray[np.float64]:
    if not zipfile.is_zipfile(path):
        raise DataError(f"input: {path} is no npz file. {SAVED}")
    _check_size(path)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            features: NDArray[Any] = file["features"]
    except KeyError:
        raise DataError(f"input: {path} has no array `features`. {SAVED}") from None
    except Exception as error:  # of a damaged file: numpy, zipfile and zlib each have their own
        raise DataError(f"input: {path} cannot be read ({error}). {SAVED}") from None
    return as_features(features, card, f"input: {path}").astype(np.float64)


def _check_size(path: Path) -> None:
    """Refuse an archive whose array would be larger than is read, before anything is decompressed.

    Raises:
        DataError: Naming file and size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo("features.npy").file_size
            with archive.open("features.npy") as stream:
                shape, _, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    except Exception:  # no such array, or a damaged archive: the reading proper says so
        return
    size = max(size, math.prod(shape) * dtype.itemsize)
    if size > LARGEST_BYTES:
        raise DataError(
            f"input: {path} holds {size / 2**30:.1f} GiB of features, more than {LARGEST_BYTES >> 30} are not read. "
            f"{SPLIT}"
        )


_HEADERS: dict[Any, Any] = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def _images(files: Sequence[Path], path: Path, card: Card) -> NDArray[Any]:
    """Pixels (rows, channels, height, width) of image files: by the rule that the card has, uint8.

    A data set without a rule takes images of its own size only, 0 to 255 brought to the range of its own pixels.
    """
    shape: Sequence[int] = card["input_shape"]
    if len(shape) != 3:
        raise DataError(
            f"input: {path} holds images, but the model takes tables of {shape[0]} features. Give a CSV file."
        )
    if not files:
        raise DataError(f"input: {path} holds no images ({', '.join(SUFFIXES)}).")
    channels, height, width = shape
    if channels not in (1, 3):
        raise DataError(
            f"input: {files[0]}: the model takes {channels} channels, an image has 1 or 3. Give an npz file."
        )
    known = card.get("images")
    rule = PixelRule(height=height, width=width, channels=channels, fit="crop") if known is None else PixelRule(**known)
    pixels = np.stack(list(in_parallel(lambda file: _image(file, rule, is_exact=known is None), files)))
    if known is not None:
        return pixels
    low, high = card["feature_ranges"][0]
    scaled: NDArray[np.float64] = low + pixels / 255 * (high - low)
    return scaled


def _image(file: Path, rule: PixelRule, *, is_exact: bool) -> NDArray[np.uint8]:
    """Pixels (channels, height, width) of an image file.

    Raises:
        DataError: It cannot be used, or has to be of the rule's size and is not; the message names it.
    """
    if not file.is_file():
        raise DataError(f"input: {file} is no file. Take it out of the folder.")
    try:
        if is_exact:
            _check_size_of(file, rule)
        return decode(file, rule)
    except UnusableError as error:
        raise DataError(f"input: {file} {error}.") from None


def _check_size_of(file: Path, rule: PixelRule) -> None:
    with opened(file) as image:
        width, height = upright_size(image)
    if (width, height) != (rule.width, rule.height):
        raise UnusableError(
            f"has {width}x{height} pixels, the model takes {rule.width}x{rule.height}. "
            "Resize it, as the training images were"
        )


def _listed(path: Path) -> tuple[list[str], list[Path]]:
    """Names and files of a list of images."""
    lines = read_lines(path, "input")
    column = file_column(None, lines, path, "input")
    files_of(lines, column, path)
    names = [name_in(line, column) for line in lines]
    return names, [path.parent / name for name in names]
