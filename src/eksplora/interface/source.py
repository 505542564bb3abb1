"""The source of a class that a script or notebook defines, with what it refers to, as a module of its own."""

import ast
import builtins
import inspect
import linecache
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from eksplora.errors import ConfigError

PLAIN = (bool, int, float, complex, str, bytes, type(None))
"""Kinds of values that are written down as they are."""


def source_of(wanted: type) -> str:
    """A module that defines a class as the running script or notebook does.

    It has the class, the classes and functions of the same session that it refers to, imports of what comes from
    modules, and plain values. Nothing else of the session is run.

    Args:
        wanted: The class; defined at the top level of `__main__`.

    Raises:
        ConfigError: If its source is not to be had, or it refers to something that only lives in this session.
    """
    known: dict[str, list[str]] = {"imports": [], "values": [], "definitions": []}
    _add(wanted, wanted.__name__, vars(inspect.getmodule(wanted) or builtins), known, set())
    head = f'"""{wanted.__name__}, as the session defined it that searched with it; written by eksplora."""'
    parts = [head, "\n".join(dict.fromkeys(known["imports"])), "\n".join(known["values"]), *known["definitions"]]
    return "\n\n\n".join(filter(None, parts)) + "\n"


def _add(item: Any, name: str, session: dict[str, Any], known: dict[str, list[str]], seen: set[str]) -> None:
    """Add what a name stands for, after all that it refers to itself."""
    seen.add(name)
    node, text = _definition(item, name)
    for other in _names(node):
        if other not in seen and other in session:
            _add_name(other, session[other], session, known, seen, of=name)
    known["definitions"].append(text)


def _add_name(
    name: str, value: Any, session: dict[str, Any], known: dict[str, list[str]], seen: set[str], *, of: str
) -> None:
    if isinstance(value, ModuleType):
        known["imports"].append(f"import {value.__name__}" + (f" as {name}" if value.__name__ != name else ""))
    elif isinstance(value, type | FunctionType) and value.__module__ == "__main__":
        _add(value, name, session, known, seen)
    elif isinstance(getattr(value, "__module__", None), str) and hasattr(value, "__qualname__"):
        known["imports"].append(f"from {value.__module__} import {value.__qualname__} as {name}")
    elif _is_plain(value):
        known["values"].append(f"{name} = {value!r}")
    else:
        raise ConfigError(
            f"network: {of} uses '{name}', {_with_article(type(value).__name__)} of this session, which workers do not "
            "have. Make it a parameter, or put the class in a module."
        )
    seen.add(name)


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(one) for pair in value.items() for one in pair)
    return isinstance(value, PLAIN)


def _definition(item: Any, name: str) -> tuple[ast.AST, str]:
    """The statement that defines a class or function, and its text.

    Raises:
        ConfigError: If no source is known.
    """
    for file in _files(item):
        text = "".join(linecache.getlines(file))
        try:
            nodes = ast.parse(text).body
        except SyntaxError:  # a cell with commands of the notebook
            nodes = ast.parse(_without_magic(text)).body
        kinds = (ast.ClassDef, ast.FunctionDef)
        found = [node for node in nodes if isinstance(node, kinds) and node.name == item.__name__]
        if found:
            return found[-1], _segment(text, found[-1])
    raise ConfigError(f"network: the source of {name} is not known here. Put it in a module, and import it from there.")


def _segment(text: str, node: ast.ClassDef | ast.FunctionDef) -> str:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _files(item: Any) -> Iterator[str]:
    """The files, or cells, that the code of a function or of a class's methods is from."""
    codes = [getattr(one, "__code__", None) for one in (item, *(vars(item).values() if isinstance(item, type) else ()))]
    yield from dict.fromkeys(code.co_filename for code in codes if code is not None)


def _without_magic(text: str) -> str:
    lines = text.splitlines()
    return "\n".join("pass" if line.startswith(("%", "!")) else line for line in lines)


def _names(node: ast.AST) -> list[str]:
    """Names that a definition reads, in their order; names that it binds itself may be among them."""
    found = [inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    return list(dict.fromkeys(name for name in found if name not in vars(builtins)))
