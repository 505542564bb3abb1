"""A list of images: a CSV file with a column of files, and columns of what is to be predicted of them."""

import csv
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from eksplora.errors import ConfigError, DataError, nearest
from eksplora.images.card import ImageOptions
from eksplora.images.decoding import SUFFIXES
from eksplora.images.listing import TEST_FOLDERS, TRAIN_FOLDERS, VALIDATION_FOLDERS, Entry, Listing, some
from eksplora.untrusted import open_plain, path_inside, reading

LARGEST_BYTES = 2**28  # of a list: some millions of lines
HEAD_BYTES = 2**16  # of a file that may be one
FILE_COLUMNS = ("file", "filename", "file_name", "path", "filepath", "image", "img")
TARGET_COLUMNS = ("label", "class", "target", "category", "y", "value")
PART_COLUMNS = ("part", "split")
"""Names by which columns are found, in small letters; the first that is there."""

Line = Mapping[str, str]

RELATIVE = "Write paths relative to the list's folder, with '/', of files inside of it."


def is_list(path: Path) -> bool:
    """Whether a CSV file begins as a list of images: a cell of its first line of values is an image that is there."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with reading(path, "Save it as CSV in UTF-8."), open_plain(path) as file:
        lines = file.read(HEAD_BYTES).decode("utf-8", errors="replace").splitlines()
    cells = re.split("[,;\t]", lines[1]) if len(lines) > 1 else []
    names = [cell.strip().strip('"').removeprefix("./") for cell in cells]
    return any(name.lower().endswith(SUFFIXES) and (path.parent / name).is_file() for name in names)


def read_list(options: ImageOptions) -> Listing:
    """The images that a CSV file lists.

    Its files are relative to its own folder, and inside of it. Lines without a value to predict are left out.

    Raises:
        ConfigError: A column that was named is not there.
        DataError: The list cannot be read, or names files that are not there, that lie elsewhere, or twice.
    """
    path = Path(options.path)
    lines = read_lines(path)
    file = file_column(options.file, lines, path)
    part = _column("data.part", options.part, PART_COLUMNS, lines, path)
    group = _column("data.group", options.group, (), lines, path)
    targets = _targets(options, lines, path, [file, part, group])
    kept = [line for line in lines if all(line[name].strip() for name in targets)]
    files_of(kept, file, path)
    entries = [
        Entry(
            name_in(line, file),
            tuple(line[name].strip() for name in targets),
            _part(line[part], path) if part else "",
            line[group].strip() if group else "",
        )
        for line in kept
    ]
    if not entries:
        raise DataError(f"data.path: {path} has no line with a value of '{targets[0]}'. Fill it in.")
    notes = [f"{len(lines) - len(kept)} lines have no value of {some(targets)}: they are left out."]
    return Listing(path.parent, entries, targets, notes if len(kept) < len(lines) else [])


def read_lines(path: Path, key: str = "data.path") -> list[Line]:
    """The lines of a CSV file by the names of its columns; cells are separated by `,`, `;` or tabs.

    Raises:
        DataError: It cannot be read or has no lines.
    """
    way_out = "Save it as CSV in UTF-8, with a first line of names."
    with reading(path, way_out):
        if (size := path.stat().st_size) > LARGEST_BYTES:
            raise DataError(f"{key}: {path} has {size >> 20} MiB, a list has at most {LARGEST_BYTES >> 20}. Split it.")
        try:
            text = path.read_text(encoding="utf-8-sig")
            first = text.partition("\n")[0]
            table = csv.DictReader(text.splitlines(), delimiter=max(",;\t", key=first.count))
            lines = [_checked(line, path, table.line_num) for line in table]
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{key}: {path} cannot be read ({error}). {way_out}") from None
    if not lines:
        raise DataError(f"{key}: {path} has no lines of files. Give a first line of names and a line for each image.")
    return lines


def file_column(stated: str | None, lines: Sequence[Line], path: Path, key: str = "data.file") -> str:
    """The column of files: the one that is named, has a usual name, or whose first cell is the name of an image.

    Raises:
        ConfigError: The named one is not there.
        DataError: There is none.
    """
    if found := _column(key, stated, FILE_COLUMNS, lines, path):
        return found
    found = next((name for name, cell in lines[0].items() if cell.strip().lower().endswith(SUFFIXES)), "")
    if not found:
        raise DataError(f"{key}: {path} has no column of image files ({', '.join(lines[0])}). Name it: {key}=...")
    return found


def files_of(lines: Sequence[Line], column: str, path: Path) -> None:
    """Refuse files that lie outside of the list's folder, are no image by name, are not there, or are listed twice.

    Raises:
        DataError: Naming the first, and how many there are.
    """
    names = [name_in(line, column) for line in lines]
    found = [path_inside(path.parent, name, source=path, way_out=RELATIVE) for name in names]
    problems = {
        "are no images by their names": [name for name in names if not name.lower().endswith(SUFFIXES)],
        "are not there": [name for name, file in zip(names, found, strict=True) if not file.is_file()],
        "are listed twice": [name for name, count in Counter(names).items() if count > 1],
    }
    for problem, wrong in problems.items():
        if wrong:
            raise DataError(f"{path}: {len(wrong)} of {len(names)} files {problem}: {some(wrong)}. Correct the list.")


def name_in(line: Line, column: str) -> str:
    """The file that a line names, relative to the list's folder."""
    return line[column].strip().removeprefix("./")


