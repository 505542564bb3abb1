"""Composing configurations, and what the files in `conf/` state."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from typing import Any, cast

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from eksplora.config import files as source
from eksplora.config import folders, schema
from eksplora.config.renamed import with_present_keys
from eksplora.errors import ConfigError, EksploraError, UserError, nearest
from eksplora.installation import CONF
from eksplora.types import Config
from eksplora.untrusted import is_name

schema.register()


def compose_root(root: str, overrides: Sequence[str], *, with_hydra: bool = False) -> DictConfig:
    """Compose `conf/<root>.yaml` with overrides.

    Hydra composes and does nothing else: it makes no folder, sets up no logging and calls no callback.

    Raises:
        UserError: For files and overrides that are no configuration; Hydra's and OmegaConf's own errors for the rest.
    """
    try:
        with composing():
            return compose(root, opened(with_present_keys(overrides)), return_hydra_config=with_hydra)
    except (HydraException, OmegaConfBaseException, EksploraError):
        raise
    except Exception as error:  # Hydra reads nothing but what the user wrote
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"the configuration cannot be composed ({reason}). See --help.") from error


OPEN = ("data.columns.", "data.columns={")
LISTED = "data.columns=["
"""Nodes whose keys are the user's own: names of columns, which no file of a group can state; and their list."""


def opened(overrides: Iterable[str]) -> list[str]:
    """Overrides of keys that no file states, so that Hydra adds them.

    Examples:
        >>> opened(["data.columns.zip=category", "seed=1"])
        ['++data.columns.zip=category', 'seed=1']
        >>> opened(['data.columns=["a b=category"]'])
        ['~data.columns', '++data.columns=["a b=category"]']
    """
    found: list[str] = []
    for text in overrides:
        found += ["~data.columns"] * text.startswith(LISTED)  # a list takes the place of a mapping
        found.append(f"++{text}" if text.startswith((*OPEN, LISTED)) else text)
    return found


@contextmanager
def composing() -> Iterator[None]:
    """Hydra, set up for the folders of configurations unless it is already."""
    if GlobalHydra.instance().is_initialized():
        yield
        return
    source.install()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


_kept: dict[tuple[str, tuple[str, ...]], DictConfig] = {}


def keep(root: str, overrides: Sequence[str], config: DictConfig) -> None:
    """Note what a root composes to: composing takes a fifth of a second, and a mistake should be reported at once."""
    _kept[root, tuple(without_space(overrides))] = config


def clear() -> None:
    """Let go of all that was noted."""
    _kept.clear()


def composition(root: str, overrides: Sequence[str]) -> DictConfig:
    """Composed configuration of a root, its space aside; shared, so not to be changed."""
    key = (root, tuple(without_space(overrides)))
    if key not in _kept:
        _kept[key] = compose_root(*key)
    return _kept[key]


@cache
def stated(root: str, choices: frozenset[tuple[str, str]]) -> Config:
    """Values that a root and the chosen files of its groups state, before an experiment or an override changes them.

    Args:
        root: The root.
        choices: Its groups, each with its file.
    """
    groups = {group: name for group, name in choices if is_group(group)}
    experiment = groups.pop("experiment", None)
    groups.pop("metric", None)  # the objective brings it
    config = compose_root(
        root,
        [f"{group}='{name}'" for group, name in sorted(groups.items())] + ["experiment=[]"] * (experiment is not None),
    )
    if experiment is not None:
        config.experiment = experiment
    return plain(config)


def without_space(overrides: Sequence[str]) -> list[str]:
    """The overrides that can change a training: those of the space cannot."""
    return [text for text in overrides if not text.lstrip("+~").startswith("space.")]


