"""Keys that had another name in the version before: the old name works, and one line on stderr says the new one."""

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from eksplora.errors import ConfigError

RENAMED: Mapping[str, str] = {"study.n_members": "study.n_seeds"}
"""The old name of a key and its name now. Studies are recorded under the old one: their identity does not change."""


def with_present_keys(overrides: Sequence[str]) -> list[str]:
    """Overrides with the present names of their keys.

    Examples:
        >>> with_present_keys(["study.seed=1", "+study.n_seeds=2"])
        ['study.seed=1', '+study.n_seeds=2']
    """
    return [_with_present_key(text) for text in overrides]


def _with_present_key(text: str) -> str:
    key = text.lstrip("+~").partition("=")[0]
    if key not in RENAMED:
        return text
    _say("", key)
    return text.replace(key, RENAMED[key], 1)


def with_present_names(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The values of a file with the present names of their keys.

    Args:
        values: The values, nested.
        source: The file, for messages.

    Raises:
        ConfigError: If it gives a key under both names.
    """
    present = dict(values)
    for old, new in RENAMED.items():
        (top, last), name = old.split("."), new.rpartition(".")[2]
        node = present.get(top)
        if isinstance(node, dict) and last in node:
            if name in node:
                raise ConfigError(f"{source}: {old} and {new} are two names of one key. Remove {old}.")
            _say(f"{source}: ", old)
            present[top] = {name if key == last else key: value for key, value in node.items()}
    return present


@cache
def _say(where: str, old: str) -> None:
    """Once per file and key: a command composes the same files several times."""
    print(
        f"warning: {where}{old} is called {RENAMED[old]} now. The old name works in this version: write the new one.",
        file=sys.stderr,
    )
