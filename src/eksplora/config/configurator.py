"""The configuration of a trial from its values, and the check that every searched key and value has its place there."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from eksplora.config import schema
from eksplora.config.check import check_kind
from eksplora.config.compatibility import RULES, Rule
from eksplora.config.composition import (
    choices,
    composition,
    flatten,
    is_group,
    parse_override,
    plain,
    stated_keys,
    unknown_key,
)
from eksplora.errors import ConfigError, nearest
from eksplora.search.space import Parameter, SearchInterval, Space, drawable, extremes
from eksplora.types import Config

Groups = tuple[tuple[str, Any], ...]
_MARK = ["mark"]


class Configurator:
    """Turns the values of a trial into the resolved configuration of one training.

    It is what composing with the same overrides gives, at the price of a copy: compositions are kept per combination
    of groups, and a value that changes its own key only is put into the plain result.
    """

    def __init__(self, root: str, overrides: Sequence[str]) -> None:
        """Start from a root and the overrides that hold for every trial."""
        self._root, self._overrides = root, tuple(overrides)
        self._is_free = cache(self._changes_itself_only)

    def __call__(self, values: Mapping[str, Any]) -> Config:
        """The resolved configuration (the keys of `schema.TRAINING_KEYS`) with the trial's values set."""
        groups = tuple((key, value) for key, value in values.items() if is_group(key))
        numbers = {key: value for key, value in values.items() if not is_group(key)}
        if all(_is_literal(value) and self._is_free(groups, key) for key, value in numbers.items()):
            return _with_values(self._resolved(groups), numbers)
        return self._resolve(groups, numbers)

    def without_values(self) -> "Configurator":
        """The same choices of groups, with the values that the files state."""
        return Configurator(
            self._root, [text for text in self._overrides if is_group(parse_override(text).key_or_group)]
        )

    def _composed(self, groups: Groups) -> DictConfig:
        return _composed(self._root, self._overrides, groups)

    def _resolved(self, groups: Groups) -> Config:
        return _resolved(self._root, self._overrides, groups)

    def _resolve(self, groups: Groups, values: Mapping[str, Any]) -> Config:
        """Set values where interpolations can see them, and resolve all."""
        composed = self._composed(groups).copy()
        for key, value in values.items():
            OmegaConf.update(composed, key, value)
        return plain(composed)

    def _changes_itself_only(self, groups: Groups, key: str) -> bool:
        """Whether no interpolation, type or structure makes more of a value than itself: found by setting a mark.

        A typed key refuses the mark, a key that others refer to shows it elsewhere too.
        """
        try:
            return self._resolve(groups, {key: _MARK}) == _with_values(self._resolved(groups), {key: _MARK})
        except (OmegaConfBaseException, KeyError, TypeError):
            return False


@cache
def _composed(root: str, overrides: tuple[str, ...], groups: Groups) -> DictConfig:
    """Compose with these choices of groups: a group's file makes its own node, so each is composed once by itself."""
    whole = composition(root, overrides)
    kept = schema.BASELINE_KEYS if root == "baseline" else schema.TRAINING_KEYS
    if root != "baseline" and schema.is_function(whole):
        kept = schema.FUNCTION_KEYS
    composed = OmegaConf.masked_copy(whole, [*kept, "paths"])
    for group, option in groups:
        composed[group] = composition(root, (*overrides, f"{group}={option}"))[group]
    return composed


@cache
def _resolved(root: str, overrides: tuple[str, ...], groups: Groups) -> Config:
    return plain(_composed(root, overrides, groups))


def _is_literal(value: Any) -> bool:
    """Whether a value is neither an interpolation nor a mapping, which would be merged."""
    return isinstance(value, bool | int | float | None) or (
        isinstance(value, str | list) and "${" not in json.dumps(value) and "{" not in json.dumps(value)
    )


def _with_values(config: Config, values: Mapping[str, Any]) -> Config:
    changed = deepcopy(config)
    for key, value in values.items():
        *path, last = key.split(".")
        node = changed
        for name in path:
            node = node[name]
        if last not in node:
            raise KeyError(key)
        node[last] = deepcopy(value)
    return changed


# --- the space against the configuration -------------------------------------------------------------------------


def check_space(space: Space, configure: Configurator) -> None:
    """Check every key and value of a space against the composed configuration.

    Raises:
        ConfigError: For a key that does not exist (under some choice of groups), or a value of the wrong kind.
    """
    groups = {parameter.key: parameter for parameter in space if is_group(parameter.key)}
    is_function = schema.is_function(configure({}))
    if is_function:
        _check_of_function(space)
    for parameter in groups.values():
        _check_group(parameter)
    stated = configure.without_values()
    for parameter in space:
        if parameter.key not in groups:
            for chosen in _combinations(parameter, groups):
                _check_key(parameter, flatten(stated(chosen)), chosen)
                _check_effect(parameter, configure, chosen)
    for rule in RULES if not is_function else ():
        for values in _assignments([parameter for parameter in space if _matters(parameter, rule, space)]):
            rule.check(configure(values))


def _check_of_function(space: Space) -> None:
    """Refuse to search what only networks have."""
    for parameter in space:
        if parameter.key.partition(".")[0] not in schema.FUNCTION_KEYS:
            raise ConfigError(
                f"space.params.{parameter.key}: a function trains, and what networks are made of does nothing then. "
                f"Drop ~space.params.{parameter.key}, or choose space=none."
            )


