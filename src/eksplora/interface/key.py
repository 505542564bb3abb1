"""Short names of keys: `lr` is `optimizer.lr`."""

from collections.abc import Collection, Sequence

from eksplora.config import compose_request, flatten, is_group
from eksplora.config.schema import TRAINING_KEYS
from eksplora.errors import ConfigError, nearest

OTHER_NAMES = {"epochs": "trainer.max_epochs", "l2": "regularization.l2", "dropout": "dropout.rate"}
"""Names that people use and no key ends with, or that a group has too."""

FIRST = ("optimizer", "model", "data", "trainer", "regularization", "scheduler")
"""Groups whose keys a short name means first, where several have one."""


def keys_of(words: Sequence[str]) -> dict[str, object]:
    """Every key of a training as these overrides compose it, with its value."""
    config = compose_request("search", words).config
    return flatten({group: config[group] for group in TRAINING_KEYS if group in config})


def full_key(name: str, known: Collection[str], *, where: str, is_choice: bool = True) -> str:
    """The key that a name stands for: its own, a group, or the one key that ends with it.

    Args:
        name: As it is given.
        known: Keys of the training.
        where: The argument, for the message.
        is_choice: Whether values are words; a group has files to choose from and no numbers.

    Raises:
        ConfigError: If no key has the name, or several.

    Examples:
        >>> full_key("lr", ["optimizer.lr", "model.widths"], where="space")
        'optimizer.lr'
        >>> full_key("width", ["optimizer.lr", "model.widths"], where="space")
        Traceback (most recent call last):
        eksplora.errors.ConfigError: space: 'width' is no key of this training. Did you mean 'widths'?
    """
    if name in known or (is_choice and is_group(name)):
        return name
    if OTHER_NAMES.get(name) in known:
        return OTHER_NAMES[name]
    found = [key for key in known if key.rpartition(".")[2] == name and not key.startswith("metric.")]
    for group in FIRST:
        own = [key for key in found if key == f"{group}.{name}"]
        found = own or found
        if own:
            break
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"{where}: '{name}' may be {' or '.join(sorted(found))}. Write it in full.")
    names = {key.rpartition(".")[2] for key in known} | set(OTHER_NAMES)
    raise ConfigError(f"{where}: '{name}' is no key of this training. {nearest(name, names)}")
