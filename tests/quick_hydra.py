"""Hydra's compositions, at half their price: what it does again and again with the same result, it does once.

A composition costs 0.2 s of CPU, the first of a process 0.45 s, and the tests make thousands. Kept are Hydra's own
files, what texts are parsed to, and the last compositions: the same words give a copy while no file of `conf/` changes.
"""

import copy
import os
import pickle
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import takewhile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

MOST_KEPT = 500
"""Compositions that are kept: about 30 kB each."""


@cache
def quicken() -> None:
    """Have Hydra do once in this process, and in those forked from it, what it does for every file of a composition."""
    from hydra import version
    from hydra._internal import defaults_list
    from hydra._internal.config_repository import ConfigRepository
    from hydra.core.config_store import ConfigStore
    from hydra.core.object_type import ObjectType
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.plugins import Plugins
    from omegaconf import _utils, base

    Plugins.instance()  # they register the kinds of files
    known_choices, parse = defaults_list._create_interpolation_map, OverridesParser.parse_rule
    parsed: dict[tuple[str, str], Any] = {}
    load, load_node = ConfigRepository.load_config, ConfigStore.load
    loaded = OrderedDict[object, bytes]()
    read, references = base.parse, dict[str, Any]()

    def choices_if_asked(overrides: Any, entries: Any, self_added: bool) -> Any:
        is_asked = any(entry.is_interpolation() for entry in entries if not entry.is_self())
        return known_choices(overrides, entries, self_added) if is_asked else None

    def load_once(repository: Any, config_path: str) -> Any:
        source = repository._find_object_source(config_path=config_path, object_type=ObjectType.CONFIG)
        path = file_of(source, config_path)
        if path is None:
            return load(repository, config_path)
        return kept_copy(loaded, (source.path, config_path, path), lambda: load(repository, config_path))

    def load_node_once(store: Any, config_path: str) -> Any:
        node = store._load(config_path)
        pickled = vars(node).setdefault("pickled", OrderedDict())  # it goes when the node does
        return kept_copy(pickled, None, lambda: load_node(store, config_path))

    def parse_once(parser: Any, text: str, rule: str) -> Any:
        if (text, rule) not in parsed:
            parsed[text, rule] = parse(parser, text, rule)
        return copy.copy(parsed[text, rule])

    def read_once(text: str) -> Any:
        if text not in references:
            references[text] = read(text)
        return references[text]  # a tree that is looked at only

    for module in (base, _utils):
        module.parse = read_once  # type: ignore[attr-defined]
    defaults_list._create_interpolation_map = choices_if_asked
    OverridesParser.parse_rule = parse_once  # type: ignore[method-assign]
    ConfigRepository.__deepcopy__ = lambda repository, memo: copy.copy(repository)  # type: ignore[attr-defined]
    ConfigRepository.load_config = load_once  # type: ignore[method-assign]
    ConfigStore.load = load_node_once  # type: ignore[method-assign]
    version._get_version = cache(version._get_version)
    keep_compositions()


def kept_copy(kept: OrderedDict[Any, bytes], key: object, make: Callable[[], Any]) -> Any:
    """What `make` makes, a new one each time: copied by pickle, in a sixth of the time of a deep copy."""
    if key in kept:
        return pickle.loads(kept[key])
    made = make()
    with suppress(Exception):  # a class that a test defines in a function has no name to be found by
        kept[key] = pickle.dumps(made, pickle.HIGHEST_PROTOCOL)
    if len(kept) > MOST_KEPT:
        kept.popitem(last=False)
    return made


