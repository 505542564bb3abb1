"""Code that a configuration names: found by its dotted name, or a line that says why not and what to do."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from eksplora.errors import ConfigError, nearest, place_of


def located(key: str, target: str) -> Any:
    """The function or class of a dotted name.

    Args:
        key: The part's place in a configuration, for messages.
        target: Its name, `package.module.name`.

    Raises:
        ConfigError: If there is no such module or name, or its module cannot be imported.
    """
    words = target.split(".")
    if len(words) < 2 or not all(map(str.isidentifier, words)):
        raise ConfigError(f"{key}: '{target}' is no name of a part. Write package.name.")
    found, rest = _imported(key, target, words)
    for place, word in enumerate(rest):
        try:
            found = getattr(found, word)
        except AttributeError:
            owner = ".".join([*words[: len(words) - len(rest)], *rest[:place]])
            names = [name for name in vars(found) if not name.startswith("_")] if hasattr(found, "__dict__") else []
            hint = nearest(word, names) if names else f"Define it in {owner}, or name another part."
            raise ConfigError(f"{key}: {target} is named, but {owner} has no '{word}'. {hint}") from None
    return found


def _imported(key: str, target: str, words: Sequence[str]) -> tuple[Any, Sequence[str]]:
    """The module of the longest beginning of a name that is one, and the words that are left."""
    for count in range(len(words) - 1, 0, -1):
        name = ".".join(words[:count])
        try:
            return import_module(name), words[count:]
        except ModuleNotFoundError as error:
            if not f"{name}.".startswith(f"{error.name}."):
                raise ConfigError(
                    f"{key}: {target} needs the package '{error.name}'{place_of(error)}, which is not installed. "
                    "Install it."
                ) from error
        except (Exception, SystemExit) as error:  # whatever the user's module does when it is imported
            said = error.msg if isinstance(error, SyntaxError) else str(error)
            reason = " ".join(said.split()) or "no reason"
            raise ConfigError(
                f"{key}: {target} cannot be imported ({type(error).__name__}: {reason}{place_of(error)}). "
                "Correct its module."
            ) from error
    raise ConfigError(
        f"{key}: {target} is named, but there is no module '{words[0]}'. "
        f"Put it beside the folder of configurations that names it, or install its package."
    )
