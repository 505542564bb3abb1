"""Words that Hydra's grammar can take: plain values as text, and what is said of the search space."""

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

from eksplora.config.composition import choices
from eksplora.errors import ConfigError

LITERAL = re.compile(
    r"^(?P<key>\+{0,2}(?:data\.(?:path|target|group|time|part|identifier|weight|separator|decimal|encoding)|input|file|target))=(?P<text>.*)$",
    re.DOTALL,
)
"""Keys of names from outside, which are taken as they are: of files, and of columns of a table."""

LISTED = re.compile(r"^(?P<key>\+{0,2}(?:data\.(?:target|drop)|target))=\[(?P<text>[^\[\]{}'\"\\]*)\]$", re.DOTALL)
"""Keys of lists of names."""

KIND = re.compile(r"^\+{0,2}data\.columns\.(?P<name>.+)=(?P<kind>[^=]*)$", re.DOTALL)
"""The kind of a column, whatever it is called."""

PLAIN = re.compile(r"[A-Za-z_./][\w./-]*", re.ASCII)
"""Texts that Hydra's grammar takes as they are, unless they are one of `WORDS`."""

WORDS = ("true", "false", "null", "nan", "inf")

SPACE_OVERRIDE = re.compile(
    r"^(?P<op>~|\+{0,2})space\.(?P<table>params|when)\.(?P<key>[^=]+)(=(?P<value>.*))?$", re.DOTALL
)


def as_word(key: str, value: Any) -> str:
    r"""A plain value as an override has it: what text says is text, whatever stands in it.

    Args:
        key: Its key, for the message.
        value: None, a switch, a number, text, or a list or mapping of those.

    Raises:
        ConfigError: If it is no plain value, or text with a reference (`${...}`).

    Examples:
        >>> as_word("a", "x, y"), as_word("a", [1, 0.5, None, True]), as_word("a", {"b": 'say "no"'})
        ('"x, y"', '[1,0.5,null,true]', '{b:"say \\"no\\""}')
    """
    if hasattr(value, "tolist") and not isinstance(value, type):  # of NumPy
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_named(key, name)}:{as_word(key, one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(as_word(key, one) for one in value) + "]"
    text = str(value) if isinstance(value, str | PathLike) else None
    if text is None or "${" in text:
        raise ConfigError(f"{key}: {value!r} is no plain value. Give a number, text, or a list of those.")
    return QuotedString(text, Quote.double).with_quotes()


def _named(key: str, name: object) -> str:
    """A key of a mapping: a word by itself.

    Raises:
        ConfigError: If it is none.
    """
    if not re.fullmatch(r"[\w.-]+", str(name)):
        raise ConfigError(f"{key}: {name!r} is no word. Name it by letters, digits, dots and underscores.")
    return str(name)


def gather_space(arguments: Sequence[str]) -> list[str]:
    """Move overrides of the search space into one list that Hydra can carry.

    `space.params.optimizer.lr=interval(1e-3, 1e-1)` would be a sweep and a nested key to Hydra; here keys contain dots
    and values are read by `eksplora.config.parse_space`.

    Examples:
        >>> gather_space(["space.params.optimizer.lr=choice(1, 2)", "study.seed=1"])
        ['study.seed=1', 'space.overrides=["params.optimizer.lr=choice(1, 2)"]']

    Raises:
        ConfigError: If all of the space is to be set at once.
    """
    for argument in arguments:
        whole = re.match(r"[+~]*space\.(?:params|when)(?:=|$)", argument)
        if whole:
            raise ConfigError(
                f"{argument.partition('=')[0]}: is not set as a whole. Write space.params.<key>=<domain> for each key, "
                "~space.params.<key> for one that is not searched, or space=none."
            )
    matches = [(argument, SPACE_OVERRIDE.match(argument)) for argument in arguments]
    moved = [_assignment(match) for _, match in matches if match]
    rest = [argument for argument, match in matches if not match]
    quoted = ",".join(QuotedString(text, Quote.double).with_quotes() for text in moved)
    return [*rest, f"space.overrides=[{quoted}]"] if moved else rest


def _assignment(match: re.Match[str]) -> str:
    value = "null" if match["op"] == "~" else _unquoted(match["value"] or "null")
    return f"{match['table']}.{match['key']}={value}"


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]
    return text[1:-1] if is_quoted else text


def quote_names(arguments: Sequence[str]) -> list[str]:
    """Quote names of files and columns for Hydra's grammar, and take `data=<file>` for `data.path=<file>`.

    Kinds of columns become one list where a column is called by something that is no key.

    Examples:
        >>> quote_names(["data=my houses (2).csv", "data.target=price", "data.drop=[id]"])
        ['data.path="my houses (2).csv"', 'data.target=price', 'data.drop=[id]']
        >>> quote_names(["data.columns.yrs.since=number", "data.drop=[Sale Price, id]"])
        ['data.drop=["Sale Price","id"]', 'data.columns=["yrs.since=number"]']

    Raises:
        ConfigError: If a name is both that of a data set and that of a file.
    """
    return [_quoted_name(_with_path(argument)) for argument in _gathered_kinds(arguments)]


def _gathered_kinds(arguments: Sequence[str]) -> list[str]:
    found = {argument: match for argument in arguments if (match := KIND.match(argument))}
    if all(re.fullmatch(r"[A-Za-z_]\w*", match["name"], re.ASCII) for match in found.values()):
        return list(arguments)
    kinds = [f"{_unquoted(match['name'])}={_unquoted(match['kind'])}" for match in found.values()]
    return [*(one for one in arguments if one not in found), f"data.columns={as_word('data.columns', kinds)}"]


def _with_path(argument: str) -> str:
    """An override `data=<file>` as one of its path; any other as it is."""
    text = argument.removeprefix("data=")
    if text == argument:
        return argument
    if text not in choices("data"):
        return f"data.path={text}" if re.search(r"[./]", text) or Path(text).exists() else argument
    if Path(text).exists():
        raise ConfigError(
            f"data={text} names a data set of conf/data/, and {text} lies here too. Write data=./{text} for what lies "
            "here; to mean the data set, rename that or go to another folder."
        )
    return argument


def _quoted_name(argument: str) -> str:
    if listed := LISTED.match(argument):
        names = [name.strip() for name in listed["text"].split(",")]
        is_plain = listed["text"] == "" or all(map(_is_plain, names))
        return argument if is_plain else f"{listed['key']}={as_word(listed['key'], names)}"
    found = LITERAL.match(argument)
    if found is None or _is_read_by_hydra(found["text"]):
        return argument
    return f"{found['key']}={as_word(found['key'], found['text'])}"


def _is_read_by_hydra(text: str) -> bool:
    """Whether a text is a plain word, a list, or is quoted already."""
    is_list = text.startswith("[") and text.endswith("]")
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return not text or text == "null" or is_list or is_quoted or _is_plain(text)


def _is_plain(text: str) -> bool:
    return PLAIN.fullmatch(text) is not None and text.lower().lstrip(".") not in WORDS
