"""Configuration to objects: the only caller of Hydra's `instantiate`.

What may be instantiated is the exact list of targets that the project's own `conf/` names: a configuration that comes
from elsewhere can choose among parts, never name new code.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import HydraException
from hydra.utils import instantiate

from eksplora.build._compose import CONF
from eksplora.errors import ConfigError, DataError
from eksplora.search.space import Space


@cache
def allowed_targets(group: str, name: str = "*") -> frozenset[str]:
    """Every `_target_` that a file of a config group names, or that one of them does."""
    texts = (path.read_text(encoding="utf-8") for path in (CONF / group).glob(f"{name}.yaml"))
    return frozenset(target for text in texts for target in re.findall(r"^_target_:\s*(\S+)", text, re.MULTILINE))


def part(config: Mapping[str, Any], key: str, **arguments: Any) -> Any:
    """Build the part that `config[key]` describes.

    Raises:
        ConfigError: If its target is none of the group's own, or its constructor refuses a value.
    """
    node = dict(config[key])
    check_targets(key, node)
    try:
        return instantiate(node, **arguments, _convert_="all")
    except HydraException as error:
        cause = error.__cause__ or error
        if isinstance(cause, ConfigError):
            raise cause from None
        raise ConfigError(f"{key}: {node['_target_']} refuses its values: {cause}. See conf/{key}/.") from error


def check_targets(key: str, node: Mapping[str, Any]) -> None:
    """Refuse code that `conf/<key>/` does not name, at the top of a part or anywhere inside it.

    Raises:
        ConfigError: Naming the key and the target.
    """
    target = node.get("_target_")
    foreign = [] if target in allowed_targets(key) else [target]
    foreign += [inner for value in node.values() for inner in _targets_within(value)]
    if foreign:
        raise ConfigError(f"{key}._target_: '{foreign[0]}' is no part that conf/{key}/ names. Choose one of its files.")


def check_recorded(config: Mapping[str, Any]) -> None:
    """Refuse a configuration from elsewhere that names code which no file of `conf/` names.

    Raises:
        ConfigError: Naming the key and the target.
    """
    for key, node in config.items():
        if isinstance(node, Mapping) and "_target_" in node:
            check_targets(key, node)
        elif foreign := _targets_within(node):
            raise ConfigError(f"{key}: '{foreign[0]}' is no part that conf/{key}/ names. The record was altered.")


def _targets_within(value: Any) -> list[Any]:
    """The targets in a value: group files are flat, so there should be none."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    own = [value["_target_"]] if isinstance(value, Mapping) and "_target_" in value else []
    return own + [target for item in inner for target in _targets_within(item)]


def sampler_factory(config: Mapping[str, Any], space: Space) -> Callable[[int], Any]:
    """A function from a seed to a fresh sampler; an exhaustive sampler is given the space."""
    needs_space = {"space": space} if "space" in config["sampler"] else {}
    factory = part(config, "sampler")
    return lambda seed: factory(seed=seed, **needs_space)


def recorded_config(path: Path) -> dict[str, Any]:
    """A recorded configuration; it was resolved when it was written, so a reference in it is not ours."""
    way_out = "Give a folder that holds a study's best network."
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"{path} cannot be read ({' '.join(str(error).split())}). {way_out}") from None
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise DataError(f"{path} describes no model. {way_out}")
    if "${" in json.dumps(config["model"], default=str):
        raise DataError(f"{path} has references (${{...}}) in its model. {way_out}")
    return config
