"""A composed configuration against what the files in `conf/` state."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from eksplora.config import schema
from eksplora.config.composition import (
    choices,
    flatten,
    is_group,
    known_keys,
    parse_override,
    stated,
    stated_files,
    unknown_key,
)
from eksplora.config.declared import as_words, declared
from eksplora.config.parts import SPECIAL, allowed_targets
from eksplora.errors import ConfigError
from eksplora.types import Config
from eksplora.untrusted import is_name


def check_values(root: str, overrides: Sequence[str], config: Config, chosen: Mapping[str, str]) -> None:
    """Compare a composed configuration with what its groups' own files state.

    What an experiment's file sets is held to the same as what is typed.

    Raises:
        ConfigError: For a key that the files do not have or that is gone, or a value of another kind than theirs.
    """
    for text in overrides:
        parse_override(text)
    by_files = stated(root, frozenset(chosen.items()))
    for group, name in chosen.items():
        if group in by_files and is_group(group):
            check_file(group, name, by_files[group])
    reference, given = flatten(by_files), flatten(config)
    is_open = tuple(f"{key}." for key, value in reference.items() if value == {})  # any key, each with a text
    typed = {field.name for field in fields(schema.ROOTS[root]) if field.type is not Any}  # Hydra has checked these
    if chosen.get("metric") != chosen.get("objective"):
        typed.add("metric")  # `check_fit` says that they are chosen together
    for key, value in given.items():
        if key.partition(".")[0] in typed:
            check_finite(key, value)
            continue
        if key.startswith(is_open):
            check_kind(key, "", value)
            continue
        if f"{key}." in is_open and isinstance(value, list):  # the same as texts: names that are no keys
            check_kind(key, [""], value)
            continue
        if key not in reference:
            inner = [other for other in reference if other.startswith(f"{key}.")]
            if inner:
                raise ConfigError(
                    f"{key}: {_shown(value)} cannot stand for all of its keys. Set one of {', '.join(inner)}."
                )
            raise ConfigError(unknown_key(key, known_keys(root)))
        check_kind(key, reference[key], value)
    for key in reference:
        is_filled = f"{key}." in is_open and any(other.startswith(f"{key}.") for other in given)
        if key not in given and not is_filled and key.partition(".")[0] not in typed:
            raise ConfigError(f"{key}: cannot be removed. Drop ~{key}.")


def check_file(group: str, name: str, node: Any) -> None:
    """Compare a file of a group with the others of the group.

    Args:
        group: The group.
        name: The file.
        node: What it states, composed.

    Raises:
        ConfigError: If it lacks a key that all others have, or has values of another kind than all others.
    """
    others = [values for other, values in stated_files(group).items() if other != name]
    if not others or name not in choices(group):
        return
    file = f"conf/{group}/{name}.yaml"
    if not isinstance(node, Mapping):
        raise ConfigError(f"{file}: {_shown(node)} cannot stand for all of its keys. Write one a line.")
    for key in sorted(set.intersection(*map(set, others)) - {"defaults"}):
        if key not in node and (key in ("_target_", "_partial_") or group in READ):
            raise ConfigError(f"{file}: has no {key}, which every other file there has. Add it.")
    _check_orders(file, node, others)
    if not isinstance(node.get("_target_") or "", str):
        raise ConfigError(f"{file}: _target_: {_shown(node['_target_'])} is no name of a part. Write package.name.")
    for key, value in node.items():
        known = [values[key] for values in others if key in values]
        free = any(one is None or (isinstance(one, str) and "${" in one) for one in known)
        if known and not free and value is not None and not any(_is_alike(one, value) for one in known):
            raise ConfigError(f"{file}: {key}: {_shown(value)} is of the wrong type. Other files have {known[0]!r}.")


def _check_orders(file: str, node: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> None:
    """Refuse orders to Hydra that no part of a group is built with.

    Raises:
        ConfigError: Naming the order.
    """
    for key in SPECIAL[2:]:
        if key in node:
            raise ConfigError(f"{file}: {key} is no key of a part. Give each of its values by name.")
    if all(values.get("_partial_") is True for values in others) and node.get("_partial_") is not True:
        raise ConfigError(
            f"{file}: _partial_: {_shown(node.get('_partial_'))} is not true, as in every other file there. Set it."
        )


READ = ("data", "exploration", "objective", "trainer")
"""Groups whose keys are read before, or besides, what is built of them."""


def _is_alike(known: Any, value: Any) -> bool:
    """Whether two values are of one kind: all numbers are, and a list is of its elements' kind."""
    if isinstance(known, list) or isinstance(value, list):
        pairs = [one if isinstance(one, list) else [one] for one in (known, value)]
        return not all(pairs) or _is_alike(pairs[0][0], pairs[1][0])
    numbers = [isinstance(one, int | float) and not isinstance(one, bool) for one in (known, value)]
    return all(numbers) or (not any(numbers) and type(known) is type(value))


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)


