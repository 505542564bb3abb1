"""The stages of a dvc.yaml as DVC reads them."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import yaml
from dvc.fs import localfs
from dvc.parsing import DataResolver
from dvc.schema import COMPILED_MULTI_STAGE_SCHEMA


def read(file: Path) -> dict[str, Any]:
    """Everything in a dvc.yaml, once DVC's own schema accepts it; `vars` as one mapping."""
    content: dict[str, Any] = yaml.safe_load(file.read_text())
    COMPILED_MULTI_STAGE_SCHEMA(content)
    return content | {"vars": {key: value for item in content["vars"] for key, value in item.items()}}


def stages(file: Path) -> dict[str, dict[str, Any]]:
    """The stages by name, `foreach` and `${...}` replaced; `outs` are paths without their options."""
    content = yaml.safe_load(file.read_text())
    found = DataResolver(SimpleNamespace(fs=localfs, config={}), "", content).resolve()["stages"]
    return {name: entry | {"outs": [*map(_path, entry["outs"])]} for name, entry in found.items()}


def _path(out: str | dict[str, Any]) -> str:
    return out if isinstance(out, str) else next(iter(out))


def is_covered(path: str, dependencies: Iterable[str]) -> bool:
    """Whether a file is a dependency or lies in a folder that is one."""
    return any(PurePosixPath(path).is_relative_to(folder) for folder in dependencies)
