"""The search space as plain values: domains, conditions, their checks, and the grid of a finite space."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eksplora.errors import ConfigError


@dataclass(frozen=True)
class SearchInterval:
    """Numbers from `low` to `high`, both included; `log`: uniform in the logarithm; `integer`: whole numbers only."""

    low: float
    high: float
    log: bool = False
    integer: bool = False


@dataclass(frozen=True)
class SearchRange:
    """`start`, `start + step`, ... below `stop`, as Python's `range` counts."""

    start: float
    stop: float
    step: float

    @property
    def count(self) -> int:
        """Number of values."""
        return math.ceil((self.stop - self.start) / self.step - 1e-9)

    def at(self, index: int) -> float:
        """Number `index` (from 0), free of the error that adding up steps would collect."""
        value = self.start + index * self.step
        return value if self.is_integer else float(f"{value:.12g}")

    @property
    def is_integer(self) -> bool:
        """Whether all numbers are whole."""
        return all(isinstance(number, int) for number in (self.start, self.stop, self.step))


@dataclass(frozen=True)
class Choice:
    """One of the listed values, which have no order."""

    values: tuple[Any, ...]


Domain = SearchInterval | SearchRange | Choice


@dataclass(frozen=True)
class Condition:
    """Holds when `key` has one of `values`."""

    key: str
    values: tuple[Any, ...]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds among the values chosen so far."""
        return self.key in values and values[self.key] in self.values


@dataclass(frozen=True)
class Parameter:
    """A searched key: its domain, and the condition under which it exists."""

    key: str
    domain: Domain
    when: Condition | None = None


Space = tuple[Parameter, ...]


def check_domain(parameter: Parameter) -> None:
    """Refuse domains that hold no value, or the same value twice.

    Raises:
        ConfigError: Naming the key of the space.
    """
    fault = _fault(parameter.domain)
    if fault:
        raise ConfigError(f"space.params.{parameter.key}: {fault}")


def _fault(domain: Domain) -> str | None:
    """Reason why a domain is refused and the way out, or None."""
    match domain:
        case SearchInterval():
            return _interval_fault(domain)
        case SearchRange(start, stop, step):
            text = f"range({start:g}, {stop:g}, {step:g})"
            if not all(map(math.isfinite, (start, stop, step))):
                return f"{text} is not finite. Give numbers."
            return None if step > 0 and start < stop else f"{text} is empty. Use start < stop and step > 0."
        case Choice(values):
            return _choice_fault(values)


def _interval_fault(domain: SearchInterval) -> str | None:
    low, high = domain.low, domain.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"interval({low:g}, {high:g}) is not finite. Give two numbers."
    if low >= high:
        kind = "empty" if low == high else "reversed"
        return f"interval({low:g}, {high:g}) is {kind}. Give the smaller end first."
    if domain.log and low <= 0:
        return f"a log interval must start above 0, got {low:g}. Raise its lower end."
    if domain.integer and math.ceil(low) >= math.floor(high):
        return f"int(interval({low:g}, {high:g})) holds less than two whole numbers. Widen it."
    return None


def _choice_fault(values: Sequence[Any]) -> str | None:
    if not values:
        return "choice() is empty. List at least one value."
    labels = [label(value) for value in values]
    twice = next((value for value in labels if labels.count(value) > 1), None)  # to Optuna 1, 1.0 and true are one
    return None if twice is None else f"choice() lists {twice!r} twice. List each value once."


def label(value: Any) -> Any:
    """A value as Optuna stores a category: scalars as they are, lists and mappings as JSON."""
    return value if isinstance(value, str | int | float | bool | None) else json.dumps(value)


MOST_POINTS = 1_000_000
"""Points of a grid that are enumerated; far more than anyone trains."""


def finite_values(parameter: Parameter) -> Sequence[Any]:
    """The values of a finite domain.

    Raises:
        ConfigError: If the domain is continuous: a grid needs steps.
    """
    match parameter.domain:
        case SearchInterval(low, high, integer=True):
            return range(math.ceil(low), math.floor(high) + 1)
        case SearchInterval(low, high):
            raise ConfigError(
                f"space.params.{parameter.key}: a grid cannot run over the continuous interval({low:g}, {high:g}). "
                f"Give it steps, e.g. range({low:g}, {high:g}, {(high - low) / 5:g}) or choice({low:g}, {high:g}), "
                "or use another sampler."
            )
        case SearchRange(count=count) as steps:
            return [steps.at(index) for index in range(min(count, MOST_POINTS + 1))]
        case Choice(values):
            return values


def grid(space: Space) -> list[dict[str, Any]]:
    """Every point of a finite space, once, the last key running fastest; keys that do not exist are left out.

    Raises:
        ConfigError: If a domain is continuous, or the grid is too large to enumerate.

    Examples:
        >>> grid((Parameter("a", Choice((1, 2))), Parameter("b", SearchRange(0, 2, 1), Condition("a", (2,)))))
        [{'a': 1}, {'a': 2, 'b': 0}, {'a': 2, 'b': 1}]
    """
    axes = [finite_values(parameter) for parameter in space]
    if math.prod(len(axis) for axis in axes) > MOST_POINTS:
        raise ConfigError(
            f"space.params: the grid has more than {MOST_POINTS} points. Search fewer values, or use sampler=random."
        )
    points = (_existing(space, values) for values in itertools.product(*axes))
    unique = {json.dumps(point, sort_keys=True): point for point in points}
    return list(unique.values())


def _existing(space: Space, values: Sequence[Any]) -> dict[str, Any]:
    point: dict[str, Any] = {}
    for parameter, value in zip(space, values, strict=True):
        if parameter.when is None or parameter.when.holds(point):
            point[parameter.key] = value
    return point


def extremes(parameter: Parameter) -> Iterator[Any]:
    """Values that stand for the domain when it is checked against a configuration."""
    match parameter.domain:
        case Choice(values):
            yield from values
        case SearchRange() as steps:
            yield from (steps.at(0), steps.at(steps.count - 1))
        case SearchInterval(low, high, integer=integer):
            yield from (math.ceil(low), math.floor(high)) if integer else (low, high)


def drawable(parameter: Parameter) -> Iterator[Any]:
    """Values near the ends of the domain that a sampler may well draw.

    Examples:
        >>> list(drawable(Parameter("rate", SearchInterval(0.0, 1.0))))
        [0.01, 0.99]
    """
    match parameter.domain:
        case SearchInterval(low, high, log=True, integer=False):
            yield from (low**0.99 * high**0.01, low**0.01 * high**0.99)
        case SearchInterval(low, high, integer=False):
            yield from (low + (high - low) / 100, high - (high - low) / 100)
        case _:
            yield from extremes(parameter)


def describe(parameter: Parameter) -> str:
    """A parameter in the grammar it is written in, every digit kept: equal text, equal parameter.

    Examples:
        >>> describe(Parameter("lr", SearchInterval(0.001, 0.1, log=True)))
        'tag(log, interval(0.001, 0.1))'
        >>> describe(Parameter("model.widths", Choice(([64], [32, 32])), Condition("model", ("mlp",))))
        'choice([64], [32, 32]) when model=choice("mlp")'
    """
    condition = parameter.when
    text = _text(parameter.domain)
    return text if condition is None else f"{text} when {condition.key}={_text(Choice(condition.values))}"


def _text(domain: Domain) -> str:
    match domain:
        case SearchInterval(low, high, log, integer):
            inner = f"interval({low!r}, {high!r})"
            text = f"tag(log, {inner})" if log else inner
            return f"int({text})" if integer else text
        case SearchRange(start, stop, step):
            return f"range({start!r}, {stop!r}, {step!r})"
        case Choice(values):
            return f"choice({', '.join(json.dumps(value) for value in values)})"
