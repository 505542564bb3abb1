"""Domains of searched keys, as plain Python."""

from dataclasses import dataclass
from typing import Any

from eksplora.config import as_word


@dataclass(frozen=True)
class Domain:
    """Values that a key may take in a search; made by `log`, `uniform`, `integers` and `choice`.

    Attributes:
        low: Smallest value; None for a list.
        high: Largest value; None for a list.
        is_log: Whether values are drawn by order of magnitude.
        is_whole: Whether they are whole numbers.
        values: The listed values; empty for numbers between two ends.
    """

    low: float | None = None
    high: float | None = None
    is_log: bool = False
    is_whole: bool = False
    values: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        if self.low is None:
            return f"choice({', '.join(map(repr, self.values))})"
        kind = "integers" if self.is_whole else "log" if self.is_log else "uniform"
        return f"{kind}({self.low!r}, {self.high!r}{', log=True' if self.is_whole and self.is_log else ''})"

    def word(self, key: str) -> str:
        """The domain as a configuration has it.

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


def log(low: float, high: float) -> Domain:
    """Numbers from `low` to `high` by order of magnitude: as many between 0.001 and 0.01 as between 0.01 and 0.1.

    Examples:
        >>> log(1e-4, 1e-1)
        log(0.0001, 0.1)
    """
    return Domain(low, high, is_log=True)


def uniform(low: float, high: float) -> Domain:
    """Numbers from `low` to `high`.

    Examples:
        >>> uniform(0, 0.5)
        uniform(0, 0.5)
    """
    return Domain(low, high)


def integers(low: int, high: int, *, log: bool = False) -> Domain:
    """Whole numbers from `low` to `high`, both included.

    Args:
        low: The smallest.
        high: The largest.
        log: Whether they are drawn by order of magnitude.

    Examples:
        >>> integers(8, 256, log=True)
        integers(8, 256, log=True)
    """
    return Domain(low, high, is_log=log, is_whole=True)


def choice(*values: Any) -> Domain:
    """One of the listed values; a list of values in a space means the same.

    Examples:
        >>> choice([32], [64, 64])
        choice([32], [64, 64])
    """
    return Domain(values=values)


def as_domain(value: object) -> Domain | None:
    """A domain as it is given: one of these, or a list of values for a choice; None for anything else."""
    if isinstance(value, Domain):
        return value
    return Domain(values=tuple(value)) if isinstance(value, list | tuple) and value else None
