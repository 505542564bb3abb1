"""Ranges of single values of a configuration: a number in a range, a choice, a switch. One form of refusal."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass
from math import inf, isfinite
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, cast

from eksplora.errors import ConfigError, nearest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def refusal(key: str, wanted: str, value: object, usual: object) -> str:
    """The message for a value that is not what its key must be.

    Args:
        key: The path in the configuration, or the name of an argument.
        wanted: What the value must be, with its article.
        value: What was given.
        usual: A value that works.

    Examples:
        >>> refusal("model.layers", "a whole number of at least 1", "two", 2)
        "model.layers must be a whole number of at least 1, got 'two'. Try model.layers=2."
        >>> refusal("model.widths[1]", "a whole number of at least 1", None, 64)
        'model.widths[1] must be a whole number of at least 1, got null. Try 64 there.'
    """
    way_out = f"{shown(usual)} there" if key.endswith("]") else f"{key}={_plain(usual)}"
    return f"{key} must be {wanted}, got {shown(value)}. Try {way_out}."


def shown(value: object) -> str:
    """A value as a YAML file has it, text in quotes.

    Examples:
        >>> shown(None), shown(True), shown(0.5), shown("full")
        ('null', 'true', '0.5', "'full'")
    """
    return repr(value) if isinstance(value, str) else _plain(value)


def _plain(value: object) -> str:
    """A value as one types it on the command line."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, kw_only=True)
class Range:
    """The finite numbers between two ends.

    Attributes:
        usual: A number of it, which an error proposes.
        least: The lower end, which belongs to it.
        above: The lower end, which does not.
        most: The upper end, which belongs to it.
        below: The upper end, which does not.
        is_whole: Whether it has whole numbers only.
        also: A word that is taken besides: `null`, or text.

    Examples:
        >>> rate = Range(above=0, usual=0.001)
        >>> 0.1 in rate, 0 in rate, True in rate, float("inf") in rate
        (True, False, False, False)
        >>> str(rate), str(Range(least=1, is_whole=True, usual=32, also="full"))
        ('a number above 0', 'a whole number of at least 1 or full')
    """

    usual: object = None
    least: float = -inf
    above: float = -inf
    most: float = inf
    below: float = inf
    is_whole: bool = False
    also: str | None = None

    def __contains__(self, value: object) -> bool:
        """Whether a value is a number of this range, or the word that is taken besides."""
        if self.also is not None and value == (None if self.also == "null" else self.also):
            return True
        if isinstance(value, bool) or not isinstance(value, Integral if self.is_whole else Real):
            return False
        number = cast("float", value)
        return isfinite(number) and self.least <= number <= self.most and self.above < number < self.below

    def __str__(self) -> str:
        """The range in words."""
        ends = (("of at least", self.least), ("above", self.above), ("at most", self.most), ("below", self.below))
        limits = " and ".join(f"{words} {end:g}" for words, end in ends if isfinite(end))
        kind = "a whole number" if self.is_whole else "a number"
        return " ".join([kind, *filter(None, [limits])]) + (f" or {self.also}" if self.also else "")

    def check(self, value: object, key: str, *, error: type[ValueError] = ConfigError) -> None:
        """Refuse a value that is not in the range.

        Raises:
            ConfigError: Or another kind of `error`, naming the key.
        """
        if value not in self:
            raise error(refusal(key, str(self), value, self.usual))


def check_number(
    value: object,
    key: str,
    *,
    usual: float,
    least: float = -inf,
    above: float = -inf,
    most: float = inf,
    below: float = inf,
) -> float:
    """The value itself, if it is a number in a range (see `Range`).

    Raises:
        ConfigError: Naming the key, if it is not.
    """
    Range(usual=usual, least=least, above=above, most=most, below=below).check(value, key)
    return float(cast("float", value))


def check_count(value: object, key: str, *, least: float = 1, usual: int = 1) -> int:
    """The value itself, if it is a whole number of at least `least`.

    Raises:
        ConfigError: Naming the key, if it is not.
    """
    Range(usual=usual, least=least, is_whole=True).check(value, key)
    return cast("int", value)


def check_seed(value: object, key: str) -> int:
    """The value itself, if it is a whole number.

    Raises:
        ConfigError: Naming the key, if it is not.
    """
    return check_count(value, key, least=-inf, usual=0)


def check_fraction(value: object, key: str, *, usual: float) -> float:
    """The value itself, if it is strictly between 0 and 1.

    Raises:
        ConfigError: Naming the key, if it is not.
    """
    return check_number(value, key, usual=usual, above=0, below=1)


def check_flag(value: object, key: str, *, usual: bool = False) -> bool:
    """The value itself, if it is true or false.

    Raises:
        ConfigError: Naming the key, if it is not.
    """
    if not isinstance(value, bool):
        raise ConfigError(refusal(key, "true or false", value, usual))
    return value


def check_choice(value: object, key: str, options: Collection[str]) -> str:
    """The value itself, if it is one of the options.

    Raises:
        ConfigError: Naming the key and the nearest option, if it is not.

    Examples:
        >>> check_choice("maxx", "model.pooling", ["max", "average"])
        Traceback (most recent call last):
        eksplora.errors.ConfigError: model.pooling=maxx is unknown. Did you mean 'max'?
    """
    if not isinstance(value, str) or value not in options:
        raise ConfigError(f"{key}={_plain(value)} is unknown. {nearest(_plain(value), options)}")
    return value


def within(**limits: Any) -> Mapping[str, Range]:
    """The metadata of a dataclass's field whose value must be in a range; `limits` are those of `Range`."""
    return {"range": Range(**limits)}


def check_fields(instance: "DataclassInstance", group: str = "") -> None:
    """Check the fields of a dataclass that have a range (see `within`), and those of dataclasses in it.

    Raises:
        ConfigError: Naming the key in the group, if a value is out of its range.
    """
    for key in fields(instance):
        value, name = getattr(instance, key.name), f"{group}.{key.name}" if group else key.name
        if wanted := key.metadata.get("range"):
            cast("Range", wanted).check(value, name)
        elif is_dataclass(value) and not isinstance(value, type):
            check_fields(value, name)