def plain(config: DictConfig) -> Config:
    """A resolved copy as plain dicts and lists.

    Raises:
        ConfigError: If references go round in a circle, or what they call refuses to answer.
    """
    try:
        return cast(Config, OmegaConf.to_container(config, resolve=True))
    except OmegaConfBaseException:
        raise
    except Exception as error:
        reason = (
            "references go round in a circle" if isinstance(error, RecursionError) else " ".join(str(error).split())
        )
        raise ConfigError(f"the configuration cannot be resolved ({reason}). Look at its ${{...}}.") from error


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys.

    Examples:
        >>> flatten({"a": {"b": 1, "c": [2]}})
        {'a.b': 1, 'a.c': [2]}
    """
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else {f"{prefix}{key}": value}
    return flat


# --- overrides ---------------------------------------------------------------------------------------------------


def parse_override(text: str) -> Override:
    """One override of the command line.

    Raises:
        ConfigError: If it is not in the grammar, gives several values, names a choice that is no name, or sets what
            belongs to Hydra.
    """
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException:
        override = None
    if override is None or not override.key_or_group:
        raise ConfigError(
            f"'{text}' cannot be read. Write key=value, and quote what is not plain, twice: 'key=\"some, text\"'."
        )
    key, given = override.key_or_group, text.partition("=")[2]
    if key == folders.SEARCH_PATH:
        raise ConfigError(
            f"{text}: is said only at a command line, without a sign before it. Or give --config-dir DIR."
        )
    if "hydra" in re.split(r"[./]", f"{key}.{override.package or ''}"):
        raise ConfigError(f"{key}: {source.NO_HYDRA}")
    if override.package is not None:
        raise ConfigError(f"{key}@{override.package}: a group has its own place. Leave @{override.package} out.")
    if override.is_sweep_override():
        search = f", or search over them: space.params.{key}={given}" if _is_trained_with(key) else ""
        raise ConfigError(f"{key}: one value is wanted, got {given}. Give one{search}.")
    if is_group(key) and not override.is_delete() and not is_name(override.value()):
        raise ConfigError(f"{key}={given}: no such file in conf/{key}/. {nearest(given, choices(key))}")
    return override


def _is_trained_with(key: str) -> bool:
    return key.partition(".")[0] in schema.TRAINING_KEYS


@cache
def is_group(key: str) -> bool:
    """Whether a key of an override names a config group."""
    return is_name(key) and any((folder / key).is_dir() for folder in folders.folders())


def choices(group: str) -> list[str]:
    """The names of a group's files."""
    return list(folders.files(group))


# --- known keys --------------------------------------------------------------------------------------------------


@cache
def stated_keys() -> Mapping[str, Sequence[str]]:
    """Every dotted key of a group's files, with the names of the files that have it."""
    found: dict[str, list[str]] = {}
    for group in folders.groups():
        for name, values in stated_files(group).items():
            for key in values:
                if key != "defaults" and not key.startswith("_"):
                    found.setdefault(f"{group}.{key}", []).append(name)
    return found


@cache
def stated_files(group: str) -> Mapping[str, Mapping[str, Any]]:
    """Values that each file of a group states; a file that cannot be read, or that sets other keys, is left out."""
    found = {}
    for name, path in folders.files(group).items():
        try:
            values, header = source.read_file(path)
        except UserError:
            continue  # if it is chosen, composing says what is wrong with it
        if header.get("package") != "_global_":
            found[name] = values
    return found


def known_keys(root: str) -> set[str]:
    """Every dotted key that can be set in a root: of its groups, whatever is chosen, and its own."""
    tops = {field.name for field in fields(schema.ROOTS[root])}
    includes_search = issubclass(schema.ROOTS[root], schema.SearchConfig)
    files = [folders.find(f"{name}.yaml") for name in {root, "search" if includes_search else root}]
    keys = {key for path in files for key in flatten(source.read_file(path)[0]) if key != "defaults"}
    return keys | tops | {key for key in stated_keys() if key.partition(".")[0] in tops}


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Refusal of a key that does not exist, with the way out: another choice that has it, or the nearest key."""
    group = key.partition(".")[0]
    files = stated_keys().get(key)
    if files:
        return f"{key}: no such key with this {group}. It needs {' or '.join(f'{group}={name}' for name in files)}."
    options = list(known)
    siblings = [other for other in options if other.startswith(f"{group}.")]
    return f"{key}: no such key. {nearest(key, siblings or {other.partition('.')[0] for other in options})}"
