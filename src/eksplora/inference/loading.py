"""A recorded model from its folder: weights that are what its card says and that fit its configuration.

Nothing of it is a pickle, nothing is larger in memory than its file, and no number of it is infinite.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eksplora.config.parts import check_recorded, is_foreign, part, recorded_config
from eksplora.errors import DataError, EksploraError, UserError
from eksplora.inference.card import check_folder, read_card
from eksplora.untrusted import read_plain

if TYPE_CHECKING:
    from torch import Tensor

    from eksplora.inference.ensemble import Ensemble

MEMBER = re.compile(r"member-(0|[1-9]\d{0,5})\.safetensors")
PREFIX = "network."
SCALING = ("shift", "scale", "target_shift", "target_scale", "target_log", "quantiles")
"""Tensors stored beside a network's own. The fifth is there only where targets are learned as logarithms, the last with
`data.scaling=quantile`, and the two for targets are missing in models of versions that did not scale them."""

_NETWORK = "Give a folder that holds a study's best network."
_CONFIRMED = "Give the folder of a confirmed model."


def load_network(folder: str | Path, *, member: int = 0) -> Any:
    """A recorded network, ready to use: raw features in, outputs out.

    Args:
        folder: A folder with `config.yaml` and `member-<i>.safetensors`, such as `results/<study>/best`.
        member: Which member's weights.

    Returns:
        A `torch.nn.Module` in evaluation mode: (rows, ...) -> (rows, num_outputs).

    Raises:
        ConfigError: If the configuration names a part that this project does not have.
        DataError: If a file is missing, unreadable, or not the one that was recorded.
    """
    path = _folder(folder, _NETWORK)
    check_folder(path, _NETWORK)
    return network_of(recorded_config(path / "config.yaml"), path / f"member-{member}.safetensors")


def load_ensemble(folder: str | Path) -> "Ensemble":
    """A recorded model, ready to use.

    Args:
        folder: A folder with `config.yaml`, `card.json` and `member-<i>.safetensors`, such as
            `results/<experiment>/confirm/model`.

    Raises:
        ConfigError: If the configuration names a part that this project does not have.
        DataError: If a file is missing, unreadable, or not the one that was recorded.
    """
    from eksplora.inference.ensemble import Ensemble

    path = _folder(folder, _CONFIRMED)
    card = read_card(path, _CONFIRMED)
    config = recorded_config(path / "config.yaml")
    check_recorded(config)
    _check_outputs(path, config, card)
    members = {}
    for file in path.glob("member-*"):
        number = MEMBER.fullmatch(file.name)
        if number is None:
            raise DataError(f"{file} is none of the files member-<i>.safetensors. Remove it.")
        members[int(number[1])] = file
    if not members:
        raise DataError(f"{path} holds no member-<i>.safetensors. {_CONFIRMED}")
    return Ensemble([network_of(config, file) for _, file in sorted(members.items())], config, card)


def _folder(given: object, way_out: str) -> Path:
    """The folder of a model.

    Raises:
        DataError: If it names none.
    """
    if not isinstance(given, str | PathLike):
        raise DataError(f"{type(given).__name__} is no name of a folder. {way_out}")
    return Path(given)


def network_of(config: Mapping[str, Any], weights: Path) -> Any:
    """A trained network from its configuration and its weights; see `load_network`.

    Raises:
        ConfigError: If the configuration names a part that this project does not have.
        DataError: If the file is missing or unreadable, does not fit the configuration, or holds no finite numbers.
    """
    from safetensors.torch import load

    from eksplora.model.scaled import Scaled

    try:
        tensors = load(read_plain(weights))
    except Exception as error:  # of a damaged file: safetensors and torch each have their own
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise DataError(f"{weights} cannot be read ({reason}). {_NETWORK}") from None
    scaling = {name: value for name, value in tensors.items() if not name.startswith(PREFIX)}
    own = {name.removeprefix(PREFIX): value for name, value in tensors.items() if name.startswith(PREFIX)}
    _check_sizes(weights, config["model"])
    input_shape, num_outputs = _row_shapes(config, weights)
    with _few_layers(weights, len(own)):
        _check_tensors(weights, own, _outline(config, weights, input_shape).state_dict())
    _check_scaling(weights, scaling, input_shape, num_outputs)
    network = _network(config, weights)
    _check_finite(weights, tensors, network.state_dict(prefix=PREFIX))
    network.load_state_dict(own)
    return Scaled(network=network, **scaling).eval()


def _network(config: Mapping[str, Any], weights: Path) -> Any:
    try:
        return part(config, "model")
    except EksploraError:
        raise
    except Exception as error:  # of values that no configuration of ours would have
        reason = " ".join(str(error).split())
        raise DataError(f"{weights.parent / 'config.yaml'} describes no network ({reason}). {_NETWORK}") from None


def _outline(config: Mapping[str, Any], weights: Path, input_shape: Sequence[int]) -> Any:
    """The network in shapes without memory: any size may be asked for.

    A network of the user's own that looks at its first weights cannot be built so. It is then built as it is.
    """
    import torch

    from eksplora.model.foreign import with_shapes

    try:
        with torch.device("meta"):
            return with_shapes(_network(config, weights), torch.zeros(1, *input_shape))
    except (UserError, RuntimeError, NotImplementedError):
        if not is_foreign(config["model"]["_target_"]):
            raise
    return with_shapes(_network(config, weights), torch.zeros(1, *input_shape))


def _row_shapes(config: Mapping[str, Any], weights: Path) -> tuple[Sequence[int], int]:
    """The shape of a row, and the numbers that come out: as the model's own keys say, or data and task.

    Raises:
        DataError: If nothing says it.
    """
    found = []
    for part_of, key in (("data", "input_shape"), ("task", "num_outputs")):
        places = [config["model"], config.get(part_of)]
        value = next((place[key] for place in places if isinstance(place, Mapping) and key in place), None)
        if value is None:
            raise DataError(f"{weights.parent / 'config.yaml'} states no {part_of}.{key}. {_NETWORK}")
        found.append(value)
    return found[0], found[1]


def _check_sizes(weights: Path, model: Mapping[str, Any]) -> None:
    """Refuse numbers that no network with so few bytes has: of units, or of layers.

    What the keys of a user's own network mean, is not known.

    Raises:
        DataError: Naming the key.
    """
    if is_foreign(str(model["_target_"])):
        return
    size = weights.stat().st_size
    for key, value in model.items():
        if isinstance(value, int) and value > size:
            raise DataError(
                f"{weights.parent / 'config.yaml'}: model.{key} is {value}, but {weights.name} has {size} bytes. "
                f"{_NETWORK}"
            )


@contextmanager
def _few_layers(weights: Path, tensors: int) -> Iterator[None]:
    """While a network is built: it has not many more layers than its weights' file has tensors.

    Raises:
        DataError: Once it has.
    """
    from torch.nn.modules.module import register_module_module_registration_hook

    left = iter(range(100 + 20 * tensors))

    def count(*_: object) -> None:
        if next(left, None) is None:
            raise DataError(
                f"{weights.parent / 'config.yaml'} describes more layers than {weights.name} has tensors ({tensors}). "
                f"{_NETWORK}"
            )

    handle = register_module_module_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


def _check_tensors(weights: Path, found: Mapping[str, "Tensor"], wanted: Mapping[str, "Tensor"]) -> None:
    """Refuse tensors that are missing, too many, or of another shape or kind than the network's own.

    Raises:
        DataError: Naming the first.
    """
    for name in [*wanted, *(name for name in found if name not in wanted)]:
        sides = [
            f"{str(one[name].dtype).removeprefix('torch.')} of shape {list(one[name].shape)}" if name in one else "none"
            for one in (found, wanted)
        ]
        if sides[0] != sides[1]:
            raise DataError(
                f"{weights}: the tensor '{PREFIX}{name}' is {sides[0]}, the network of config.yaml has {sides[1]}. "
                "Give weights and configuration of one training."
            )


def _check_scaling(
    weights: Path, scaling: Mapping[str, "Tensor"], input_shape: Sequence[int], num_outputs: int
) -> None:
    """Refuse a scaling that is not one of raw features (and of targets), by its names and shapes.

    Raises:
        DataError: Naming the first at fault.
    """
    for name in dict.fromkeys([*SCALING[:2], *scaling]):
        if name not in scaling or name not in SCALING:
            what = "is missing" if name in SCALING else "is no part of a model"
            raise DataError(f"{weights}: the tensor '{name}' {what}. {_NETWORK}")
        row = {"target_log": []}.get(name, [num_outputs] if name.startswith("target_") else list(input_shape))
        shape = list(scaling[name].shape)
        sizes = zip(reversed(shape), reversed(row), strict=False)
        fits = len(shape) <= len(row) and all(size in (1, wanted) for size, wanted in sizes)
        if name == "quantiles":  # (quantiles, columns)
            fits = len(shape) == 2 and shape[1:] == row and shape[0] > 0 and scaling[name].element_size() == 8
        if not fits or not scaling[name].is_floating_point():
            raise DataError(
                f"{weights}: the tensor '{name}' is {str(scaling[name].dtype).removeprefix('torch.')} of shape "
                f"{shape}, which scales no row of shape {row}. {_NETWORK}"
            )


def _check_finite(weights: Path, tensors: Mapping[str, "Tensor"], fresh: Mapping[str, "Tensor"]) -> None:
    """Refuse numbers that are not finite; but a feature that the network does not see is divided by infinity.

    What an untrained network holds so, is as it should be: a mask of attention has minus infinity.

    Raises:
        DataError: Naming the first tensor that has some.
    """
    import torch
    from torch.nn.parameter import is_lazy

    for name, value in tensors.items():
        finite = value.isfinite() | ((value == torch.inf) if name == "scale" else False)
        if name in fresh and not is_lazy(fresh[name]):
            finite |= value == fresh[name]
        if name == "quantiles":
            finite |= value.isnan().all(0)  # of columns that are left as they are
        falls = name == "quantiles" and bool((value.diff(dim=0) < 0).any())
        if not finite.all() or falls or (name == "scale" and (value == 0).any()):
            raise DataError(
                f"{weights}: the tensor '{name}' holds values that no training leaves (not finite, a scale of 0, or "
                "quantiles that fall). Restore the file from a copy, or train the model again."
            )


def _check_outputs(folder: Path, config: Mapping[str, Any], card: Mapping[str, Any]) -> None:
    """Refuse a configuration that is of other rows or classes than the card.

    Raises:
        DataError: Naming what differs.
        ConfigError: If it describes no task of this project.
    """
    if not isinstance(config.get("task"), Mapping):
        raise DataError(f"{folder / 'config.yaml'} describes no task. {_CONFIRMED}")
    part(config, "task")
    outputs, classes = config["task"].get("num_outputs"), card["classes"]
    wanted = [outputs] if classes is None else [len(classes)] if len(classes) != 2 else [1, 2]
    pairs = {
        "model.input_shape": (config["model"].get("input_shape", card["input_shape"]), [card["input_shape"]]),
        "model.num_outputs": (config["model"].get("num_outputs", outputs), [outputs]),
        "task.num_outputs": (outputs, wanted),
    }
    for key, (value, allowed) in pairs.items():
        if value not in allowed:
            raise DataError(
                f"{folder / 'config.yaml'}: {key} is {value}, by card.json and the task it is "
                f"{' or '.join(map(str, allowed))}. {_CONFIRMED}"
            )
