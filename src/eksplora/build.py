"""Configuration to objects: the only caller of Hydra's `instantiate` and `compose`.

A configuration is checked here before anything heavy is imported: unknown keys, wrong types, the grammar and the
keys of the search space. What may be instantiated is the exact list of targets that the project's own `conf/` names.
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, QuotedString, RangeSweep
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from eksplora import schema
from eksplora.errors import ConfigError, DataError, nearest
from eksplora.search.space import Choice, Condition, Domain, Interval, Parameter, Range, Space, check_domain, extremes
from eksplora.types import Config

CONF = Path(__file__).resolve().parents[2] / "conf"
schema.register()


@cache
def allowed_targets() -> frozenset[str]:
    """Every `_target_` that a file under `conf/` names."""
    texts = (path.read_text(encoding="utf-8") for path in CONF.rglob("*.yaml"))
    return frozenset(target for text in texts for target in re.findall(r"^_target_:\s*(\S+)", text, re.MULTILINE))


def part(config: Mapping[str, Any], key: str, **arguments: Any) -> Any:
    """Build the part that `config[key]` describes.

    Raises:
        ConfigError: If its target is none of the project's own, or its constructor refuses a value.
    """
    node = dict(config[key])
    target = node.get("_target_")
    if target not in allowed_targets():
        raise ConfigError(f"{key}._target_: '{target}' is no part that conf/ names. Choose one of the files in conf/{key}/.")
    try:
        return instantiate(node, **arguments, _convert_="all")
    except HydraException as error:
        cause = error.__cause__ or error
        if isinstance(cause, ConfigError):
            raise cause from None
        raise ConfigError(f"{key}: {target} refuses its values: {cause}. See conf/{key}/.") from error


# --- composition -------------------------------------------------------------------------------------------------


def compose_root(root: str, overrides: Sequence[str]) -> DictConfig:
    """Compose `conf/<root>.yaml` with overrides, inside or outside of a Hydra application."""
    if GlobalHydra.instance().is_initialized():
        return compose(root, list(overrides))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(root, list(overrides))


def plain(config: DictConfig) -> Config:
    """A resolved copy as plain dicts and lists."""
    return cast(Config, OmegaConf.to_container(config, resolve=True))


def is_group(key: str) -> bool:
    """Whether a key of an override names a config group."""
    return (CONF / key).is_dir()


def check_values(root: str, overrides: Sequence[str], config: Config) -> None:
    """Compare a composed configuration with its groups' own files.

    Raises:
        ConfigError: For a key that the files do not have, or a value of another kind than theirs.
    """
    keys = [OverridesParser.create().parse_override(text).key_or_group for text in overrides]
    groups = [text for text, key in zip(overrides, keys, strict=True) if is_group(key)]
    reference = flatten(plain(compose_root(root, groups)))
    for key, value in flatten(config).items():
        if key.startswith("space."):
            continue
        if key not in reference:
            raise ConfigError(f"{key}: no such key. {nearest(key, reference)}")
        check_kind(key, reference[key], value)


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


def check_kind(key: str, known: Any, value: Any) -> None:
    """Refuse a value whose kind differs from that of the value in `conf/` (null there takes any kind).

    Raises:
        ConfigError: Naming the key, the value and the kind that is wanted.
    """
    per_layer = key.removeprefix("space.params.").startswith("model.") and isinstance(value, list)
    if known is None or _is_kind(known, value) or (per_layer and _is_list_of(known, value)):
        return
    wanted = "a list such as " + str(known) if isinstance(known, list) else f"a value like {known!r} ({_kind(known)})"
    raise ConfigError(f"{key}: {value!r} is of the wrong type. Give {wanted}.")


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


# --- search space ------------------------------------------------------------------------------------------------


def parse_space(space: schema.Space) -> Space:
    """The search space of a configuration, command-line changes applied.

    Raises:
        ConfigError: For text that is not in the grammar, or a domain without values.
    """
    params, when = dict(space.params), dict(space.when)
    for text in space.overrides:
        key, _, value = text.partition("=")
        table, _, name = key.partition(".")
        {"params": params, "when": when}[table][name] = value
    parameters = [_parameter(key, text, when.get(key)) for key, text in params.items() if text not in (None, "null")]
    for key in when:
        if key not in params:
            raise ConfigError(f"space.when.{key}: not a searched key. {nearest(key, params)}")
    return _in_order(parameters)


def _parameter(key: str, text: Any, when: Any) -> Parameter:
    parameter = Parameter(key, parse_domain(key, text), parse_condition(key, when))
    check_domain(parameter)
    return parameter


def _in_order(parameters: list[Parameter]) -> Space:
    """Keys without a condition first: a condition looks at a value that is already chosen."""
    free = [parameter for parameter in parameters if parameter.when is None]
    bound = [parameter for parameter in parameters if parameter.when is not None]
    for parameter in bound:
        assert parameter.when is not None
        if parameter.when.key not in {other.key for other in free}:
            raise ConfigError(
                f"space.when.{parameter.key}: '{parameter.when.key}' is not searched, or has a condition of its own. "
                f"Search it too: space.params.{parameter.when.key}=choice(...)."
            )
    return (*free, *bound)


def parse_domain(key: str, text: Any) -> Domain:
    """One domain from Hydra's override grammar.

    Raises:
        ConfigError: If the text is no choice, range or interval.
    """
    example = "Write choice(a, b), range(start, stop, step), interval(low, high), tag(log, interval(low, high)) or int(interval(low, high))."
    try:
        value = OverridesParser.create().parse_override(f"key={text}").value()
    except HydraException as error:
        raise ConfigError(f"space.params.{key}: cannot read '{text}'. {example}") from error
    match value:
        case ChoiceSweep(list=values):
            return Choice(tuple(_element(item) for item in values))
        case RangeSweep(start=start, stop=stop, step=step):
            return Range(cast(float, start), cast(float, stop), step)
        case IntervalSweep(start=low, end=high, tags=tags):
            integer = "int" in tags or isinstance(low, int)
            return Interval(cast(float, low), cast(float, high), log="log" in tags, integer=integer)
        case _:
            raise ConfigError(f"space.params.{key}: '{text}' is one value, not a domain. {example}")


def parse_condition(key: str, text: Any) -> Condition | None:
    """A condition such as `optimizer=sgd` or `optimizer=choice(sgd, rmsprop)`."""
    if text is None:
        return None
    other, sign, value = str(text).partition("=")
    if not sign:
        raise ConfigError(f"space.when.{key}: cannot read '{text}'. Write key=value or key=choice(value, value).")
    parsed = OverridesParser.create().parse_override(f"key={value}").value()
    values = parsed.list if isinstance(parsed, ChoiceSweep) else [parsed]
    return Condition(other.strip(), tuple(_element(item) for item in values))


def _element(item: Any) -> Any:
    if isinstance(item, QuotedString):
        return item.text
    if isinstance(item, list):
        return [_element(inner) for inner in item]
    return {str(_element(k)): _element(v) for k, v in item.items()} if isinstance(item, dict) else item


# --- a trial's configuration -------------------------------------------------------------------------------------


class Configurator:
    """Turns the values of a trial into the resolved configuration of one training.

    Compositions are cached per combination of groups, so a trial costs a copy, not a composition.
    """

    def __init__(self, root: str, overrides: Sequence[str]) -> None:
        """Start from a root and the overrides that hold for every trial."""
        self._root = root
        self._overrides = tuple(overrides)
        self._cached = cache(self._compose)

    def __call__(self, values: Mapping[str, Any]) -> Config:
        """The resolved configuration (the keys of `schema.TRAINING_KEYS`) with the trial's values set."""
        groups = tuple((key, value) for key, value in values.items() if is_group(key))
        composed = self._cached(groups).copy()
        for key, value in values.items():
            if not is_group(key):
                OmegaConf.update(composed, key, value)
        return plain(composed)

    def _compose(self, groups: tuple[tuple[str, Any], ...]) -> DictConfig:
        composed = compose_root(self._root, [*self._overrides, *(f"{key}={value}" for key, value in groups)])
        kept = (*schema.TRAINING_KEYS, "paths")
        return cast(DictConfig, OmegaConf.masked_copy(composed, list(kept)))


