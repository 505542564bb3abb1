"""Data of one's own, as words name them, and the experiment that follows from them.

An experiment is a file of `conf/experiment/`. That of a table or of a folder of images is none: it is made from what
the data are when they are named, under a name that changes with them, and kept in memory. What is typed, and what an
experiment's own file states, counts before it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from eksplora.config import files as source
from eksplora.config import folders, schema
from eksplora.config.composition import choices, compose_root, flatten, is_group, parse_override, plain, stated_files
from eksplora.config.derived import Derived, experiment_name, of_images, of_table
from eksplora.config.parts import allowed_targets, part
from eksplora.errors import WORDS_OF
from eksplora.types import Config

OF_NUMBERS = {"counts": "regression", "quantiles": "regression"}
"""Tasks of numbers, and how their targets are read."""

IN_PLACE = {"output": "${paths.results}/${experiment}", "study": {"versioned": True}}
"""Values that an experiment on data of one's own states besides: its stages find each other by its name."""


@dataclass(frozen=True)
class OwnData:
    """Data of one's own with what follows from them.

    Attributes:
        overrides: What to compose with: the experiment, and what was typed.
        source: The file or folder.
        card: What was found in it.
        derived: What follows from it and was not stated otherwise.
    """

    overrides: list[str]
    source: str
    card: Any
    derived: list[Derived]


def own_data(root: str, typed: Sequence[str]) -> OwnData | None:
    """The data that words name with what follows from them; None where they are not data of one's own.

    Args:
        root: The root that is composed.
        typed: The overrides that were typed.

    Raises:
        UserError: If the data cannot be read, or are not fully named.
    """
    roots = {field.name for field in fields(schema.ROOTS[root])}
    asked = _Asked.of(typed)
    if "data" not in roots or "file" in roots or asked.kind is None or asked.kind not in KINDS:
        return None
    own = [f"experiment={asked.file}"] if asked.file and "experiment" in roots else []
    data = plain(compose_root(root, [*own, f"data={asked.kind}", *asked.of_data]))["data"]
    task = asked.choice("task")
    read_as = [] if task is None else [Derived("data.task", OF_NUMBERS.get(task, task))]
    card = _card(data | {one.key.removeprefix("data."): one.value for one in read_as})
    follows = [*read_as, *KINDS[asked.kind](card)]
    model = asked.choice("model") or next(one.value for one in follows if one.key == "model")
    follows += [*_codes_of(card, model), Derived("space", _space_of(model))]
    derived = [one for one in follows if one.key not in asked.words and one.key not in asked.stated]
    if "experiment" not in roots:
        values = [f"{one.key}={json.dumps(one.value)}" for one in derived if one.key.startswith("data.")]
        return OwnData([f"data={asked.kind}", *values, *asked.rest], data["path"], card, derived)
    name = asked.name or experiment_name(card.name, [target.name for target in card.targets], card.fingerprint)
    if asked.file:
        name = f"{asked.file}-{card.fingerprint[:6]}"
    _keep(name, asked.kind, derived, asked.file)
    WORDS_OF[name] = list(typed)
    return OwnData([f"experiment={name}", *asked.rest], data["path"], card, derived)


@dataclass(frozen=True)
class _Asked:
    """Typed words, and what an experiment's file among them states.

    Attributes:
        words: The words, each by its key.
        rest: Those that choose neither data nor an experiment.
        file: The experiment's file; None: none was chosen.
        stated: Choices and values of that file.
    """

    words: Mapping[str, str]
    rest: Sequence[str]
    file: str | None
    stated: Mapping[str, Any]

    @classmethod
    def of(cls, typed: Sequence[str]) -> "_Asked":
        """The words of a command."""
        keys = [parse_override(text).key_or_group for text in typed]
        words = dict(zip(keys, typed, strict=True))
        rest = [text for key, text in zip(keys, typed, strict=True) if key not in ("experiment", "data")]
        given = cls(words, rest, None, {}).name
        file = given if given in choices("experiment") else None
        return cls(words, rest, file, _stated_by(file) if file else {})

    @property
    def name(self) -> str | None:
        """The experiment that was typed: that of a file, or a name for one that has none."""
        return str(parse_override(self.words["experiment"]).value()) if "experiment" in self.words else None

    @property
    def kind(self) -> str | None:
        """The choice of the data; where only a path is given, it says what they are."""
        chosen = self.choice("data")
        return _kind_of(self.words["data.path"]) if chosen is None and "data.path" in self.words else chosen

    @property
    def of_data(self) -> list[str]:
        """The words by which data are read."""
        return [text for text in self.rest if text.lstrip("+~").startswith(("data.", "paths."))]

    def choice(self, group: str) -> str | None:
        """The choice of a group that was typed, or that the file makes."""
        typed = str(parse_override(self.words[group]).value()) if group in self.words else None
        return self.stated.get(group) if typed is None else typed


