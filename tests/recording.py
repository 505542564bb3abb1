"""A copy of the project in a repository of its own, runs recorded in it by real commands, and altered records."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from spooling import plain

from eksplora.events import spool as spools

ROOT = Path(__file__).resolve().parents[1]
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")

Edit = Callable[[str, dict[str, Any]], dict[str, Any] | None]
"""From the kind and the particulars of an event to other particulars, or None to leave the event out."""


def git(root: Path, *arguments: str) -> str:
    """What git prints."""
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def copy_project(root: Path) -> Path:
    """The project's sources, committed in a repository of their own: whatever else is changed here is not asked."""
    for name in ("conf", "src", "pipelines"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("*.pyc.*", "*.egg-info"))
    for name in ("constraints.txt", ".gitignore"):
        shutil.copy(ROOT / name, root)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=recorded")
    return root


def environment(root: Path) -> dict[str, str]:
    """The environment in which commands have the sources of a copy, and no others."""
    return os.environ | {"PYTHONPATH": str(root / "src")}


def words(root: Path, pipeline: str, *overrides: str) -> list[str]:
    """A command of a copy."""
    return [sys.executable, str(root / "pipelines" / f"{pipeline}.py"), *overrides]


def command(root: Path, pipeline: str, *overrides: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a copy, in it; `more` goes into its environment."""
    import preloaded  # not above: this file is a script too, of a project that has no tests

    return preloaded.run(words(root, pipeline, *overrides), cwd=root, env=environment(root) | more)


def record(root: Path, *asked: Sequence[str]) -> None:
    """Run commands in a copy to their good ends, in one process: name and overrides of each."""
    words = [sys.executable, __file__, json.dumps(asked)]
    import preloaded  # as above

    done = preloaded.run(words, cwd=root, env=environment(root))
    assert done.returncode == 0, done.stderr


def events(spool: Path, kind: str) -> list[dict[str, Any]]:
    """The particulars of all events of a kind."""
    return [plain(event.body) for event in spools.read(spool) if event.kind == kind]


def alter(spool: Path, target: Path, edit: Edit) -> None:
    """Write an altered copy of a spool, with checksums that hold."""
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        for event in spools.read(spool):
            data = edit(event.kind, plain(event.body))
            if data is not None:
                file.write(spools.encode(event.kind, event.time, data))


def main() -> None:
    """Do what `record` asks for."""
    from eksplora.config import compose_request, gather_space
    from eksplora.config.folders import import_own_parts

    import_own_parts()
    for pipeline, *overrides in json.loads(sys.argv[1]):
        task = getattr(importlib.import_module(f"eksplora.stage.{pipeline}"), pipeline)
        task(compose_request(pipeline, gather_space(overrides)))


if __name__ == "__main__":
    main()