def check_space(space: Space, configure: Configurator) -> None:
    """Check every key and value of a space against the composed configuration.

    Raises:
        ConfigError: For a key that does not exist (under some choice of groups), or a value of the wrong kind.
    """
    groups = [parameter for parameter in space if is_group(parameter.key)]
    for parameter in groups:
        _check_group(parameter)
    for combination in itertools.product(*(extremes(parameter) for parameter in groups)):
        chosen = dict(zip((parameter.key for parameter in groups), combination, strict=True))
        known = flatten(configure(chosen))
        for parameter in space:
            if not is_group(parameter.key) and _may_exist(parameter, chosen):
                _check_key(parameter, known, chosen)


def _may_exist(parameter: Parameter, groups: Mapping[str, Any]) -> bool:
    condition = parameter.when
    return condition is None or condition.key not in groups or condition.holds(groups)


def _check_group(parameter: Parameter) -> None:
    options = [path.stem for path in (CONF / parameter.key).glob("*.yaml")]
    for value in extremes(parameter):
        if value not in options:
            raise ConfigError(f"space.params.{parameter.key}: '{value}' is no file of conf/{parameter.key}/. {nearest(str(value), options)}")


def _check_key(parameter: Parameter, known: Mapping[str, Any], groups: Mapping[str, Any]) -> None:
    if parameter.key not in known:
        where = " when " + ", ".join(f"{key}={value}" for key, value in groups.items()) if groups else ""
        hint = f" Or make it conditional: space.when.{parameter.key}=<group>=<choice>." if groups else ""
        raise ConfigError(f"space.params.{parameter.key}: no such key{where}. {nearest(parameter.key, known)}{hint}")
    for value in extremes(parameter):
        if isinstance(value, float) and isinstance(known[parameter.key], int) and isinstance(parameter.domain, Interval):
            raise ConfigError(f"space.params.{parameter.key}: whole numbers only. Write int(interval(...)) or range(...).")
        check_kind(f"space.params.{parameter.key}", known[parameter.key], value)


