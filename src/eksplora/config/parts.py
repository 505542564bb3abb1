"""Configuration to objects: the only caller of Hydra's `instantiate`.

What may be instantiated is the exact list of targets that the files of the folders of configurations name, the one that
comes with eksplora and the user's own: a configuration that comes from elsewhere can choose among parts, never name new
code.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from eksplora.config import folders
from eksplora.config.files import read_file
from eksplora.config.located import located
from eksplora.errors import ConfigError, DataError, UserError, place_of
from eksplora.protocol import splits_of
from eksplora.search.space import Space
from eksplora.types import Config, Cut, Split
from eksplora.untrusted import is_name, load_yaml


@cache
def allowed_targets(group: str, name: str = "*") -> frozenset[str]:
    """Every `_target_` that a file of a config group names, or that one of them does."""
    return frozenset(str(special["_target_"]) for special in _stated(group, name))


@cache
def _stated(group: str, name: str = "*") -> tuple[dict[str, Any], ...]:
    """Keys for Hydra in each file of a group (`_target_`, `_partial_`); a file that cannot be read has none."""
    found = []
    for path in [path for folder in folders.folders() for path in sorted((folder / group).glob(f"{name}.yaml"))]:
        try:
            values, _ = read_file(path)
        except UserError:
            continue  # if it is chosen, composing says what is wrong with it
        special = {key: value for key, value in values.items() if key in SPECIAL}
        if isinstance(special.get("_target_"), str):
            found.append(special)
    return tuple(found)


SPECIAL = ("_target_", "_partial_", "_convert_", "_recursive_", "_args_")
"""Keys that Hydra takes as orders; a part has those that a file of its group states, and none inside of it."""


def part(config: Mapping[str, Any], key: str, **arguments: Any) -> Any:
    """Build the part that `config[key]` describes: plain values, resolved before.

    Raises:
        ConfigError: If its target is none of the group's own, it has orders or references (`${...}`) to resolve, or
            its constructor refuses a value.
    """
    node = check_part(key, config.get(key))
    folders.import_own_parts()
    if is_foreign(node["_target_"]):
        located(key, node["_target_"])
    with _explained(key, node):
        return instantiate(dict(node), **arguments, _convert_="all")


def is_foreign(target: str) -> bool:
    """Whether a part comes neither from eksplora nor from torch, by its full name.

    Examples:
        >>> is_foreign("mystudy.network.TwoBranches"), is_foreign("eksplora.model.mlp.MLP")
        (True, False)
    """
    return not target.startswith(("eksplora.", "torch."))


def protocol_splits(config: Mapping[str, Any], dataset: Any, cut: Cut) -> tuple[Split, ...]:
    """The splits of the training part that the protocol of a configuration makes, see `eksplora.protocol.splits_of`.

    Args:
        config: The configuration.
        dataset: Its prepared data, an `eksplora.data.dataset.Dataset`.
        cut: How the rows are cut, as far as that does not stand in the configuration.

    Raises:
        ConfigError: As `part`, also where the protocol refuses its values.
    """
    protocol = part(config, "protocol")
    with _explained("protocol", config["protocol"]):
        splits: tuple[Split, ...] = splits_of(
            protocol,
            dataset.open("train")[1],
            cut,
            stratified=config["data"].get("stratified", False),
            groups=dataset.beside("train", "groups"),
        )
    return splits


def _completed(config: Mapping[str, Any], key: str, **late: Any) -> Any:
    """Call a part with arguments that are known only now: `config[key]` describes a function (`_partial_: true`)."""
    function = part(config, key)
    with _explained(key, config[key]):
        return function(**late)


@contextmanager
def _explained(key: str, node: Mapping[str, Any]) -> Iterator[None]:
    """Make what a part raises, or Hydra for it, an error of the user's that names the part."""
    try:
        yield
    except Exception as error:
        cause = error.__cause__ or error
        if isinstance(cause, UserError):
            raise cause from None
        reason = " ".join(str(cause).split())
        place = place_of(cause) if is_foreign(node["_target_"]) else ""
        raise ConfigError(
            f"{key}: {node['_target_']} refuses its values: {reason.rstrip('.')}{place}. See conf/{key}/."
        ) from error


