"""Source files that a training is made with, and their hashes."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from eksplora.counter import fingerprint
from eksplora.provenance._git import UNKNOWN


def code_sha256(package: Path, names: Iterable[str]) -> str:
    """A hash over paths and bytes of the files of a package that the named objects can reach.

    Args:
        package: The folder of the package, `src/eksplora`.
        names: Dotted names of its modules, functions and classes; names of other packages are passed over.
    """
    files = sorted(reach(package, names))
    return fingerprint({file.relative_to(package).as_posix(): file_sha256(file) for file in files})


def reach(package: Path, names: Iterable[str]) -> set[Path]:
    """The files that names can reach: where they are defined, what these files import, and so on.

    A package's own `__init__.py` hands names on: it is reached, and of what it imports only the names that are asked
    for. So what a configuration does not use does not count, though Python imports it on the way.
    """
    found: set[Path] = set()
    followed: set[Path] = set()  # an `__init__.py` that was only on the way may define what is asked for later
    waiting = list(names)
    known = set(waiting)
    while waiting:
        files, defined_in = _located(package, waiting.pop())
        further = [name for file in defined_in - followed for name in _imports(file)]
        followed |= defined_in
        found |= files | defined_in
        waiting += [name for name in further if name not in known]
        known |= set(further)
    return found


def _located(package: Path, name: str) -> tuple[set[Path], set[Path]]:
    """The `__init__.py` files on the way to a name, and the files that define it; none of another package."""
    first, *words = name.split(".")
    on_the_way, folder = {package / "__init__.py"}, package
    if first != package.name or not all(map(str.isidentifier, words)):  # a record may name anything
        return set(), set()
    for word in words:
        if (folder / f"{word}.py").is_file():
            return on_the_way, {folder / f"{word}.py"}
        if not (folder / word / "__init__.py").is_file():
            break
        folder = folder / word
        on_the_way.add(folder / "__init__.py")
    else:
        return on_the_way, set()
    handed_on = _handed_on(folder / "__init__.py").get(word)
    if handed_on is None:
        return on_the_way, {folder / "__init__.py"}
    files, defined_in = _located(package, handed_on)
    return on_the_way | files, defined_in


@cache
def _imports(file: Path) -> tuple[str, ...]:
    """The dotted names that a file imports, at its head or inside a function; `from a import b` gives `a.b`."""
    return tuple(_names_of(ast.parse(file.read_bytes())))


def _names_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def _handed_on(file: Path) -> dict[str, str]:
    """The names that an `__init__.py` imports, by the names that it gives them."""
    nodes = [node for node in ast.parse(file.read_bytes()).body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in nodes for alias in node.names}


def file_sha256(file: Path) -> str:
    """The sha256 of a file, "unknown" where there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else UNKNOWN