# --- a command's request -----------------------------------------------------------------------------------------


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


def request(root: str, config: DictConfig) -> Request:
    """Check the composed root of the running Hydra application and hand it on.

    Raises:
        ConfigError: For keys and values that cannot be.
    """
    hydra = HydraConfig.get()
    return _checked(root, list(hydra.overrides.task), config, dict(hydra.runtime.choices))


def compose_request(root: str, overrides: Sequence[str]) -> Request:
    """Compose a root outside of a Hydra application, check it, and hand it on."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(root, list(overrides), return_hydra_config=True)
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return _checked(root, list(overrides), config, choices)


def _checked(root: str, overrides: list[str], config: DictConfig, choices: dict[str, str]) -> Request:
    values = plain(config)
    check_values(root, overrides, values)
    objective, metric = choices.get("objective"), choices.get("metric")
    if objective != metric:
        raise ConfigError(f"metric={metric} is not what objective={objective} names. Choose them together: objective={metric}.")
    return Request(root, overrides, OmegaConf.to_object(config), values, choices)


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
        DataError: If a file is missing.
    """
    from safetensors.torch import load_file

    from eksplora.model._scaled import Scaled

    path, weights = Path(folder) / "config.yaml", Path(folder) / f"member-{member}.safetensors"
    for file in (path, weights):
        if not file.exists():
            raise DataError(f"{file} is missing. Give a folder that holds config.yaml and member-{member}.safetensors.")
    tensors = load_file(weights)
    network = part(plain(cast(DictConfig, OmegaConf.load(path))), "model")
    model = Scaled(network=network, shift=tensors["shift"], scale=tensors["scale"])
    model.load_state_dict(tensors)
    return model.eval()


def known_keys() -> set[str]:
    """Every dotted key that some file in `conf/` states, for hints at misspelt ones."""
    keys: set[str] = set()
    for path in CONF.rglob("*.yaml"):
        group = path.parent.relative_to(CONF).as_posix()
        prefix = "" if group in (".", "experiment", "command") else f"{group}."
        values = OmegaConf.to_container(OmegaConf.load(path)) or {}
        keys |= {f"{prefix}{key}" for key in flatten(cast(Config, values)) if not key.startswith(("defaults", "_"))}
    return keys | {folder.name for folder in CONF.iterdir() if folder.is_dir()}