def _checked(line: Mapping[str | None, str | None], path: Path, number: int) -> Line:
    """A line with a cell in each column.

    Raises:
        DataError: It has another number of cells.
    """
    if None in line or None in line.values():
        what = "more" if None in line else "fewer"
        raise DataError(f"{path}, line {number} has {what} cells than the first line. Fix this line.")
    return {str(name): str(cell) for name, cell in line.items()}


def _column(key: str, stated: str | None, usual: Sequence[str], lines: Sequence[Line], path: Path) -> str:
    """A column by the name that was stated, or by a usual one; empty where there is none."""
    names = list(lines[0])
    if stated is not None:
        if stated not in names:
            raise ConfigError(f"{key}: {path} has no column '{stated}'. {nearest(stated, names)}")
        return stated
    lower = {name.strip().lower(): name for name in reversed(names)}
    return next((lower[name] for name in usual if name in lower), "")


def _targets(options: ImageOptions, lines: Sequence[Line], path: Path, others: Sequence[str]) -> list[str]:
    """The columns to predict.

    Raises:
        ConfigError: One that was named is not there, or has another role.
        DataError: None was named, and none is the only one that could be meant.
    """
    for name in options.target_columns:
        _column("data.target", name, (), lines, path)
        if name in others:
            raise ConfigError(f"data.target: '{name}' of {path} has another role. Name another column.")
    if options.target_columns:
        return list(options.target_columns)
    left = [name for name in lines[0] if name not in others]
    found = left[0] if len(left) == 1 else _column("data.target", None, TARGET_COLUMNS, lines, path)
    if not found or found in others:
        names = ", ".join(left) or "none is left"
        raise DataError(f"data.target: which column of {path} is to be predicted ({names})? Name it: data.target=...")
    return [found]


def _part(cell: str, path: Path) -> str:
    word = cell.strip().lower()
    if word in TEST_FOLDERS:
        return "test"
    if word in TRAIN_FOLDERS or word in VALIDATION_FOLDERS:
        return "train"
    raise DataError(f"{path}: the part '{cell}' is neither train nor test. Write one of them in each line.")


def numbers_of(entries: Sequence[Entry], columns: Sequence[str], path: Path) -> list[list[float]]:
    """Targets as numbers.

    Raises:
        DataError: A value is no number.
    """
    rows = [[number(text) for text in entry.label] for entry in entries]
    for entry, row in zip(entries, rows, strict=True):
        for column, text, value in zip(columns, entry.label, row, strict=True):
            if math.isnan(value):
                raise DataError(
                    f"{path}: '{column}' of {entry.name} is {text!r}, no number. Correct it, or set "
                    "data.task=classification."
                )
    return rows


def number(text: str) -> float:
    """A text as a finite number; NaN where it is none."""
    try:
        value = math.nan if "_" in text else float(text)  # Python alone reads 1_000 as a number
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