def _kind_of(word: str) -> str:
    from eksplora.images.list_file import is_list  # which brings what reads images

    path = Path(str(parse_override(word).value()))
    return "images" if path.is_dir() or is_list(path) else "table"


def _codes_of(card: Any, model: str) -> list[Derived]:
    """The columns of codes of a table, for a network that takes them."""
    codes = [list(pair) for pair in getattr(card, "codes", ())]
    return [Derived("model.cardinalities", codes)] if codes and "cardinalities" in _keys_of(model) else []


def _space_of(model: str) -> str:
    """The space of a network: sizes of its layers are searched where it has such."""
    keys = _keys_of(model)
    if {"filters", "hidden_units"} <= keys:
        return "images"
    return "table" if "widths" in keys else "training"


def _keys_of(model: str) -> set[str]:
    """Keys of a network's file, and of those that it takes over."""
    stated = stated_files("model").get(model, {})
    taken = [name for name in stated.get("defaults", []) if isinstance(name, str) and name != "_self_"]
    return set(stated).union(*map(_keys_of, taken))


def _stated_by(experiment: str) -> dict[str, Any]:
    """Choices and values that an experiment's file states, and those that it takes over."""
    values, _ = source.read_file(folders.find(f"experiment/{experiment}.yaml"))
    found: dict[str, Any] = {}
    for entry in values.get("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            found |= _stated_by(entry)
    for entry in values.get("defaults", []):
        if isinstance(entry, dict):
            ((key, choice),) = entry.items()
            found[key.removeprefix("override ").lstrip("/")] = choice
    return found | flatten({key: value for key, value in values.items() if key != "defaults"})


def _keep(name: str, kind: str, derived: Sequence[Derived], file: str | None) -> None:
    """Let an experiment be chosen by its name, as if it were a file.

    Args:
        name: Its name.
        kind: The file of `conf/data/`.
        derived: What it chooses and states.
        file: An experiment's file that counts before it; None: there is none.
    """
    node: dict[str, Any] = OmegaConf.to_container(OmegaConf.create(IN_PLACE))  # type: ignore[assignment]
    node["experiment"] = name
    for one in derived:
        if not is_group(one.key):
            _put(node, one.key, one.value)
    chosen = {"data": kind} | {one.key: one.value for one in derived if is_group(one.key)}
    overrides = [{f"override /{group}": choice} for group, choice in chosen.items()]
    node["defaults"] = ["_self_", *([file] if file else []), *overrides]
    ConfigStore.instance().store(group="experiment", name=name, node=OmegaConf.create(node), package="_global_")


def _put(node: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for name in path:
        node = node.setdefault(name, {})
    node[last] = value


# --- what the data are ------------------------------------------------------------------------------------------------

KINDS: Mapping[str, Callable[[Any], list[Derived]]] = {"table": of_table, "images": of_images}
"""Files of `conf/data/` whose data are one's own, and what follows from the card of each."""


def _card(data: Config) -> Any:
    """The card of the data that a node `data` names."""
    if data.get("_target_") in allowed_targets("data", "images"):
        return part({"data": data}, "data").examine()  # which knows by itself whether one of its files has changed
    path = Path(data.get("path") or "")
    status = path.stat() if path.exists() else None  # if it is not there, reading says so
    return _examined(json.dumps(data), status and (status.st_mtime_ns, status.st_size, status.st_ino))


@lru_cache(maxsize=8)
def _examined(data: str, state: tuple[int, ...] | None) -> Any:
    """The card of data in a state; a command composes several times."""
    return part({"data": json.loads(data)}, "data").examine()
