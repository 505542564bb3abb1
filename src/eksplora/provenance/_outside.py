"""Code that is neither ours nor of a library that every record names: hashes of its files, versions of its packages."""

import ast
import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from eksplora.counter import fingerprint
from eksplora.provenance._code import file_sha256
from eksplora.provenance._git import UNKNOWN
from eksplora.provenance._machine import version_of

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
    modules = _followed(targets)[0]
    inside = {
        top for top, files in modules.items() for file in files.values() if outside_of and is_own(file, outside_of)
    }
    return {
        f"code.{top}.sha256": fingerprint({name: file_sha256(file) for name, file in files.items()})
        if files
        else UNKNOWN
        for top, files in sorted(modules.items())
        if top not in inside
    }


def outside_files(targets: Iterable[str]) -> list[Path]:
    """The Python files of such code that no package manager installed.

    Args:
        targets: Dotted names of parts.
    """
    files = (file for module in _followed(targets)[0].values() for file in module.values())
    return [file for file in files if not INSTALLED & set(file.parts)]


def outside_versions(targets: Iterable[str]) -> dict[str, str]:
    """Versions of the installed packages that such code comes from, imports, or says that it requires.

    Args:
        targets: Dotted names of parts.

    Returns:
        `version.<package>`, by the name that a package manager knows; nothing where all parts are of libraries that are
        recorded anyway.
    """
    modules, installed = _followed(targets)
    own = {top for top, files in modules.items() if any(INSTALLED & set(file.parts) for file in files.values())}
    if not own | installed:
        return {}
    names = {name for top in own | installed for name in _packages().get(top, ())}
    names |= {name for top in own for package in _packages().get(top, ()) for name in _required(package)}
    return {f"version.{name}": version_of(name) for name in sorted(names - {"eksplora"})}


def _followed(targets: Iterable[str]) -> tuple[dict[str, dict[str, Path]], set[str]]:
    """The files of the modules that targets come from and of those that a person edits, and what else they import."""
    modules: dict[str, dict[str, Path]] = {}
    installed: set[str] = set()
    waiting = {target.partition(".")[0] for target in targets}
    while waiting := waiting - set(modules) - set(KNOWN_BY_VERSION):
        modules |= {top: _sources(top) for top in waiting}
        imported = {name for top in waiting for name in _imported(modules[top].values())}
        waiting = {name for name in imported if not _is_installed(name)}
        installed |= imported - waiting
    return modules, installed


@cache
def _packages() -> dict[str, set[str]]:
    """Installed packages by the top-level modules that they have; 0.5 s for 200 of them."""
    return {top: {_one_form(name) for name in names} for top, names in metadata.packages_distributions().items()}


def _required(package: str) -> set[str]:
    """Installed packages that a package requires always."""
    lines = [line for line in metadata.requires(package) or () if "extra ==" not in line]
    found = {_one_form(match[0]) for line in lines if (match := re.match(r"[\w.-]+", line))}
    return {name for name in found if version_of(name) != UNKNOWN}


def _one_form(name: str) -> str:
    """A package's name as package managers compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


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


def is_own(file: Path, project: Path) -> bool:
    """Whether a file belongs to a project, and not only to the environment that lies in it."""
    return file.is_relative_to(project) and not INSTALLED & set(file.parts)
