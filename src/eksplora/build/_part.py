"""Configuration to objects: the only caller of Hydra's `instantiate`.

What may be instantiated is the exact list of targets that the project's own `conf/` names: a configuration that comes
from elsewhere can choose among parts, never name new code.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hydra.errors import HydraException
from hydra.utils import instantiate

from eksplora.build._compose import CONF
from eksplora.errors import ConfigError, DataError
from eksplora.search.space import Space

if TYPE_CHECKING:
    from eksplora.build._ensemble import Ensemble


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


def load_network(folder: str | Path, *, member: int = 0) -> Any:
    """A recorded network, ready to use: raw features in, outputs out.

    Args:
        folder: A folder with `config.yaml` and `member-<i>.safetensors`, such as `results/<study>/best`.
        member: Which member's weights.

    Returns:
        A `torch.nn.Module` in evaluation mode: (rows, ...) -> (rows, num_outputs).

    Raises:
        ConfigError: If the configuration names a part that this project does not have.
        DataError: If a file is missing or unreadable.
    """
    path = Path(folder)
    return network_of(recorded_config(path / "config.yaml"), path / f"member-{member}.safetensors")


def network_of(config: Mapping[str, Any], weights: Path) -> Any:
    """A trained network from its configuration and its weights; see `load_network`.

    Raises:
        ConfigError: If the configuration names a part that this project does not have.
        DataError: If the file is missing or unreadable.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from eksplora.model._scaled import Scaled

    try:
        tensors = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{weights} cannot be read ({error}). Give a folder that holds a study's best network."
        ) from None
    scaling = {name: value for name, value in tensors.items() if not name.startswith("network.")}
    network = part(config, "model")
    prefix = "network."
    network.load_state_dict(
        {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    )
    return Scaled(network=network, **scaling).eval()


_CONFIRMED = "Give the folder of a confirmed model."


def load_ensemble(folder: str | Path) -> "Ensemble":
    """A recorded model, ready to use.

    Args:
        folder: A folder with `config.yaml`, `card.json` and `member-<i>.safetensors`, such as
            `results/<experiment>/confirm/model`.

    Raises:
        ConfigError: If the configuration names a part that this project does not have.
        DataError: If a file is missing or unreadable.
    """
    from eksplora.build._ensemble import Ensemble

    path = Path(folder)
    config = recorded_config(path / "config.yaml")
    try:
        card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path / 'card.json'} cannot be read ({error}). Give the folder of a confirmed model."
        ) from None
    numbers = sorted(int(file.stem.removeprefix("member-")) for file in path.glob("member-*.safetensors"))
    if not numbers:
        raise DataError(f"{path} holds no member-<i>.safetensors. {_CONFIRMED}")
    return Ensemble([load_network(path, member=number) for number in numbers], config, card)


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
