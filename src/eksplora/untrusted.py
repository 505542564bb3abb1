"""Reading of material from elsewhere: records, models, data, other people's files.

It never runs code, never names a file outside of the folder that it came with, and never costs more than its size.
Whatever is read back from a file is checked for its shape here, not only parsed: one function for paths, one for JSON,
one for YAML.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

import yaml

from eksplora.errors import DataError, reason_of

NAME = re.compile(r"\w[\w.-]{0,99}")
"""A name that becomes a folder: of a study, an experiment, a registered model."""

LARGEST_YAML_BYTES = 2**20
"""No configuration is larger; PyYAML needs about a second for a mebibyte."""

DEEPEST = 50
"""Levels of nesting that a configuration may have."""

T = TypeVar("T")


def is_name(text: object) -> bool:
    """Whether a text can be the name of a folder: letters, digits, '.', '_' and '-', at most 100 of them.

    Examples:
        >>> is_name("wine_mlp"), is_name("../wine"), is_name("team/wine"), is_name("")
        (True, False, False, False)
    """
    return isinstance(text, str) and NAME.fullmatch(text) is not None


def folder_name(text: str, otherwise: str) -> str:
    """A name for a folder from any text: at most 60 of its letters, digits, '.', '_' and '-', '_' for all else.

    Args:
        text: Such as the name of a file.
        otherwise: The name where nothing of the text is left.

    Examples:
        >>> folder_name("My photos (2)", "images"), folder_name("...", "images")
        ('My_photos_2', 'images')
    """
    kept = "".join(letter if NAME.fullmatch(f"a{letter}") else " " for letter in text)
    return "_".join(kept.split()).strip("._-")[:60] or otherwise


ALTERED = "The record was altered: restore it from a copy, or remove it."


def path_inside(folder: Path, name: object, *, source: object, way_out: str = ALTERED) -> Path:
    """The path of a file that a record names: inside of `folder`, and reached through no symbolic link.

    Args:
        folder: The folder that the record belongs to.
        name: What the record says: a relative path with '/' between its parts.
        source: The record, for the message.
        way_out: The last sentence of the message on a name that is no such path.

    Raises:
        DataError: If the name is absolute, leaves the folder, or leads through a symbolic link.
    """
    parts = name.split("/") if isinstance(name, str) else []
    is_plain = all(part not in ("", ".", "..") and "\0" not in part and "\\" not in part for part in parts)
    if not parts or not is_plain:
        raise DataError(f"{source} names the file {name!r}, which is no relative path inside {folder}. {way_out}")
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise DataError(f"{path}, which {source} names, is a symbolic link. Put the file itself in its place.")
    return path


def why_no_file(path: Path) -> str:
    """Reason for which a path is no file: the words of a refusal after its name.

    Examples:
        >>> why_no_file(Path("/dev/null")), why_no_file(Path("/dev")), why_no_file(Path("/dev/nothing"))
        ('is a pipe or a device, not a file', 'is a folder, not a file', 'does not exist')
    """
    if not path.exists():
        return "does not exist"
    return "is a folder, not a file" if path.is_dir() else "is a pipe or a device, not a file"


def open_plain(path: Path) -> BufferedReader:
    """Open a file for reading, if it is one: a pipe would be waited for without end, a device has no size.

    Raises:
        OSError: If it cannot be opened, or is no file with a content.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", str(path))
    return os.fdopen(descriptor, "rb")


def read_plain(path: Path) -> bytes:
    """The content of a file; see `open_plain`.

    Raises:
        OSError: If it cannot be read, or is no file with a content.
    """
    with open_plain(path) as file:
        return file.read()


def sha256(path: Path) -> str:
    """The hash of a file; see `open_plain`.

    Raises:
        OSError: If it cannot be read, or is no file with a content.
    """
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def reading(path: Path, way_out: str, missing: str = "") -> Iterator[None]:
    """Turn an operating system's refusal to read a file into an error that names it.

    Args:
        path: The file.
        way_out: The last sentence of the message: what the user can do.
        missing: What it means that there is no such file.

    Raises:
        DataError: In place of the refusal.
    """
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path} is missing{': ' * bool(missing)}{missing}. {way_out}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({reason_of(error)}). {way_out}") from None


# --- CSV ----------------------------------------------------------------------------------------------------------


