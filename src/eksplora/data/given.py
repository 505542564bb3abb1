"""Rows that a user gives to a model: a table, arrays, or image files, as the data set's own rows are."""

import csv
import math
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.errors import DataError

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
"""Kinds of image files that are read."""

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
"""Allowed image formats, whatever a file's name says: Pillow would hand a PostScript file to another program."""

LARGEST_BYTES = 2**30
"""Of a table, or of an array once it is decompressed: a few kilobytes can promise any size."""

SPLIT = "Split it into smaller files."
SAVED = "Save it by numpy.savez(path, features=...)."

Card = Mapping[str, Any]


def read_given(path: Path, card: Card) -> tuple[list[str], NDArray[Any]]:
    """Read what a model is to predict for.

    Args:
        path: A CSV file, an npz file with an array `features`, an image file, or a folder of images.
        card: The data set's card: `input_shape`, `feature_names`, `feature_ranges`.

    Returns:
        A name for each row (its number, or its file), and raw features (rows, *input_shape).

    Raises:
        DataError: If the file cannot be read or its rows are of another shape; the message names it.
    """
    if path.is_dir():
        return _images(sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGES), path, card)
    if not path.is_file():
        raise DataError(f"input: {path} does not exist. Give a CSV file, an npz file, an image or a folder of images.")
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        return _images([path], path, card)
    if suffix not in (".csv", ".npz"):
        raise DataError(f"input: {path} is none of .csv, .npz, {', '.join(IMAGES)}. Convert it to one of them.")
    features = _table(path, card) if suffix == ".csv" else _arrays(path, card)
    return [str(number) for number in range(len(features))], features


def _table(path: Path, card: Card) -> NDArray[np.float64]:
    names: Sequence[str] = card["feature_names"]
    if len(card["input_shape"]) != 1:
        raise DataError(f"input: {path} is a table, but the model takes images. Give image files or an npz file.")
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
    shape = list(card["input_shape"])
    if list(features.shape[1:]) != shape or features.dtype.kind not in "iuf" or not len(features):
        raise DataError(
            f"input: {path} holds {features.dtype} of shape {list(features.shape)}. Give numbers of shape [rows, "
            f"{', '.join(map(str, shape))}]."
        )
    if not np.isfinite(features).all():
        raise DataError(f"input: {path} holds values that are no numbers. Fix them first.")
    return features.astype(np.float64)


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


def _images(files: Sequence[Path], path: Path, card: Card) -> tuple[list[str], NDArray[Any]]:
    shape: Sequence[int] = card["input_shape"]
    if len(shape) != 3:
        raise DataError(
            f"input: {path} holds images, but the model takes tables of {shape[0]} features. Give a CSV file."
        )
    if not files:
        raise DataError(f"input: {path} holds no images ({', '.join(IMAGES)}).")
    return [file.name for file in files], np.stack([_image(file, card) for file in files])


def _image(file: Path, card: Card) -> NDArray[np.float64]:
    """Pixels (channels, height, width), 0 to 255 brought to the range of the data set's own.

    Nothing is resized or turned. Where the model takes grey images, colours count by their luminance.
    """
    from PIL import Image

    channels, height, width = card["input_shape"]
    mode = {1: "L", 3: "RGB"}.get(channels)
    if mode is None:
        raise DataError(f"input: {file}: the model takes {channels} channels, an image has 1 or 3. Give an npz file.")
    if not file.is_file():
        raise DataError(f"input: {file} is no file. Take it out of the folder.")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as opened:
            _check_image(opened, file, (width, height))
            pixels = np.asarray(opened.convert(mode), dtype=np.float64)
    except DataError:
        raise
    except Exception as error:  # of a damaged file: Pillow's decoders each have their own
        reason = " ".join(str(error).split())
        raise DataError(f"input: {file} cannot be read ({reason}). Give a PNG, JPEG, BMP, TIFF or WebP file.") from None
    low, high = card["feature_ranges"][0]
    scaled: NDArray[np.float64] = low + pixels / 255 * (high - low)
    return scaled[np.newaxis] if channels == 1 else scaled.transpose(2, 0, 1)


def _check_image(opened: Any, file: Path, size: tuple[int, int]) -> None:
    """Refuse an image that is not what the model takes, before it is decoded, and one whose pixels are not certain.

    Raises:
        DataError: Naming file and reason.
    """
    if opened.size != size:
        raise DataError(
            f"input: {file} has {opened.size[0]}x{opened.size[1]} pixels, the model takes {size[0]}x{size[1]}. "
            "Resize it, as the training images were."
        )
    if (frames := getattr(opened, "n_frames", 1)) > 1:
        raise DataError(f"input: {file} is a sequence of {frames} images. Save the one that is meant.")
    if opened.mode.startswith(("I", "F")) or _has_deep_pixels(opened):
        raise DataError(f"input: {file} has more than 8 bits a pixel, which would be cut off. Save it with 8.")
    if opened.has_transparency_data and np.asarray(opened.convert("RGBA"))[:, :, 3].min() < 255:
        raise DataError(f"input: {file} is transparent in places. Save it on the background that is meant.")


def _has_deep_pixels(opened: Any) -> bool:
    """Whether colours of 16 bits would become 8 without a word: Pillow shows that in how it means to decode."""
    if opened.format not in ("PNG", "TIFF"):
        return False
    ways = [tile[3] for tile in opened.tile]
    return any(";16" in str(way if isinstance(way, str) else way[0]) for way in ways)
