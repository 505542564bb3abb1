"""The search space's text, in Hydra's override grammar, to plain values."""

import re
from collections.abc import Collection
from typing import Any, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, QuotedString, RangeSweep
from hydra.errors import HydraException

from eksplora.config.keys import SpaceKeys
from eksplora.errors import ConfigError, nearest
from eksplora.search.space import Choice, Condition, Domain, Parameter, SearchInterval, SearchRange, Space, check_domain

_EXAMPLE = (
    "Write choice(a, b), range(start, stop, step), interval(low, high), tag(log, interval(low, high)) "
    "or int(interval(low, high))."
)


def parse_space(space: SpaceKeys) -> Space:
    """The search space of a configuration, command-line changes applied.

    Raises:
        ConfigError: For text that is not in the grammar, a domain without values, or a condition that cannot hold.
    """
    tables = {"params": dict(space.params), "when": dict(space.when)}
    for text in space.overrides:
        _override(tables, text)
    params, when = tables["params"], tables["when"]
    for key in when:
        if key not in params:
            raise ConfigError(f"space.when.{key}: not a searched key. {nearest(key, params)}")
    parameters = [_parameter(key, text, when.get(key)) for key, text in params.items() if not _is_null(text)]
    return _in_order(parameters)


def _override(tables: dict[str, dict[str, Any]], text: str) -> None:
    """Apply one change, `params.<key>=<domain>` or `when.<key>=<condition>`; null removes what is there."""
    name, _, value = text.partition("=")
    table, _, key = name.partition(".")
    if table not in tables or not key:
        raise ConfigError(
            f"space.overrides: cannot read '{text}'. Write space.params.<key>=... or space.when.<key>=..."
        )
    if _is_null(value) and key not in tables[table]:
        raise ConfigError(f"space.{name}: there is none to remove. {nearest(key, tables[table])}")
    tables[table][key] = value


def _is_null(text: Any) -> bool:
    return text is None or str(text).strip() == "null"


def _parameter(key: str, text: Any, when: Any) -> Parameter:
    parameter = Parameter(key, parse_domain(key, text), parse_condition(key, when))
    check_domain(parameter)
    return parameter


def _in_order(parameters: list[Parameter]) -> Space:
    """Keys without a condition first: a condition looks at a value that is already chosen."""
    free = {parameter.key: parameter for parameter in parameters if parameter.when is None}
    bound = [parameter for parameter in parameters if parameter.when is not None]
    for parameter in bound:
        _check_condition(parameter.key, cast(Condition, parameter.when), free, {other.key for other in bound})
    return (*free.values(), *bound)


def _check_condition(key: str, condition: Condition, free: dict[str, Parameter], bound: Collection[str]) -> None:
    other = condition.key
    if other not in free:
        if other in bound:
            raise ConfigError(
                f"space.when.{key}: '{other}' has a condition of its own, and conditions do not build on each other. "
                f"Drop space.when.{other}, or give {key} that condition."
            )
        raise ConfigError(
            f"space.when.{key}: '{other}' is not searched. Search it too: space.params.{other}=choice(...)."
        )
    domain = free[other].domain
    for value in condition.values:
        if isinstance(domain, Choice) and value not in domain.values:
            hint = nearest(str(value), map(str, domain.values))
            raise ConfigError(f"space.when.{key}: {other}={value} is not among the values searched. {hint}")


def parse_domain(key: str, text: Any) -> Domain:
    """One domain from Hydra's override grammar.

    Raises:
        ConfigError: If the text is no choice, range or interval.
    """
    value = _parse(f"space.params.{key}", text, _EXAMPLE)
    match value:
        case ChoiceSweep(list=values, tags=tags):
            domain: Domain = Choice(tuple(_element(item) for item in values))
        case RangeSweep(start=start, stop=stop, step=step, tags=tags):
            domain = SearchRange(cast(float, start), cast(float, stop), step)
        case IntervalSweep(start=low, end=high, tags=tags):
            integer = "int" in tags or isinstance(low, int)
            return _tagged(key, SearchInterval(cast(float, low), cast(float, high), "log" in tags, integer), tags)
        case _:
            raise ConfigError(f"space.params.{key}: '{text}' is one value, not a domain. {_EXAMPLE}")
    return _tagged(key, domain, tags)


def _tagged(key: str, domain: Domain, tags: set[str]) -> Domain:
    """The domain, its tags checked: log and int mean something for an interval only."""
    known = {"log", "int"} if isinstance(domain, SearchInterval) else set()
    for tag in sorted(tags - known):
        raise ConfigError(f"space.params.{key}: tag '{tag}' means nothing here. Write tag(log, interval(low, high)).")
    return domain


def parse_condition(key: str, text: Any) -> Condition | None:
    """A condition such as `optimizer=sgd` or `optimizer=choice(sgd, rmsprop)`; None for null."""
    if _is_null(text):
        return None
    example = "Write key=value or key=choice(value, value)."
    other, sign, value = str(text).partition("=")
    if not sign:
        raise ConfigError(f"space.when.{key}: cannot read '{text}'. {example}")
    parsed = _parse(f"space.when.{key}", value, example)
    if isinstance(parsed, RangeSweep | IntervalSweep):
        raise ConfigError(f"space.when.{key}: '{value}' is no list of values. {example}")
    values = parsed.list if isinstance(parsed, ChoiceSweep) else [parsed]
    return Condition(other.strip(), tuple(_element(item) for item in values))


def _parse(name: str, text: Any, example: str) -> Any:
    try:
        return OverridesParser.create().parse_override(f"key={text}").value()
    except HydraException:
        if re.search(r"\bnull\b", str(text)):
            raise ConfigError(
                f"{name}: null is no value that can be searched, in '{text}'. Leave it out, or search a group that has "
                "a file with null."
            ) from None
        raise ConfigError(f"{name}: cannot read '{text}'. {example}") from None


def _element(item: Any) -> Any:
    if isinstance(item, QuotedString):
        return item.text
    if isinstance(item, list):
        return [_element(inner) for inner in item]
    return {str(_element(k)): _element(v) for k, v in item.items()} if isinstance(item, dict) else item
