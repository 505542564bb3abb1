"""YAML files with their comments: keys in the words of the file."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

_PACKAGE = re.compile(r"@package\s+(\S+)")


@dataclass(frozen=True)
class Entry:
    """A key with its value and what is said of it.

    Attributes:
        name: Dotted where mappings are nested.
        value: The text of its value.
        comment: The comment beside or right above it.
    """

    name: str
    value: str
    comment: str


@dataclass(frozen=True)
class Default:
    """An entry of a defaults list.

    Attributes:
        group: The config group; empty: the file's own.
        option: The choice, or `_self_`.
        comment: The comment beside or right above it.
    """

    group: str
    option: str
    comment: str


@dataclass(frozen=True)
class Commented:
    """A file of `conf/`.

    Attributes:
        head: The lines of comment that it begins with, without their mark.
        package: Where Hydra puts its keys, if it says so; else empty.
        defaults: Its defaults list.
        entries: Its keys, those that begin with an underscore too.
    """

    head: Sequence[str]
    package: str
    defaults: Sequence[Default]
    entries: Sequence[Entry]


def read(text: str) -> Commented:
    r"""Read a file's text.

    Examples:
        >>> read("# what it is\nlr: 1e-3 # a rate\nshape: {height: 2}").entries
        [Entry(name='lr', value='1e-3', comment='a rate'), Entry(name='shape.height', value='2', comment='')]
    """
    lines = text.splitlines()
    count = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    node = yaml.compose(text, yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    if pairs and _is_explained_by_head(pairs[0], lines, count):
        count = 0
    head = [line.lstrip("#").strip() for line in lines[:count]]
    package = next((found[1] for line in head if (found := _PACKAGE.match(line))), "")
    body = [""] * count + lines[count:]  # the head explains the file, not its first key
    return Commented(
        [line for line in head if not _PACKAGE.match(line)],
        package,
        [default for key, value in pairs if key.value == "defaults" for default in _defaults(value, body)],
        [entry for key, value in pairs if key.value != "defaults" for entry in _entries(key, value, body)],
    )


def _is_explained_by_head(pair: tuple[yaml.Node, yaml.Node], lines: Sequence[str], count: int) -> bool:
    """Whether the comment that a file begins with belongs to its first key: it follows at once and has no other."""
    key, value = pair
    is_plain = not key.value.startswith("_") and not _is_block(value)
    return is_plain and count > 0 and key.start_mark.line == count and not _beside(key, value, lines)


def _entries(key: yaml.Node, value: yaml.Node, lines: Sequence[str], prefix: str = "") -> Iterator[Entry]:
    name = f"{prefix}{key.value}"
    if isinstance(value, yaml.MappingNode) and value.value:
        for inner, node in value.value:
            yield from _entries(inner, node, lines, f"{name}.")
    else:
        yield Entry(name, _source(value), _comment(key, value, lines))


def _defaults(node: yaml.Node, lines: Sequence[str]) -> Iterator[Default]:
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        key, value = item.value[0] if isinstance(item, yaml.MappingNode) else (item, item)
        group = "" if key is value else key.value.split()[-1].lstrip("/").partition("@")[0]  # `override /a@b`: a
        yield Default(group, value.value, _comment(key, value, lines))


def _source(node: yaml.Node) -> str:
    """The text of a value on one line."""
    if isinstance(node, yaml.SequenceNode) and _is_block(node):
        return f"[{', '.join(_source(item) for item in node.value)}]"
    text = (node.start_mark.buffer or "")[node.start_mark.pointer : node.end_mark.pointer]
    return " ".join(text.split()) or "null"


def _comment(key: yaml.Node, value: yaml.Node, lines: Sequence[str]) -> str:
    above = [*_above(key.start_mark.line, lines)][::-1]
    return " ".join(text for text in (*above, _beside(key, value, lines)) if text)


def _beside(key: yaml.Node, value: yaml.Node, lines: Sequence[str]) -> str:
    """The comment on the line where the value ends, or, before a block, on the key's line."""
    mark = key.end_mark if _is_block(value) else value.end_mark
    found = re.search(r"^[\s:]*#+\s*(.*)", lines[mark.line][mark.column :]) if mark.line < len(lines) else None
    return found[1].strip() if found else ""


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _above(line: int, lines: Sequence[str]) -> Iterator[str]:
    """The lines of comment right above a line, the nearest first."""
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        yield lines[line].lstrip("# ").strip()
