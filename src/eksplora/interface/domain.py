"""Domains of searched keys, as plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eksplora.config import as_word
from eksplora.errors import ConfigError
from eksplora.ranges import Range

When = Mapping[str, Any]
"""A condition: another key of the space, and the value or list of values that it needs to have."""


@dataclass(frozen=True)
class Domain:
    """Values that a key may take in a search; made by `log`, `uniform`, `integers` and `choice`.

    Attributes:
        low: Smallest value; None for a list.
        high: Largest value; None for a list.
        is_log: Whether values are drawn by order of magnitude.
        is_whole: Whether they are whole numbers.
        values: The listed values; empty for numbers between two ends.
        when: Another key of the space and the values with which this one is searched; None: always.
    """

    low: float | None = None
    high: float | None = None
    is_log: bool = False
    is_whole: bool = False
    values: tuple[Any, ...] = ()
    when: tuple[str, tuple[Any, ...]] | None = None

    def __repr__(self) -> str:
        condition = "" if self.when is None else f", when={{{self.when[0]!r}: {list(self.when[1])!r}}}"
        if self.low is None:
            return f"choice({', '.join(map(repr, self.values))}{condition})"
        kind = "integers" if self.is_whole else "log" if self.is_log else "uniform"
        by_magnitude = ", log=True" if self.is_whole and self.is_log else ""
        return f"{kind}({self.low!r}, {self.high!r}{by_magnitude}{condition})"

    def word(self, key: str) -> str:
        """The domain as a configuration has it, without its condition.

        Args:
            key: Its key, for messages.

        Examples:
            >>> log(1e-4, 0.1).word("lr"), integers(1, 8).word("depth"), choice("adam", "sgd").word("optimizer")
            ('tag(log, interval(0.0001, 0.1))', 'int(interval(1, 8))', 'choice("adam","sgd")')
        """
        if self.low is None:
            return f"choice({','.join(as_word(key, value) for value in self.values)})"
        ends = (int(self.low), int(self.high or 0)) if self.is_whole else (float(self.low), float(self.high or 0))
        text = f"interval({ends[0]!r}, {ends[1]!r})"
        text = f"int({text})" if self.is_whole else text
        return f"tag(log, {text})" if self.is_log else text


def log(low: float, high: float, *, when: When | None = None) -> Domain:
    """Numbers from `low` to `high` by order of magnitude: as many between 0.001 and 0.01 as between 0.01 and 0.1.

    Args:
        low: The smallest, above 0.
        high: The largest.
        when: As `choice` takes it.

    Raises:
        ConfigError: If an end is no number.

    Examples:
        >>> log(1e-4, 1e-1)
        log(0.0001, 0.1)
    """
    _check_ends("log", low, high)
    return Domain(low, high, is_log=True, when=_condition(when))


def uniform(low: float, high: float, *, when: When | None = None) -> Domain:
    """Numbers from `low` to `high`.

    Args:
        low: The smallest.
        high: The largest.
        when: As `choice` takes it.

    Raises:
        ConfigError: If an end is no number.

    Examples:
        >>> uniform(0, 0.95, when={"optimizer": "sgd"})
        uniform(0, 0.95, when={'optimizer': ['sgd']})
    """
    _check_ends("uniform", low, high)
    return Domain(low, high, when=_condition(when))


def integers(low: int, high: int, *, log: bool = False, when: When | None = None) -> Domain:
    """Whole numbers from `low` to `high`, both included.

    Args:
        low: The smallest.
        high: The largest.
        log: Whether they are drawn by order of magnitude.
        when: As `choice` takes it.

    Raises:
        ConfigError: If an end is no whole number.

    Examples:
        >>> integers(8, 256, log=True)
        integers(8, 256, log=True)
    """
    _check_ends("integers", low, high)
    return Domain(low, high, is_log=log, is_whole=True, when=_condition(when))


def choice(*values: Any, when: When | None = None) -> Domain:
    """One of the listed values; a list of values in a space means the same.

    Args:
        values: The values.
        when: The value, or values, of another searched key with which this one exists: `{"optimizer": "sgd"}`; a trial
            with another value of that key does without. None: always.

    Raises:
        ConfigError: If `when` is not one key with its values.

    Examples:
        >>> choice([32], [64, 64])
        choice([32], [64, 64])
        >>> space = {"optimizer": choice("adam", "sgd"), "nesterov": choice(True, False, when={"optimizer": "sgd"})}
    """
    return Domain(values=values, when=_condition(when))


def _check_ends(kind: str, *ends: object) -> None:
    """Refuse ends of an interval that are no numbers, or not whole where they have to be.

    Raises:
        ConfigError: Naming the function of the interface.
    """
    allowed = Range(is_whole=kind == "integers")
    for end in ends:
        if end not in allowed:
            raise ConfigError(
                f"ek.{kind}: {end!r} is not {allowed}. Give the smallest and the largest: ek.{kind}(1, 8)."
            )


def _condition(when: When | None) -> tuple[str, tuple[Any, ...]] | None:
    """The key of a condition, and its values.

    Raises:
        ConfigError: If it is not one key with its values.
    """
    if when is None:
        return None
    if not isinstance(when, Mapping) or len(when) != 1:
        raise ConfigError(f"when: {when!r} is not one key with its values. Write when={{'optimizer': 'sgd'}}.")
    ((key, value),) = when.items()
    return str(key), tuple(value) if isinstance(value, list | tuple) else (value,)


def as_domain(value: object) -> Domain | None:
    """A domain as it is given: one of these, or a list of values for a choice; None for anything else."""
    if isinstance(value, Domain):
        return value
    return Domain(values=tuple(value)) if isinstance(value, list | tuple) and value else None
