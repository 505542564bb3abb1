"""Plain arguments of a call as the words of a command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eksplora.config import as_word, is_group, known_keys
from eksplora.errors import ConfigError, nearest
from eksplora.interface.domain import Domain, as_domain
from eksplora.interface.key import full_key, keys_of
from eksplora.ranges import Range, refusal

NUMBERS: Mapping[str, tuple[str, Range]] = {
    "trials": ("study.n_trials", Range(least=1, is_whole=True, usual=20)),
    "members": ("study.n_seeds", Range(least=1, is_whole=True, usual=8)),
    "minutes": ("study.timeout_seconds", Range(above=0, usual=5)),
    "workers": ("study.workers", Range(least=1, is_whole=True, usual=2)),
    "best": ("confirm.best", Range(least=1, is_whole=True, usual=3)),
    "seed": ("study.seed", Range(least=0, is_whole=True, usual=0)),
}
"""Arguments that are numbers: the key of each, and what it may be."""


@dataclass(frozen=True)
class Asked:
    """The words of a call.

    Attributes:
        words: Overrides that say what is trained: every stage of the experiment has them.
        numbers: Those that say how much of it; each stage has its own.
        folders: Folders of configurations besides those that are searched anyway.
    """

    words: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def all(self) -> list[str]:
        """Both."""
        return [*self.words, *self.numbers]


def check_texts(**given: object) -> None:
    """Refuse arguments that are names and were given as something else; None stands for none.

    Raises:
        ConfigError: Naming the argument.
    """
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"{name}: {value!r} is no text. Give a name in quotes, or leave it out.")


def check_values(name: str, values: object) -> None:
    """Refuse an argument that is not a mapping with names for keys.

    Raises:
        ConfigError: Naming the argument.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{name}: {values!r} does not say values by their names. Write {{'lr': ...}}.")
    for key in values:
        if not isinstance(key, str):
            raise ConfigError(f"{name}: {key!r} is no name. Write {{'lr': ...}}.")


def numbers(**given: float | None) -> tuple[str, ...]:
    """Overrides of the arguments that are numbers; None leaves what the configuration says.

    Raises:
        ConfigError: Naming the argument.

    Examples:
        >>> numbers(members=8, minutes=0.5, trials=None)
        ('study.n_seeds=8', 'study.timeout_seconds=30.0')
    """
    words = []
    for name, value in given.items():
        key, allowed = NUMBERS[name]
        if value is None:
            continue
        if value not in allowed:
            raise ConfigError(refusal(name, str(allowed), value, allowed.usual))
        words.append(f"{key}={value * 60.0 if name == 'minutes' else value}")
    return tuple(words)


def settings_words(settings: Mapping[str, Any], words: Sequence[str], *, where: str = "settings") -> list[str]:
    """Overrides of settings by their short names or keys; the choices of parts come first, their keys may follow.

    Args:
        settings: Values by name.
        words: Overrides that the settings change.
        where: The argument, for messages.

    Raises:
        ConfigError: For a name that is no key, or a value that is no plain one.
    """
    chosen = [f"{name}={value}" for name, value in settings.items() if is_group(name) and isinstance(value, str)]
    rest = {name: value for name, value in settings.items() if not (is_group(name) and isinstance(value, str))}
    known = keys_of([*words, *chosen]) if rest else {}
    found = list(chosen)
    for name, value in rest.items():
        key = name if "." in name else full_key(name, known, where=where, is_choice=False)
        if key == "data.columns" and isinstance(value, Mapping):  # columns may be called anything
            value = [f"{column}={kind}" for column, kind in value.items()]
        found.append(f"{key}={as_word(f'{where}: {name}', value)}")
    return found


def space_words(space: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Overrides of a search space, which takes the place of the experiment's own.

    Args:
        space: Domains by short name or key; a list is a choice.
        words: Overrides of the experiment.

    Raises:
        ConfigError: For a name that is no key, or a value that is no domain.
    """
    known, keys = keys_of(words), dict[str, str]()
    found, conditions = ["space=none"], list[tuple[str, Domain]]()
    for name, value in space.items():
        domain = as_domain(value)
        if domain is None:
            raise ConfigError(
                f"space: '{name}' is {value!r}, which is no domain. Give a list of values, or ek.log(low, high), "
                "ek.uniform(low, high), ek.integers(low, high) or ek.choice(...)."
            )
        key = keys[name] = _searched_key(name, domain, known)
        found.append(f"space.params.{key}={_fitting(name, domain, known.get(key)).word(f'space: {name}')}")
        conditions += [(name, domain)] if domain.when is not None else []
    return found + [f"space.when.{keys[name]}={_condition_word(name, domain, keys)}" for name, domain in conditions]


def _condition_word(name: str, domain: Domain, keys: Mapping[str, str]) -> str:
    """The condition of a domain as a configuration has it.

    Raises:
        ConfigError: If it is on a key that is not searched.
    """
    assert domain.when is not None
    other, values = domain.when
    key = keys.get(other, other)
    if key not in keys.values():
        raise ConfigError(
            f"space: '{name}' depends on '{other}', which is not searched. Search it too. {nearest(other, keys)}"
        )
    return f"{key}={Domain(values=values).word(f'space: {name}')}"


def _searched_key(name: str, domain: Domain, known: Mapping[str, Any]) -> str:
    is_choice = domain.low is None and all(isinstance(value, str) for value in domain.values)
    try:
        return full_key(name, known, where="space", is_choice=is_choice)
    except ConfigError:
        others = known_keys("search")  # of parts that are not chosen, but may be searched
        if name not in others and not any(key.endswith(f".{name}") for key in others):
            raise
        return full_key(name, others, where="space", is_choice=is_choice)


def _fitting(name: str, domain: Domain, value: object) -> Domain:
    """The domain in whole numbers where the key takes no others.

    Raises:
        ConfigError: If its ends are none.
    """
    if type(value) is not int or domain.low is None or domain.is_whole:
        return domain
    low, high = domain.low, domain.high or 0
    if low != int(low) or high != int(high):
        raise ConfigError(f"space: '{name}' takes whole numbers, got {domain!r}. Use ek.integers(low, high).")
    return replace(domain, is_whole=True)
