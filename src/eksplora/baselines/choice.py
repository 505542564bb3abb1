"""Baselines that are fitted, each with its configuration: read from `conf/baseline/` and the overrides."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eksplora.config import Configurator, choices, parse_override, schema
from eksplora.config.parts import allowed_targets
from eksplora.errors import ConfigError, nearest
from eksplora.types import Config

KEPT = (*schema.BASELINE_KEYS, "study", "tracker", "paths", "output")
"""Keys that may be overridden."""

PLAIN = "sklearn.dummy."
ON_TABLES = "sklearn.ensemble."
"""Trees: on the thousands of pixels of an image they take long, and several targets they cannot have."""

IDLE = ("data.batch_size", "study.n_trials", "study.batch", "study.checkpoint_seconds")
"""Allowed keys without an effect: how much is tried is the list of baselines, and each is fitted in one go."""


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuse what would change a network and leaves a baseline as it is.

    Raises:
        ConfigError: Naming the key.
    """
    for text in overrides:
        key = parse_override(text).key_or_group
        if key.partition(".")[0].partition("/")[0] not in KEPT or key in IDLE:
            raise ConfigError(f"{key}: has no effect on baselines, which are set by baseline.<key>. Leave it out.")


def chosen(overrides: Sequence[str], config: Config, choice: Mapping[str, str]) -> list[str]:
    """The baselines to fit: the one that was typed, otherwise all whose targets are for the task, by name.

    Args:
        overrides: What was typed.
        config: What that gives.
        choice: The choice of every config group.

    Raises:
        ConfigError: If the typed one is for another task.
    """
    if choice["task"] == "multilabel":
        raise ConfigError("task=multilabel: there are no baselines of several labels per row. Leave this stage out.")
    kind, fitting = _kind(config["data"]), _fitting(config["data"])
    if not is_typed(overrides):
        return [name for name in fitting if _suits(config["data"], name)]
    name = choice["baseline"]
    if not config["baseline"]["_target_"].endswith(kind):
        task, options = choice["task"], " or baseline=".join(fitting)
        raise ConfigError(f"baseline={name} is not for task={task}. Choose baseline={options}.")
    return [name]


def without_networks(config: Config, choice: Mapping[str, str]) -> list[str]:
    """The baselines that a tested model is compared with: those that are fitted in a moment, by name.

    Args:
        config: Of the model's experiment.
        choice: The choice of every config group.
    """
    if choice["task"] == "multilabel":
        return []
    return [
        name for name in _fitting(config["data"]) if _suits(config["data"], name) and _is_of(name, PLAIN, ON_TABLES)
    ]


def _kind(data: Mapping[str, Any]) -> str:
    return "Regressor" if data["num_classes"] is None else "Classifier"


def _fitting(data: Mapping[str, Any]) -> list[str]:
    """The baselines whose targets are for the task."""
    kind = _kind(data)
    return [name for name in choices("baseline") if any(t.endswith(kind) for t in allowed_targets("baseline", name))]


def _is_of(name: str, *modules: str) -> bool:
    return any(target.startswith(modules) for target in allowed_targets("baseline", name))


def _suits(data: Mapping[str, Any], name: str) -> bool:
    """Whether a baseline is fitted without being asked for."""
    is_simple = len(data["input_shape"]) == 1 and data["num_targets"] in (None, 1)
    return is_simple or not _is_of(name, ON_TABLES)


def is_typed(overrides: Sequence[str]) -> bool:
    """Whether one baseline was asked for by name."""
    return any(parse_override(text).key_or_group == "baseline" for text in overrides)


def configurator(overrides: Sequence[str], names: Sequence[str]) -> Callable[[Mapping[str, Any]], Config]:
    """Function from a trial's values, `{"baseline": name}`, to its configuration; no values give that of the last name.

    An override `baseline.<key>=<value>` goes to those baselines that have the key.

    Raises:
        ConfigError: If none of them has an overridden key.
    """
    typed = [text for text in overrides if parse_override(text).key_or_group.partition(".")[0] == "baseline"]
    others = [text for text in overrides if text not in typed]
    values = {parse_override(text).key_or_group: text for text in typed if "." in text.partition("=")[0]}
    stated = {name: _composed(others, name) for name in names}
    known = dict.fromkeys(f"baseline.{key}" for config in stated.values() for key in config["baseline"])
    for key in values:
        if key not in known:
            raise ConfigError(f"{key}: none of {', '.join(names)} has this key. {nearest(key, known)}")
    made = {name: _with_values(name, stated[name], others, values) for name in names}
    return lambda trial: made[trial.get("baseline", names[-1])]


def _with_values(name: str, stated: Config, others: Sequence[str], values: Mapping[str, str]) -> Config:
    own = [text for key, text in values.items() if key.partition(".")[2] in stated["baseline"]]
    return _composed([*others, *own], name) if own else stated


def _composed(overrides: Sequence[str], name: str) -> Config:
    """The configuration of one baseline. The rows per step of networks are none of it."""
    config = Configurator("baseline", [*overrides, f"baseline={name}"])({})
    return config | {"data": {key: value for key, value in config["data"].items() if key != "batch_size"}}