def check_part(key: str, node: object, *, is_recorded: bool = False) -> Mapping[str, Any]:
    """Refuse a part that runs other code than a file of `conf/<key>/` names, or is more than plain values.

    Args:
        key: The part's place in a configuration.
        node: What stands there.
        is_recorded: Whether it is only compared or handed to the sources of its own time, which built it their way.

    Returns:
        The part.

    Raises:
        ConfigError: Naming the key.
    """
    if not isinstance(node, Mapping):
        raise ConfigError(f"{key}: describes no part. Choose a file of conf/{key}/.")
    special = {name: value for name, value in node.items() if name in SPECIAL}
    target = special.get("_target_")
    if not isinstance(target, str) or target not in allowed_targets(key):
        way_out = "Choose one of its files, or name the folder of configurations that has it: --config-dir DIR."
        raise ConfigError(f"{key}._target_: '{target}' is no part that conf/{key}/ names. {way_out}")
    if is_recorded and isinstance(special.get("_partial_", False), bool):
        special.pop("_partial_", None)
    stated = [known for known in _stated(key) if known["_target_"] == target]
    if special not in stated and not (is_recorded and special == {"_target_": target}):
        other = next((name for name in special if name != "_target_"), "_partial_")
        raise ConfigError(f"{key}.{other}: no file of conf/{key}/ builds {target} so. Choose one of its files.")
    for name, value in node.items():
        if name not in SPECIAL:
            check_plain(f"{key}.{name}", value)
    return node


def check_plain(name: str, value: object) -> None:
    """Refuse whatever Hydra or OmegaConf would run or look up in a value that is resolved: the second pass is not ours.

    Raises:
        ConfigError: Naming the key.
    """
    if "${" in name or (isinstance(value, str) and "${" in value):
        raise ConfigError(
            f"{name}: a reference (${{...}}) has no place in a configuration that is resolved. Remove it."
        )
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in SPECIAL:
                found = inner if key == "_target_" else key
                group = name.partition(".")[0]
                raise ConfigError(f"{name}.{key}: '{found}' is no part that conf/{group}/ names. Remove it.")
            check_plain(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            check_plain(f"{name}.{place}", inner)


NOTHING = {"_target_": None}
"""A group of which nothing is chosen, such as `function=none`: it builds nothing."""


def check_recorded(config: Mapping[str, Any]) -> None:
    """Refuse a configuration from elsewhere that names code which no file of `conf/` names, or is not resolved.

    Raises:
        ConfigError: Naming the key.
    """
    for key, node in config.items():
        if node == NOTHING:
            continue
        if isinstance(node, Mapping) and "_target_" in node:
            check_part(key, node, is_recorded=True)
        else:
            check_plain(str(key), node)
    for key in ("experiment", "objective.metric"):
        first, _, second = key.partition(".")
        value = config.get(first)
        value = value.get(second) if second and isinstance(value, Mapping) else value
        if value is not None and not is_name(value):
            raise ConfigError(f"{key}: {value!r} is no name. The record was altered: restore it from a copy.")


PLACES = ("root", "source_dir", "url")
"""Keys of a data set that say where its files are: another machine's are not ours."""


def own_places(data: Mapping[str, Any], root: str) -> Config:
    """A recorded data set with this project's folders and addresses: where files come from is not for a record to say.

    Args:
        data: The recorded part.
        root: The folder of raw and prepared data.
    """
    named = folders.files("data").items()
    files = [read_file(path)[0] for name, path in named if data["_target_"] in allowed_targets("data", name)]
    stated = {key: value for key, value in files[0].items() if key in PLACES and key in data} if files else {}
    return {**data, **stated, "root": root}


def sampler_factory(config: Mapping[str, Any], space: Space) -> Callable[[int], Any]:
    """A function from a seed to a fresh sampler; an exhaustive sampler is given the space."""
    needs_space = {"space": space} if "space" in config["sampler"] else {}
    part(config, "sampler")
    return lambda seed: _completed(config, "sampler", seed=seed, **needs_space)


def recorded_config(path: Path) -> dict[str, Any]:
    """A recorded configuration: plain values that name parts of `conf/`, resolved when it was written.

    Raises:
        ConfigError: If it names a part that this project does not have, or has something to resolve.
        DataError: If it cannot be read or describes no model.
    """
    way_out = "Give a folder that holds a study's best network."
    config = load_yaml(path, way_out=way_out)
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise DataError(f"{path} describes no model. {way_out}")
    try:
        check_recorded(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return config
