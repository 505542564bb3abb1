"""Parts of a training from its configuration, and its rows; what is asked for again is kept."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException

from eksplora.config import part, protocol_splits
from eksplora.data.arrays import fold_arrays
from eksplora.data.card import target_units
from eksplora.errors import ConfigError, EksploraError, place_of
from eksplora.training.recipe import Fold
from eksplora.types import Config, Cut


def part_of(config: Config, key: str, **arguments: Any) -> Any:
    """A part of a configuration; equal ones are the same object, which the trainings of a job share."""
    return _cached_part(key, json.dumps(config[key]), **arguments)


@lru_cache(maxsize=256)
def _cached_part(key: str, text: str, **arguments: Any) -> Any:
    return part({key: json.loads(text)}, key, **arguments)


def folds_of(config: Config, cut: Cut) -> tuple[Fold, ...]:
    """The folds of a configuration's data and protocol, for a cut of the rows."""
    data = config["data"] | {"batch_size": 1}  # trials that differ in batch size share the arrays
    return _folds(json.dumps({"data": data, "protocol": config["protocol"]}, sort_keys=True), cut)


@lru_cache(maxsize=2)
def _folds(text: str, cut: Cut) -> tuple[Fold, ...]:
    """The folds of a data and a protocol configuration; kept: the next trial most often wants the same."""
    config = json.loads(text)
    dataset = part(config, "data")
    splits = protocol_splits(config, dataset, cut)
    units, weights = target_units(dataset.card()), dataset.beside("train", "weights")
    of_rows = None if weights is None else torch.from_numpy(np.array(weights, dtype=np.float32))
    tensors: dict[int, torch.Tensor] = {}
    folds = []
    for arrays in fold_arrays(dataset, splits):
        features = tensors.setdefault(id(arrays.features), torch.from_numpy(arrays.features))
        labels = torch.from_numpy(arrays.targets)
        of_targets = arrays.target_scaling
        folds.append(
            Fold(
                arrays.split,
                features,
                labels,
                shift=arrays.scaling.shift,
                scale=arrays.scaling.scale,
                target_shift=of_targets.shift,
                target_scale=of_targets.scale,
                is_target_log=of_targets.is_log,
                target_units=None if units is None else torch.from_numpy(units),
                weights=of_rows,
                quantiles=arrays.scaling.quantiles,
            )
        )
    return tuple(folds)


def built(key: str, make: Callable[[], Any]) -> Any:
    """Return what `make` returns; what it raises becomes an error that names the key, and the user's own line.

    Raises:
        ConfigError: If it raises.
    """
    try:
        return make()
    except EksploraError:
        raise
    except MisconfigurationException as error:
        raise ConfigError(f"{key}: {one_line(error)} Use trainer=cpu on this machine.") from error
    except Exception as error:  # whatever a library makes of a value: a package that is missing, too little memory
        said = f"{one_line(error)}{place_of(error)}"
        if key in ("optimizer", "trainer", "initialization", "scheduler", "model"):
            raise ConfigError(f"{key}: a value is refused ({said}). See its keys in conf/{key}/.") from error
        way_out = f"Change a value of it, or choose another {key} for this task and model."
        raise ConfigError(f"{key}: does not go with the other parts ({said}). {way_out}") from error


def one_line(error: BaseException) -> str:
    """The first sentences of a library's error; its name, where it says nothing."""
    return " ".join(str(error).split()).split(" (Triggered internally")[0] or type(error).__name__
