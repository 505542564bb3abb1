"""The search space as plain values, and its mapping to Optuna's distributions."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from eksplora.errors import ConfigError


@dataclass(frozen=True)
class Interval:
    """All numbers from `low` to `high`, both included; `log`: uniform in the logarithm; `integer`: whole numbers only."""

    low: float
    high: float
    log: bool = False
    integer: bool = False


@dataclass(frozen=True)
class Range:
    """`start`, `start + step`, ... below `stop`, as Python's `range` counts."""

    start: float
    stop: float
    step: float

    @property
    def values(self) -> list[float]:
        """The numbers, in order; free of the error that adding up steps would collect."""
        count = math.ceil((self.stop - self.start) / self.step - 1e-9)
        return [self.start + i * self.step if self.is_integer else round(self.start + i * self.step, 12) for i in range(count)]

    @property
    def is_integer(self) -> bool:
        """Whether all numbers are whole."""
        return all(isinstance(number, int) for number in (self.start, self.stop, self.step))


@dataclass(frozen=True)
class Choice:
    """One of the listed values, which have no order."""

    values: tuple[Any, ...]


Domain = Interval | Range | Choice


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
    """Refuse domains that hold no value.

    Raises:
        ConfigError: Naming the key of the space.
    """
    match parameter.domain:
        case Interval(low, high) if not low < high:
            raise ConfigError(
                f"space.params.{parameter.key}: the interval from {low:g} to {high:g} is {'empty' if low == high else 'reversed'}. "
                "Give the smaller end first."
            )
        case Interval(low, _, log=True) if low <= 0:
            raise ConfigError(f"space.params.{parameter.key}: a log interval must start above 0, got {low:g}. Raise its lower end.")
        case Range(start, stop, step) if step <= 0 or not start < stop:
            raise ConfigError(
                f"space.params.{parameter.key}: range({start:g}, {stop:g}, {step:g}) is empty. Use start < stop and step > 0."
            )
        case Choice(values) if not values:
            raise ConfigError(f"space.params.{parameter.key}: choice() is empty. List at least one value.")


def label(value: Any) -> Any:
    """A value as Optuna stores a category: scalars as they are, lists and mappings as JSON."""
    return value if isinstance(value, str | int | float | bool | None) else json.dumps(value)


def distribution(domain: Domain) -> BaseDistribution:
    """The Optuna distribution of a domain; ranges and choices keep their exact values."""
    match domain:
        case Interval(low, high, log, True):
            return IntDistribution(math.ceil(low), math.floor(high), log=log)
        case Interval(low, high, log, False):
            return FloatDistribution(low, high, log=log)
        case Range(start, _, step) if domain.is_integer:
            return IntDistribution(int(start), int(domain.values[-1]), step=int(step))
        case Range(start, _, step):
            return FloatDistribution(start, domain.values[-1], step=step)
        case Choice(values):
            return CategoricalDistribution([label(value) for value in values])


def value_of(domain: Domain, stored: Any) -> Any:
    """The value that Optuna's stored value stands for."""
    match domain:
        case Choice(values):
            return next(value for value in values if label(value) == stored and type(label(value)) is type(stored))
        case Range() if not domain.is_integer:
            return min(domain.values, key=lambda value: abs(value - stored))
        case _:
            return stored


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """Ask Optuna for a value of every key that exists, in the order of the space."""
    values: dict[str, Any] = {}
    for parameter in space:
        if parameter.when is None or parameter.when.holds(values):
            values[parameter.key] = value_of(parameter.domain, _ask(trial, parameter))
    return values


def _ask(trial: optuna.Trial, parameter: Parameter) -> Any:
    match distribution(parameter.domain):
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(parameter.key, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(parameter.key, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_float(parameter.key, low, high, step=step, log=log)
        case other:
            raise AssertionError(other)


def finite_values(parameter: Parameter) -> Sequence[Any]:
    """The values of a finite domain.

    Raises:
        ConfigError: If the domain is continuous: a grid needs steps.
    """
    match parameter.domain:
        case Interval(low, high, integer=True):
            return range(math.ceil(low), math.floor(high) + 1)
        case Interval(low, high):
            raise ConfigError(
                f"space.params.{parameter.key}: a grid cannot run over the continuous interval({low:g}, {high:g}). "
                f"Give it steps, e.g. range({low:g}, {high:g}, {(high - low) / 5:g}) or choice({low:g}, {high:g}), or use another sampler."
            )
        case domain:
            return domain.values


def grid(space: Space) -> list[dict[str, Any]]:
    """Every point of a finite space, once, the last key running fastest; keys that do not exist are left out.

    Examples:
        >>> grid((Parameter("a", Choice((1, 2))), Parameter("b", Range(0, 2, 1), Condition("a", (2,)))))
        [{'a': 1}, {'a': 2, 'b': 0}, {'a': 2, 'b': 1}]
    """
    axes = [finite_values(parameter) for parameter in space]
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
        case Range():
            yield from (parameter.domain.values[0], parameter.domain.values[-1])
        case Interval(low, high, integer=integer):
            yield from (int(low), int(high)) if integer else (low, high)


def describe(parameter: Parameter) -> str:
    """A parameter in words, as the study's record shows it."""
    match parameter.domain:
        case Interval(low, high, log, integer):
            text = f"interval({low:g}, {high:g}){', log' if log else ''}{', integer' if integer else ''}"
        case Range(start, stop, step):
            text = f"range({start:g}, {stop:g}, {step:g})"
        case Choice(values):
            text = f"choice({', '.join(str(label(value)) for value in values)})"
    condition = parameter.when
    return text if condition is None else f"{text} when {condition.key} in {list(condition.values)}"
