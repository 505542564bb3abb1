"""Facts that parts state about themselves (`eksplora.declares`), read from their sources without an import."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eksplora.config import folders
from eksplora.config.located import located
from eksplora.errors import ConfigError

OURS_AND_TORCHS = ("eksplora.", "torch.", "torchmetrics.")


@cache
def declared(target: str, fact: str, usual: Any = None) -> Any:
    """A fact that a part states about itself.

    A class states it in its own body, or inherits it; a function by the decorator `declares`, or as an attribute. Where
    the source does not show it, a module of a user's own is imported, which only a part that was chosen needs.

    Args:
        target: The part's dotted name.
        fact: The fact's name.
        usual: Holds where it says nothing, or cannot be found: building it says why.
    """
    folders.import_own_parts()
    for name, value in _stated(target):
        if name == fact:
            return value
    if target.startswith(OURS_AND_TORCHS):
        return usual
    try:
        return getattr(located("", target), fact, usual)
    except ConfigError:
        return usual


def as_words(given: str | Iterable[str]) -> tuple[str, ...]:
    """Names that may be given as a single one."""
    return (given,) if isinstance(given, str) else tuple(given)


def _stated(target: str) -> Iterator[tuple[str, Any]]:
    """The facts in the source of a class or function, as far as they are plain values."""
    module, _, name = target.rpartition(".")
    file = _file_of(module)
    for node in [] if file is None else _body(file):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            yield from _plain(_assigned(node) if isinstance(node, ast.ClassDef) else ())
            yield from _plain(_decorated(node))


def _file_of(module: str) -> Path | None:
    """The file of a module by its dotted name, found without importing it or the packages around it."""
    top, *inside = module.split(".")
    try:
        spec = find_spec(top) if top.isidentifier() else None
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return Path(spec.origin) if spec is not None and spec.origin and not inside else None
    place = Path(next(iter(spec.submodule_search_locations))).joinpath(*inside)
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


@cache
def _body(file: Path) -> list[ast.stmt]:
    try:
        return ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):  # building the part says so
        return []


def _assigned(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for line in node.body:
        targets = (
            line.targets if isinstance(line, ast.Assign) else [line.target] if isinstance(line, ast.AnnAssign) else []
        )
        value = getattr(line, "value", None)
        yield from ((one.id, value) for one in targets if isinstance(one, ast.Name) and value is not None)


def _decorated(node: ast.ClassDef | ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    for call in node.decorator_list:
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) == "declares":
            yield from ((one.arg, one.value) for one in call.keywords if one.arg)


def _plain(found: Iterator[tuple[str, ast.expr]] | tuple[()]) -> Iterator[tuple[str, Any]]:
    for name, value in found:
        try:
            yield name, ast.literal_eval(value)
        except ValueError:  # computed: only the imported part knows it
            continue