def check_finite(key: str, value: Any) -> None:
    """Refuse infinity and what is no number.

    Raises:
        ConfigError: Naming the key and the value.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{key}: {value} is not finite. Give a number.")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ConfigError(f"{key}: a whole number of {value.bit_length()} bits is too large. Give one below 2**63.")


LARGEST = 2**63 - 1
"""No whole number of a configuration is larger: libraries take no more."""


NAMES = ("experiment", "study.name", "objective.metric")
"""Keys whose values become names of folders and files."""


def check_names(config: Config) -> None:
    """Refuse names that cannot be the name of a folder.

    Raises:
        ConfigError: Naming the key.
    """
    given = flatten(config)
    for key in NAMES:
        value = given.get(key)
        if value is not None and not is_name(value):
            raise ConfigError(
                f"{key}: {value!r} is no name for a folder. Use letters, digits, '.', '_' and '-', at most 100."
            )


WORDS = {"data.batch_size": "full", "baseline.batch_size": "auto"}
"""Keys of whole numbers that take a word too."""


def check_kind(key: str, known: Any, value: Any) -> None:
    """Refuse a value whose kind differs from that of the value in `conf/`.

    Where that is null, the values of the key in the group's other files say what it takes; if none does, any kind.

    Raises:
        ConfigError: Naming the key, the value and the kind that is wanted.
    """
    name = key.removeprefix("space.params.")
    per_layer = name.startswith("model.") and isinstance(value, list)
    check_finite(key, value)
    if name in WORDS and (value == WORDS[name] or _is_kind(1, value)):
        return
    if known is None or value is None:
        known = _alike_elsewhere(name, known, value)
    if known is None or _is_kind(known, value) or (per_layer and _is_list_of(known, value)):
        return
    wanted = f"a list such as {known}" if isinstance(known, list) else f"a value like {known!r} ({_kind(known)})"
    wanted += f", or {WORDS[name]}" if name in WORDS else ""
    raise ConfigError(f"{key}: {_shown(value)} is of the wrong type. Give {wanted}.")


def _alike_elsewhere(name: str, known: Any, value: Any) -> Any:
    """Another file's value of a key, where it is of the given value's kind; otherwise what is known of the key."""
    group, _, key = name.partition(".")
    files = stated_files(group).values() if is_group(group) else ()
    others = [values[key] for values in files if key in values]
    if value is None:
        return None if None in others else known
    stated = [one for one in others if one is not None and "${" not in str(one)]
    return next((one for one in stated if _is_kind(one, value)), next(iter(stated), None))


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
    _check_label(config["objective"]["metric"], str(objective))
    target = config["metric"]["_target_"]
    if target not in allowed_targets("metric", str(metric)):
        raise ConfigError(
            f"metric._target_: {target} is not what conf/metric/{metric}.yaml builds. Choose another objective."
        )
    fitting = _tasks_of(config["data"])
    direction = config["objective"]["direction"]
    if direction not in ("minimize", "maximize"):
        raise ConfigError(f"objective.direction: '{direction}' is no direction. Choose minimize or maximize.")
    if task not in fitting:
        raise ConfigError(
            f"task={task} does not go with data={chosen['data']}. Choose task={' or task='.join(fitting)}."
        )
    if task not in _tasks_for(target):
        options = ", ".join(metrics_for(task))
        raise ConfigError(f"objective={objective} is not for task={task}. Choose one of {options}.")


def _check_label(label: str, objective: str) -> None:
    """Refuse the name of another metric for the values of this one."""
    files = stated_files("objective")
    others = {str(values.get("metric")): name for name, values in files.items() if name != objective}
    others |= {name: name for name in choices("metric") if name != objective}
    if label != files.get(objective, {}).get("metric") and label in others:
        raise ConfigError(
            f"objective.metric={label}: the values are those of objective={objective}, and would be shown as another "
            f"metric's. Choose objective={others[label]}."
        )


def metrics_for(task: str) -> list[str]:
    """The files of `conf/metric/` that are for a task."""
    fits = [(name, target) for name in choices("metric") for target in allowed_targets("metric", name)]
    return [name for name, target in fits if task in _tasks_for(target)]


def _tasks_of(data: Mapping[str, Any]) -> list[str]:
    """The tasks that a data set can be used for."""
    if data.get("task") == "multilabel":
        return ["multilabel"]
    if data["num_classes"] is None:
        return ["regression", "counts", "quantiles" if data["num_targets"] == 1 else "multilabel"]
    return ["binary", "classification"] if data["num_classes"] == 2 else ["classification"]


def _tasks_for(metric: str) -> tuple[str, ...]:
    """The tasks that a metric is for: as it says, or by the name that torchmetrics would give it."""
    name = metric.rpartition(".")[2]
    usual = next(
        (tasks for word, tasks in _FAMILIES.items() if name.startswith(word)), ("regression", "counts", "quantiles")
    )
    return as_words(declared(metric, "tasks", usual))


_FAMILIES = {"Binary": ("binary",), "Multiclass": ("classification",), "Multilabel": ("multilabel",)}
