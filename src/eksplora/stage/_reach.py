"""Which source files a command can reach: those it imports, at the head of a file or inside a function, and so on.

A name of ours in a string (`eksplora.work.job:run`) is reached too: so workers get their function, and MLflow its
loader.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

NAME = re.compile(r"eksplora(\.\w+)+(:\w+)?")


def reach(files: Iterable[Path], package: Path) -> set[Path]:
    """The files that these can reach, themselves included.

    Args:
        files: Python files.
        package: The folder of the package, `src/eksplora`.
    """
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += [target for name in names_in(file) for target in files_of(name, package)]
    return found


@cache
def names_in(file: Path) -> frozenset[str]:
    """The dotted names of ours that a file imports or has as a string; `from a import b` gives `a.b`."""
    return frozenset(_names(ast.parse(file.read_text(encoding="utf-8"))))


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
            yield node.value.partition(":")[0]


def files_of(name: str, package: Path) -> list[Path]:
    """The files that importing a name runs: its module, and the packages around it.

    Examples:
        >>> package = Path(__file__).parents[1]
        >>> [file.relative_to(package).as_posix() for file in files_of("eksplora.model.mlp.MLP", package)]
        ['__init__.py', 'model/__init__.py', 'model/mlp.py']
    """
    first, *parts = name.split(".")
    if first != package.name:
        return []
    found, folder = [package / "__init__.py"], package
    for part in parts:
        if (folder / f"{part}.py").is_file():
            return [*found, folder / f"{part}.py"]
        folder = folder / part
        if not (folder / "__init__.py").is_file():
            break
        found.append(folder / "__init__.py")
    return found
