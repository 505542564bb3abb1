"""A composed configuration against what the files in `conf/` state."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from eksplora import schema
from eksplora.build._compose import (
    choices,
    composition,
    flatten,
    is_group,
    known_keys,
    parse_override,
    plain,
    unknown_key,
    without_space,
)
from eksplora.build._part import allowed_targets
from eksplora.errors import ConfigError
from eksplora.types import Config


def check_values(root: str, overrides: Sequence[str], config: Config) -> None:
    """Compare a composed configuration with its groups' own files.

    Raises:
        ConfigError: For a key that the files do not have or that is gone, or a value of another kind than theirs.
    """
    groups = [text for text in overrides if is_group(parse_override(text).key_or_group)]
    if groups == without_space(overrides):
        return  # nothing was typed but choices of files
    reference, given = flatten(plain(composition(root, groups))), flatten(config)
    typed = {field.name for field in fields(schema.ROOTS[root]) if field.type is not Any}  # Hydra has checked these
    for key, value in given.items():
        if key.partition(".")[0] in typed:
            continue
        if key not in reference:
            raise ConfigError(unknown_key(key, known_keys(root)))
        check_kind(key, reference[key], value)
    for key in reference:
        if key not in given and not key.startswith("space."):
            raise ConfigError(f"{key}: cannot be removed. Drop ~{key}.")


def check_kind(key: str, known: Any, value: Any) -> None:
    """Refuse a value whose kind differs from that of the value in `conf/` (null there takes any kind).

    Raises:
        ConfigError: Naming the key, the value and the kind that is wanted.
    """
    per_layer = key.removeprefix("space.params.").startswith("model.") and isinstance(value, list)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{key}: {value} is not finite. Give a number.")
    if known is None or _is_kind(known, value) or (per_layer and _is_list_of(known, value)):
        return
    wanted = f"a list such as {known}" if isinstance(known, list) else f"a value like {known!r} ({_kind(known)})"
    shown = "null" if value is None else repr(value)
    raise ConfigError(f"{key}: {shown} is of the wrong type. Give {wanted}.")


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), type(value).__name__)


def _is_kind(known: Any, value: Any) -> bool:
    if isinstance(known, bool) or isinstance(value, bool):
        return isinstance(known, bool) and isinstance(value, bool)
    if isinstance(known, list):
        return isinstance(value, list) and (not known or all(_is_kind(known[0], item) for item in value))
    return isinstance(value, int | float) if isinstance(known, float) else isinstance(value, type(known))


def _is_list_of(known: Any, value: list[Any]) -> bool:
    """A network's value for all layers may be given as a list, one per layer."""
    return bool(value) and all(_is_kind(known, item) for item in value)


# --- parts that do not go together -------------------------------------------------------------------------------


def check_fit(config: Config, chosen: Mapping[str, str]) -> None:
    """Refuse a task that the data do not have, and an objective that is not for the task.

    Raises:
        ConfigError: Naming the choices that do not go together.
    """
    objective, metric, task = chosen.get("objective"), chosen.get("metric"), chosen.get("task", "")
    if objective != metric:
        raise ConfigError(
            f"metric={metric} is not what objective={objective} names. Choose them together: objective={metric}."
        )
    fitting = _tasks_of(config["data"])
    direction = config["objective"]["direction"]
    if direction not in ("minimize", "maximize"):
        raise ConfigError(f"objective.direction: '{direction}' is no direction. Choose minimize or maximize.")
    if task not in fitting:
        raise ConfigError(
            f"task={task} does not go with data={chosen['data']}. Choose task={' or task='.join(fitting)}."
        )
    if _task_of(config["metric"]["_target_"]) != task:
        options = [name for name in choices("metric") if task in map(_task_of, allowed_targets("metric", name))]
        raise ConfigError(f"objective={objective} is not for task={task}. Choose one of {', '.join(options)}.")
    check_loss(config, task)


def check_loss(config: Config, task: str) -> None:
    """Refuse a loss that is for another task: it would train on numbers that mean something else.

    Raises:
        ConfigError: Naming the loss and the task.
    """
    target = config["loss"]["_target_"]
    wanted = _task_of(target)
    if wanted not in (task, None):
        options = [name for name in choices("loss") if {task, None} & set(map(_task_of, allowed_targets("loss", name)))]
        raise ConfigError(f"loss: {target} is for task={wanted}, not {task}. Choose loss={' or loss='.join(options)}.")


def _tasks_of(data: Mapping[str, Any]) -> list[str]:
    """The tasks that a data set can be used for."""
    if data["num_classes"] is None:
        return ["regression"]
    return ["binary", "classification"] if data["num_classes"] == 2 else ["classification"]


def _task_of(target: str) -> str | None:
    """The task that a metric of torchmetrics or a loss of torch is for, by its name; None: no class of its own."""
    name = target.rpartition(".")[2]
    found = next((task for word, task in _FAMILIES.items() if name.startswith(word)), None)
    return found or ("regression" if target.startswith("torchmetrics.") else None)


_FAMILIES = {"Binary": "binary", "Multiclass": "classification", "BCE": "binary", "CrossEntropy": "classification"}