def file_of(source: Any, config_path: str) -> object:
    """The state of a file of configurations; None: no file."""
    if source is None or source.scheme() not in ("pkg", "file"):
        return None
    if source.scheme() == "pkg":
        return "as installed"  # one of Hydra's own
    status = Path(source.path.removeprefix("file://"), source._normalize_file_name(config_path)).stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def keep_compositions() -> None:
    """Have Hydra answer the same words with a copy, as long as the files that it composes from are the same.

    Words that choose the same files and give other values begin with a copy of what these files are composed to.
    """
    from hydra._internal import config_loader_impl
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.defaults_list import Overrides
    from hydra.core.config_store import ConfigStore

    compose, compose_files = ConfigLoaderImpl.load_configuration, ConfigLoaderImpl._compose_config_from_defaults_list
    list_files = config_loader_impl.create_defaults_list
    kept, of_files = OrderedDict[object, bytes](), OrderedDict[object, bytes]()
    lists: dict[object, Any] = {}
    states: dict[object, object] = {}
    now: list[object] = []  # the states of the files of the composition that is being made

    def compose_once(loader: Any, config_name: str | None, overrides: list[str], *given: Any, **more: Any) -> Any:
        stored = ConfigStore.instance().repo.get("experiment", {})  # tables of a user's own
        if any(f"{text.partition('=')[2]}.yaml" in stored or "hydra.searchpath" in text for text in overrides):
            return compose(loader, config_name, overrides, *given, **more)
        folders = [str(element.path) for element in loader.config_search_path.get_path()]
        files = tuple((place, states.setdefault(found, found)) for place in folders for found in [state(place)])
        now.append(files)
        try:
            key = (config_name, tuple(overrides), given, tuple(more.items()), files)
            found = kept_copy(kept, key, lambda: compose(loader, config_name, overrides, *given, **more))
        finally:
            now.pop()
        found.hydra.runtime.cwd = os.getcwd()  # noqa: PTH109  # as Hydra says it
        return found

    def list_files_once(repo: Any, config_name: str | None, overrides_list: list[Any], **more: Any) -> Any:
        if not now:
            return list_files(repo=repo, config_name=config_name, overrides_list=overrides_list, **more)
        choices = tuple(one.input_line for one in overrides_list if repo.group_exists(one.key_or_group))
        key = (config_name, choices, tuple(more.items()), now[-1])
        if key not in lists:
            lists[key] = list_files(repo=repo, config_name=config_name, overrides_list=overrides_list, **more)
        return replace(lists[key], config_overrides=Overrides(repo, overrides_list).config_overrides)

    def compose_files_once(loader: Any, defaults: list[Any], repo: Any) -> Any:
        if not now:
            return compose_files(loader, defaults=defaults, repo=repo)
        key = (tuple(map(repr, defaults)), now[-1])
        return kept_copy(of_files, key, lambda: compose_on_hydras(loader, defaults, repo))

    def compose_on_hydras(loader: Any, defaults: list[Any], repo: Any) -> Any:
        hydras = list(takewhile(lambda one: str(one.config_path).startswith("hydra/"), defaults))
        key = tuple(map(repr, hydras))
        if any(source.scheme() == "file" and source.is_group("hydra") for source in repo.get_sources()):
            key = (*key, now[-1])
        begun = kept_copy(of_files, key, lambda: compose_files(loader, defaults=hydras, repo=repo))
        return compose_files(Begun(loader, begun), defaults=[None, *defaults[len(hydras) :]], repo=repo)

    ConfigLoaderImpl.load_configuration = compose_once  # type: ignore[method-assign]
    ConfigLoaderImpl._compose_config_from_defaults_list = compose_files_once  # type: ignore[method-assign]
    config_loader_impl.create_defaults_list = list_files_once


class Begun:
    """A loader of files that merges them with what is composed already, which stands in place of the first: None."""

    def __init__(self, loader: Any, config: Any) -> None:
        self._loader, self._config = loader, config

    def _load_single_config(self, default: Any, repo: Any) -> Any:
        if default is None:
            return SimpleNamespace(config=self._config)
        return self._loader._load_single_config(default=default, repo=repo)


def state(place: str) -> frozenset[tuple[str, int, int, int]]:
    """The files below a folder of configurations, with what changes when one of them is written."""
    folder = Path(place.removeprefix("file://"))
    if "://" in str(folder) or not folder.is_dir():
        return frozenset()
    found = set()
    for inside, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(inside, name)  # noqa: PTH118  # hundreds of files, each time
            with suppress(OSError):  # a link to nothing
                status = os.stat(path)  # noqa: PTH116
                found.add((path, status.st_mtime_ns, status.st_size, status.st_ino))
    return frozenset(found)


def warm_up() -> None:
    """Do what the first composition of a process does besides: import the parsers and read their tables."""
    from hydra import compose, initialize_config_dir

    quicken()
    with tempfile.TemporaryDirectory() as folder, initialize_config_dir(folder, version_base="1.3"):
        compose(None, ["+a.b=[1,x]", "+c=${a.b}"], return_hydra_config=True)
