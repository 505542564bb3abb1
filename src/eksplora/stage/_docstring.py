"""What our own parts say of themselves, read from their text: nothing is imported."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import cleandoc
from pathlib import Path

_SECTION = re.compile(r"^(Args|Attributes|Examples?|Raises|Returns|Yields|Note|References):", re.MULTILINE)
_SEE = re.compile(r"\bsee\s+`(\w+)`")
_SOURCE = re.compile(r"\b[Ss]ources?:\s+(.*)", re.DOTALL)


@dataclass(frozen=True)
class Words:
    """What a part says of itself.

    Attributes:
        file: Where it is, absolute.
        summary: The first line of its docstring, or of its file's.
        sources: The papers, or for data the origin, that it names.
    """

    file: Path
    summary: str
    sources: Sequence[str]


def words(package: Path, target: str) -> Words | None:
    """What a dotted name of ours says of itself; None if no file has it.

    Args:
        package: The folder whose name the dotted name begins with.
        target: E.g. `eksplora.model.cnn.CNN`.
    """
    module, _, name = target.rpartition(".")
    file = _file(package, module)
    if file is None:
        return None
    tree = _tree(file)
    node = _find(tree.body, name)
    if isinstance(node, ast.ImportFrom):  # it is defined where it is imported from
        alias = next(alias for alias in node.names if name == (alias.asname or alias.name))
        return words(package, f"{_module(module, node)}.{alias.name}")
    text = (ast.get_docstring(node) if isinstance(node, ast.ClassDef | ast.FunctionDef) else None) or (
        ast.get_docstring(tree) or ""
    )
    named = sources(text)
    seen = [other for source in named for name in _SEE.findall(source) for other in _sources_of(package, module, name)]
    return Words(file, text.partition("\n")[0], [*named, *seen, *_origin(node)])


def _sources_of(package: Path, module: str, name: str) -> Sequence[str]:
    """Those of another part that a module has or imports."""
    file = _file(package, module)
    said = words(package, f"{module}.{name}") if file and _find(_tree(file).body, name) else None
    return said.sources if said else []


def _file(package: Path, module: str) -> Path | None:
    parts = module.split(".")[1:]
    places = (package.joinpath(*parts).with_suffix(".py"), package.joinpath(*parts, "__init__.py"))
    return next((place for place in places if place.is_file()), None)


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _module(module: str, node: ast.ImportFrom) -> str:
    """The module that an import names, seen from a module that is no package."""
    above = module.split(".")[: -node.level] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def _find(body: Sequence[ast.stmt], name: str) -> ast.stmt | None:
    """The definition that a module knows as `name`: its own, one that was given this name, or an import."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.ImportFrom) and any(name == (alias.asname or alias.name) for alias in node.names):
            return node
        for known, value in _given_names(node):
            if known == name and value != name:
                return _find(body, value)
    return None


def _given_names(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Names that an assignment gives to other names: `a = B`, `a, c = B, D`."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for known, value in zip(names, values, strict=False):
                if isinstance(known, ast.Name) and isinstance(value, ast.Name):
                    yield known.id, value.id


def sources(docstring: str) -> list[str]:
    r"""What stands behind `Source:`, to the end of its paragraph, in the free text of a docstring.

    Examples:
        >>> sources("Weights.\n\nSource: He et al.,\nICCV 2015.\n\nArgs:\n    x: Source: none.")
        ['He et al., ICCV 2015.']
    """
    text = _SECTION.split(cleandoc(docstring))[0]
    found = (_SOURCE.search(paragraph) for paragraph in text.split("\n\n"))
    return [" ".join(match[1].split()) for match in found if match]


def _origin(node: ast.stmt | None) -> list[str]:
    """The class attribute `source` of a data set."""
    return [
        str(statement.value.value)
        for statement in (node.body if isinstance(node, ast.ClassDef) else [])
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name) and target.id == "source"
    ]
