"""What a command was asked, checked before anything heavy is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from eksplora import schema
from eksplora.build._check import check_fit, check_names, check_values
from eksplora.build._compose import compose_root, keep, plain
from eksplora.build._mix import check_mix
from eksplora.types import Config


@dataclass(frozen=True)
class Request:
    """What a command was asked, checked.

    Attributes:
        root: Name of the root configuration.
        overrides: The overrides that were typed.
        settings: The root as its typed object.
        config: The same, resolved, as plain dicts.
        choices: The choice of every config group.
    """

    root: str
    overrides: Sequence[str]
    settings: Any
    config: Config
    choices: Mapping[str, str]


def compose_request(root: str, overrides: Sequence[str]) -> Request:
    """Compose a root, check it, and hand it on.

    Raises:
        ConfigError: For keys and values that cannot be.
    """
    config = compose_root(root, overrides, with_hydra=True)
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return _checked(root, list(overrides), config, choices)


def _checked(root: str, overrides: list[str], config: DictConfig, choices: dict[str, str]) -> Request:
    keep(root, overrides, config)
    values = plain(config)
    check_values(root, overrides, values, choices)
    check_names(values)
    if issubclass(schema.ROOTS[root], schema.SearchConfig):
        check_fit(values, choices)
    if schema.ROOTS[root] is schema.SearchConfig:
        check_mix(values)
    return Request(root, overrides, OmegaConf.to_object(config), values, choices)
