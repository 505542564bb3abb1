"""The words of a command line: options, overrides, and those of the search space that Hydra's grammar cannot take."""

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

from hydra.core.override_parser.types import Quote, QuotedString

from eksplora.config import parse_override
from eksplora.errors import ConfigError, nearest

OPTIONS = ("--cfg", "-c", "--resolve", "--package", "-p", "--config-dir")
"""Options of a command besides overrides: to see its configuration, and to say where files of it lie."""


SPACE_OVERRIDE = re.compile(
    r"^(?P<op>~|\+{0,2})space\.(?P<table>params|when)\.(?P<key>[^=]+)(=(?P<value>.*))?$", re.DOTALL
)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{' '.join(message.split())}. See --help.")


def split_config_dirs(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The folders of `--config-dir`, and all other words.

    Examples:
        >>> split_config_dirs(["--config-dir", "team/conf", "study.seed=1", "--config-dir=mine"])
        (['team/conf', 'mine'], ['study.seed=1'])

    Raises:
        ConfigError: If an option has no folder.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", action="append", default=[])
    options, rest = parser.parse_known_args(list(words))
    return options.config_dir, rest


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
