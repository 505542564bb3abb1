"""Hydra's compositions, at half their price: what it does again and again with the same result, it does once.

A composition costs 0.2 s of CPU, the first of a process 0.45 s, and the tests make thousands. Kept are Hydra's own
files, what texts are parsed to, and the last compositions: the same words give a copy while no file of `conf/` changes.
"""

import copy
import os
import tempfile
from collections import OrderedDict
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

MOST_KEPT = 32
"""Compositions that are kept: a test asks for the same again soon, or not at all."""


@cache
def quicken() -> None:
    """Have Hydra do once in this process, and in those forked from it, what it does for every file of a composition."""
    from hydra._internal import defaults_list
    from hydra._internal.config_repository import ConfigRepository
    from hydra._internal.sources_registry import SourcesRegistry
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.plugins import Plugins
    from omegaconf import _utils, base

    Plugins.instance()  # they register the kinds of files
    known_choices, parse = defaults_list._create_interpolation_map, OverridesParser.parse_rule
    parsed: dict[tuple[str, str], Any] = {}
    own_files: Any = SourcesRegistry.instance().types["pkg"]
    load = own_files.load_config
    loaded: dict[str, Any] = {}
    read, references = base.parse, dict[str, Any]()

    def choices_if_asked(overrides: Any, entries: Any, self_added: bool) -> Any:
        is_asked = any(entry.is_interpolation() for entry in entries if not entry.is_self())
        return known_choices(overrides, entries, self_added) if is_asked else None

    def load_once(source: Any, config_path: str) -> Any:
        if config_path not in loaded:
            loaded[config_path] = load(source, config_path)
        return copy.deepcopy(loaded[config_path])

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
    own_files.load_config = load_once
    keep_compositions()


def keep_compositions() -> None:
    """Have Hydra answer the same words with a copy, as long as the files that it composes from are the same."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.core.config_store import ConfigStore

    compose = ConfigLoaderImpl.load_configuration
    kept: OrderedDict[object, Any] = OrderedDict()

    def compose_once(loader: Any, config_name: str | None, overrides: list[str], *given: Any, **more: Any) -> Any:
        stored = ConfigStore.instance().repo.get("experiment", {})  # tables of a user's own
        if any(f"{text.partition('=')[2]}.yaml" in stored for text in overrides):
            return compose(loader, config_name, overrides, *given, **more)
        folders = [str(element.path) for element in loader.config_search_path.get_path()]
        key = (
            config_name,
            tuple(overrides),
            given,
            tuple(more.items()),
            tuple((place, state(place)) for place in folders),
        )
        if key not in kept:
            kept[key] = compose(loader, config_name, overrides, *given, **more)
            if len(kept) > MOST_KEPT:
                kept.popitem(last=False)
        kept.move_to_end(key)
        found = copy.deepcopy(kept[key])
        found.hydra.runtime.cwd = os.getcwd()  # noqa: PTH109  # as Hydra says it
        return found

    ConfigLoaderImpl.load_configuration = compose_once  # type: ignore[method-assign]


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
