"""Request of a command, checked before anything heavy is imported."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf, open_dict

from eksplora.config import composition, configurator, declared, folders, parts, schema
from eksplora.config.check import check_fit, check_names, check_values
from eksplora.config.compatibility import check_mix
from eksplora.config.composition import compose_root, keep, parse_override, plain
from eksplora.config.own_data import OwnData, own_data
from eksplora.config.renamed import with_present_keys
from eksplora.errors import ConfigError, nearest
from eksplora.provenance import command_of
from eksplora.ranges import check_fields
from eksplora.types import Command, Config


@dataclass(frozen=True)
class Request:
    """A checked request of a command.

    Attributes:
        root: Name of the root configuration.
        overrides: What it was composed with: what was typed, and on data of one's own the experiment that follows.
        settings: The root as its typed object.
        config: The same, resolved, as plain dicts.
        choices: The choice of every config group.
        typed: The overrides that were typed.
        own_data: The data of one's own; None: they are of a file of `conf/data/`.
    """

    root: str
    overrides: Sequence[str]
    settings: Any
    config: Config
    choices: Mapping[str, str]
    typed: Sequence[str]
    own_data: OwnData | None = None

    @property
    def command(self) -> Command:
        """The command as it is recorded: the experiment first, and every override as it was typed.

        Those of the tracker are left out: they say where runs are shown, and may hold a password.
        """
        typed = [text for text in as_typed(self.typed) if not re.match(r"[+~]*tracker\b", text)]
        if self.own_data is not None or "experiment" not in self.choices:
            return command_of(self.root, typed)
        own = [text for text in typed if text.lstrip("+~").partition("=")[0] != "experiment"]
        return command_of(self.root, [f"experiment={self.choices['experiment']}", *own])


def as_typed(overrides: Sequence[str]) -> list[str]:
    """Overrides as one types them: those of the space, which Hydra carries as one list, each by itself.

    Examples:
        >>> as_typed(["study.seed=1", 'space.overrides=["params.optimizer.lr=choice(1, 2)","params.model=null"]'])
        ['study.seed=1', 'space.params.optimizer.lr=choice(1, 2)', '~space.params.model']
    """
    found: list[str] = []
    for text in overrides:
        if text.startswith("space.overrides=["):
            parts = [str(part) for part in cast(list[Any], parse_override(text).value())]
            named = [(part, part.removesuffix("=null")) for part in parts]
            found += [f"space.{part}" if part == name else f"~space.{name}" for part, name in named]
        else:
            found.append(text)
    return found


def compose_request(root: str, overrides: Sequence[str]) -> Request:
    """Compose a root, check it, and hand it on.

    Raises:
        ConfigError: For keys and values that cannot be.
    """
    typed = with_present_keys(overrides)
    own = own_data(root, typed)
    overrides = typed if own is None else own.overrides
    config = compose_root(root, overrides, with_hydra=True)
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return replace(_checked(root, overrides, config, choices), typed=typed, own_data=own)


def _checked(root: str, overrides: list[str], config: DictConfig, choices: dict[str, str]) -> Request:
    keep(root, overrides, config)
    values = plain(config)
    check_values(root, overrides, values, choices)
    check_names(values)
    settings: Any = OmegaConf.to_object(config)
    if not is_dataclass(settings) or isinstance(settings, type):
        raise ConfigError(f"conf/{root}.yaml does not begin with its schema. Add `- {root}_schema` to its defaults.")
    check_fields(settings)
    if issubclass(schema.ROOTS[root], schema.SearchConfig):
        check_fit(values, choices)
    if schema.ROOTS[root] is schema.SearchConfig:
        check_mix(values)
    return Request(root, overrides, settings, values, choices, overrides)


def forget() -> None:
    """Forget what was read of the folders of configurations, and composed of it: in a long session they change."""
    for module in (composition, configurator, declared, folders, parts):
        for kept in vars(module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()
    composition.clear()


def show(root: str, overrides: Sequence[str], *, package: str | None, resolve: bool) -> None:
    """Print what a root composes to.

    Args:
        root: The root.
        overrides: What was typed.
        package: The node to print; None: all.
        resolve: Whether references are replaced by what they refer to.

    Raises:
        ConfigError: If there is no such node.
    """
    own = own_data(root, overrides)
    config = compose_root(root, overrides if own is None else own.overrides)
    node = config if package in (None, "_global_") else OmegaConf.select(config, str(package))
    if node is None:
        raise ConfigError(f"--package={package}: there is no such node. {nearest(str(package), map(str, config))}")
    if resolve:
        OmegaConf.resolve(config)
    head = "" if node is config else f"# @package {package}\n"
    print(f"{head}{OmegaConf.to_yaml(node).rstrip()}" if OmegaConf.is_config(node) else node)
