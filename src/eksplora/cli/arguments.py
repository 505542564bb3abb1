"""The words of a command line: options and overrides."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from eksplora.config import parse_override
from eksplora.config.folders import SEARCH_PATH, search_path
from eksplora.errors import ConfigError, nearest

OPTIONS = ("--cfg", "-c", "--resolve", "--package", "-p", "--config-dir")
"""Options of a command besides overrides: to see its configuration, and to say where files of it lie."""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{' '.join(message.split())}. See --help.")


def split_config_dirs(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The folders of `--config-dir` and `hydra.searchpath`, and all other words.

    Examples:
        >>> split_config_dirs(["--config-dir", "team/conf", "study.seed=1", "--config-dir=mine"])
        (['team/conf', 'mine'], ['study.seed=1'])
        >>> split_config_dirs(["hydra.searchpath=[file://team/conf]", "study.seed=1"])
        (['team/conf'], ['study.seed=1'])

    Raises:
        ConfigError: If an option has no folder.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", action="append", default=[])
    options, rest = parser.parse_known_args(list(words))
    paths = [word for word in rest if word.startswith(f"{SEARCH_PATH}=")]
    found = [folder for word in paths for folder in search_path(word)]
    return [*options.config_dir, *found], [word for word in rest if word not in paths]


FILES = {"describe": "file"}
"""The key that a first word without `=` is the value of, by command."""


def with_file(root: str, words: Sequence[str]) -> list[str]:
    """The words of a command whose first one may be a file.

    Examples:
        >>> with_file("describe", ["my houses.csv", "target=price"])
        ["file='my houses.csv'", 'target=price']
        >>> with_file("search", ["houses.csv"])
        ['houses.csv']
    """
    first = words[0] if words and root in FILES else ""
    if not first or "=" in first or first.startswith("-"):
        return list(words)
    quoted = first.replace("\\", "\\\\").replace("'", "\\'")
    return [f"{FILES[root]}='{quoted}'", *words[1:]]


def read_arguments(words: Sequence[str]) -> argparse.Namespace:
    """The overrides and options of a command line: `overrides`, `cfg`, `resolve`, `package`.

    Raises:
        ConfigError: Naming the option that there is not, or the override that cannot be read.
    """
    for word in words:
        option = word.partition("=")[0]
        if word.startswith("-") and option not in OPTIONS:
            raise ConfigError(f"{option}: no such option. {nearest(option, OPTIONS)}")
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--cfg", "-c", choices=("job",))
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("--package", "-p")
    options = parser.parse_intermixed_args(list(words))
    for text in options.overrides:
        parse_override(text)
    return options