def plain_cell(value: T) -> T | str:
    """A value as a cell of a CSV table: a text that a spreadsheet would run as a formula is given an apostrophe before.

    Numbers are left as they are, and so are texts that are numbers.

    Examples:
        >>> plain_cell("=1+1"), plain_cell("-0.5"), plain_cell(-0.5), plain_cell("a=1"), plain_cell(None)
        ("'=1+1", '-0.5', -0.5, 'a=1', None)
    """
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


# --- JSON --------------------------------------------------------------------------------------------------------


def read_json(path: Path, shape: type[T], *, way_out: str) -> T:
    """The content of a JSON file, checked to be of a shape.

    Args:
        path: The file.
        shape: A dataclass, or a plain type such as `dict[str, float]`: what pydantic can check. Values are not
            converted: "3" is no number. Keys that a dataclass does not have are passed over.
        way_out: The last sentence of the message: what the user can do.

    Raises:
        DataError: If the file cannot be read, is no JSON, or is of another shape; it names the first key at fault.
    """
    with reading(path, way_out):
        content = read_plain(path)
    return parse_json(content, shape, source=path, way_out=way_out)


def parse_json(content: bytes | str, shape: type[T], *, source: object, way_out: str) -> T:
    """A JSON text, checked to be of a shape; see `read_json`.

    Raises:
        DataError: If the text is no JSON or of another shape.
    """
    from pydantic import TypeAdapter, ValidationError  # 0.1 s, and many commands read nothing back

    try:
        adapter: TypeAdapter[T] = _adapters.get(shape) or _adapters.setdefault(shape, TypeAdapter(shape))
        return adapter.validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = " ".join(first["msg"].removeprefix("Value error, ").split())  # what a shape's own checks say
        raise DataError(f"{source} cannot be read ({key}{': ' * bool(key)}{reason}). {way_out}") from None


_adapters: dict[object, Any] = {}
"""Checker of a shape, made once for each."""


# --- YAML --------------------------------------------------------------------------------------------------------


class PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain values; a key that stands twice is refused, where YAML would let the last one win."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are scalars, each of which stands once."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            is_plain, key = isinstance(key_node, yaml.ScalarNode), str(key_node.value)
            if not is_plain or key in seen:
                problem = f"the key '{key}' stands twice" if is_plain else "a key must be a word or a number"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def load_yaml(path: Path, *, way_out: str) -> Any:
    """The content of a YAML file from elsewhere: plain values, without tags, anchors, aliases, or a key twice.

    Raises:
        DataError: If the file cannot be read or is anything else; it names the line.
    """
    with reading(path, way_out):
        content = read_plain(path)
    return parse_yaml(content, source=path, way_out=way_out)


def parse_yaml(content: bytes, *, source: object, way_out: str, loader: type[Any] = PlainLoader) -> Any:
    """The plain values of a YAML text; see `load_yaml`.

    Args:
        content: The text, in UTF-8.
        source: Where it comes from, for the message.
        way_out: The last sentence of the message.
        loader: A kind of `PlainLoader`, with other rules for what is a number.

    Raises:
        DataError: If it is anything but plain values.
    """
    try:
        if len(content) > LARGEST_YAML_BYTES:
            raise ValueError(f"larger than {LARGEST_YAML_BYTES // 2**20} MiB")
        text = content.decode("utf-8-sig")
        _check_events(text)
        return yaml.load(text, Loader=loader)
    except (ValueError, RecursionError, yaml.YAMLError) as error:  # UnicodeDecodeError is a ValueError
        raise DataError(f"{source} cannot be read ({_reason(error)}). {way_out}") from None


def _check_events(text: str) -> None:
    """Refuse what plain values do not need, before anything is built of it.

    A text of 600 bytes with aliases can mean gigabytes; a tag can name code.
    """
    depth = 0
    event: Any  # PyYAML's types do not say which events have anchors and tags
    for event in yaml.parse(text, Loader=PlainLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        problem = ""
        if getattr(event, "anchor", None):
            problem = f"'{event.anchor}' is an anchor or alias: write its value out"
        elif getattr(event, "tag", None):
            problem = f"the tag '{event.tag}': only plain values can be here"
        elif depth > DEEPEST:
            problem = f"nested more than {DEEPEST} levels deep"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _reason(error: Exception) -> str:
    """Reason for which a text cannot be read, in one line, with the place where that is known."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        return f"line {mark.line + 1}: {error.problem}" if mark else error.problem
    return " ".join(str(error).split())