def samples(space: Space, configure: Configurator) -> Iterator[tuple[str, Config]]:
    """Configurations to try, each with its name: one for each value of a searched key that lies near its ends."""
    for parameter in space:
        for value in drawable(parameter):
            yield f"space.params.{parameter.key}", configure(_completed(space, parameter, value))


def _completed(space: Space, parameter: Parameter, value: Any) -> dict[str, Any]:
    """A trial's values, one of which is given; the others are the first that their domains have."""
    values: dict[str, Any] = {}
    for other in space:  # those that others depend on come first
        if other is parameter:
            values[other.key] = value
        elif parameter.when is not None and other.key == parameter.when.key:
            values[other.key] = parameter.when.values[0]
        elif other.when is None or other.when.holds(values):
            values[other.key] = next(drawable(other))
    return values


def _matters(parameter: Parameter, rule: Rule, space: Space) -> bool:
    """Whether a rule looks at what a parameter sets, or another that it looks at depends on it."""
    if parameter.key.partition(".")[0] in rule.reads:
        return True
    depending = [other for other in space if other.when is not None and other.when.key == parameter.key]
    return any(_matters(other, rule, space) for other in depending)


def _assignments(parameters: Sequence[Parameter]) -> Iterator[dict[str, Any]]:
    """Every combination of the values at the ends of these parameters, in which all conditions hold; none for none."""
    assigned: list[dict[str, Any]] = [{}] if parameters else []
    for parameter in parameters:  # those that others depend on come first
        assigned = [
            values | extension
            for values in assigned
            for extension in (
                [{parameter.key: value} for value in extremes(parameter)]
                if parameter.when is None or parameter.when.holds(values)
                else [{}]
            )
        ]
    return iter(assigned)


def _check_group(parameter: Parameter) -> None:
    key, options = parameter.key, choices(parameter.key)
    name = f"space.params.{key}"
    if key not in SEARCHED_GROUPS:
        raise ConfigError(f"{name}: trials of one study share it. Search one of {', '.join(SEARCHED_GROUPS)}.")
    for value in extremes(parameter):
        if value not in options:
            raise ConfigError(f"{name}: '{value}' is no file of conf/{key}/. {nearest(str(value), options)}")


SEARCHED_GROUPS = (
    "activation",
    "augmentation",
    "clipping",
    "dropout",
    "early_stopping",
    "function",
    "imbalance",
    "initialization",
    "loss",
    "model",
    "optimizer",
    "regularization",
    "scheduler",
    "trainer",
)
"""Groups that may differ between the trials of a study: with other data or objectives, trials would not compare."""


def _combinations(parameter: Parameter, groups: Mapping[str, Parameter]) -> Iterator[dict[str, Any]]:
    """The choices of the groups on which a key's existence depends: its own, and the one of its condition."""
    condition = parameter.when
    names = {parameter.key.partition(".")[0]} | ({condition.key} if condition else set())
    asked = [groups[name] for name in sorted(names) if name in groups]
    for combination in itertools.product(*(extremes(group) for group in asked)):
        chosen = dict(zip((group.key for group in asked), combination, strict=True))
        if condition is None or condition.key not in chosen or condition.holds(chosen):
            yield chosen


def _check_key(parameter: Parameter, known: Mapping[str, Any], groups: Mapping[str, Any]) -> None:
    name = f"space.params.{parameter.key}"
    if parameter.key not in known or parameter.key.partition(".")[0] in ("experiment", "metric", "objective", "paths"):
        raise ConfigError(_missing(parameter.key, known, groups))
    stated, domain = known[parameter.key], parameter.domain
    if type(stated) is int and isinstance(domain, SearchInterval) and not domain.integer:
        raise ConfigError(f"{name}: whole numbers only. Write int(interval(...)) or range(...).")
    for value in extremes(parameter):
        check_kind(name, stated, value)


def _check_effect(parameter: Parameter, configure: Configurator, groups: Mapping[str, Any]) -> None:
    """Refuse values of a typed key that its type refuses, and a key that is searched in vain."""
    key, name, group = parameter.key, f"space.params.{parameter.key}", parameter.key.partition(".")[0]
    if group not in TYPED:
        return
    found = []
    for value in extremes(parameter):
        try:
            found.append(configure({**groups, key: value})["model"])
        except OmegaConfBaseException:
            raise ConfigError(f"{name}: {value!r} is of the wrong type. See conf/{group}/.") from None
    if group in READ_BY_MODEL and len(found) > 1 and all(model == found[0] for model in found):
        raise ConfigError(f"{name}: the model does not take it, model.{group} is given. Search that one.")


READ_BY_MODEL = ("activation", "dropout")
"""Groups whose values the network's keys refer to."""

TYPED = (*READ_BY_MODEL, "augmentation", "clipping", "early_stopping", "imbalance", "regularization", "training")
"""Nodes of the root with a type of their own."""


def _missing(key: str, known: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    """Refusal of a searched key that does not exist, with the way out."""
    group = key.partition(".")[0]
    files = stated_keys().get(key)
    if group in groups and files:
        return (
            f"space.params.{key}: no such key when {group}={groups[group]}. "
            f"Make it conditional: space.when.{key}={group}=choice({', '.join(files)})."
        )
    return f"space.params.{unknown_key(key, known)}"
