"""Which source files a training is made with, and their hashes."""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
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


KNOWN_BY_VERSION = ("eksplora", "torch", "pytorch_lightning", "torchmetrics", "sklearn", "optuna")
"""Top-level modules whose code is recorded by a hash or a version of its own."""


INSTALLED = {"site-packages", "dist-packages"}
"""Folders of packages that a package manager installed."""


def outside_code(targets: Iterable[str], *, outside_of: Path | None = None) -> dict[str, str]:
    """Hashes of code that is neither ours nor of a library that is recorded by its version.

    Args:
        targets: Dotted names of parts.
        outside_of: A folder whose modules are left out.

    Returns:
        `code.<top-level module>.sha256`, over paths and bytes of all Python files of the module or package, and so for
        what these import, of what no package manager installed; no module is imported for it.
    """
    modules: dict[str, dict[str, Path]] = {}
    waiting = {target.partition(".")[0] for target in targets}
    while waiting := waiting - set(modules) - set(KNOWN_BY_VERSION):
        modules |= {top: _sources(top) for top in waiting}
        waiting = {name for top in waiting for name in _imported(modules[top].values()) if not _is_installed(name)}
    inside = {
        top for top, files in modules.items() for file in files.values() if outside_of and _is_own(file, outside_of)
    }
    return {
        f"code.{top}.sha256": fingerprint({name: file_sha256(file) for name, file in files.items()})
        if files
        else UNKNOWN
        for top, files in sorted(modules.items())
        if top not in inside
    }


def _imported(files: Iterable[Path]) -> set[str]:
    """The top-level modules that files import, at their head or inside a function; none of an installed package's."""
    found = set()
    for file in files:
        try:
            tree = ast.parse(file.read_bytes()) if not INSTALLED & set(file.parts) else ast.Module([], [])
        except (SyntaxError, ValueError):  # a template or a file for another Python: nothing imports it here
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def _is_installed(top: str) -> bool:
    """Whether a module is Python's own, or of a package that was installed: no person edits it between two commands."""
    spec = None if top in sys.stdlib_module_names else _spec(top)
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else []
    return not places or any(INSTALLED & set(Path(place).parts) for place in places)


def _sources(top: str) -> dict[str, Path]:
    """The Python files of a top-level module or package, by their paths in it; none where it is not found."""
    spec = _spec(top)
    if spec is None:
        return {}
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    files = {file.relative_to(folder).as_posix(): file for folder in folders for file in folder.rglob("*.py")}
    if not folders and spec.origin is not None and Path(spec.origin).is_file():
        files = {Path(spec.origin).name: Path(spec.origin)}
    return files


def _spec(top: str) -> ModuleSpec | None:
    try:
        return find_spec(top)
    except (ImportError, ValueError):
        return None


def _is_own(file: Path, project: Path) -> bool:
    """Whether a file belongs to a project, and not only to the environment that lies in it."""
    return file.is_relative_to(project) and not INSTALLED & set(file.parts)
