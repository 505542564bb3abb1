"""The commands: `eksplora <stage> key=value ...`, and in a checkout `python pipelines/<stage>.py key=value ...`."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line

# isort: split
import ast
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from eksplora.console.work import Opening
from eksplora.errors import ConfigError, nearest
from eksplora.installation import CONF

STAGES = "eksplora.stage"


def main(stage: str | None = None) -> None:
    """Run a stage with the words of the command line.

    What is slow is imported late: a stage's own modules only when its configuration is known to be good.

    Args:
        stage: Its name; None: the first word is.
    """
    words = sys.argv[1:]
    opening = Opening(words if stage is None else [stage, *words])
    with opening:
        from eksplora.cli.command import interruptible, read_by_somebody, run
        from eksplora.cli.errors import readable_errors

    if stage is None:
        with interruptible(), read_by_somebody(), readable_errors(""):
            if not words or words[0] in ("--help", "-h"):
                print(overview())
                return
            stage, *words = words
            check_stage(stage)
    name = stage

    def task(request: Any) -> None:
        getattr(import_module(f"{STAGES}.{name}"), name)(request)

    run(name, words, task, purpose(name), opening)


def stages() -> list[str]:
    """The names of all stages: each has a root configuration."""
    return sorted(path.stem for path in CONF.glob("*.yaml"))


def check_stage(name: str) -> None:
    """Refuse what is no stage.

    Raises:
        ConfigError: Naming the nearest one.
    """
    if name not in stages():
        raise ConfigError(f"{name}: no such command. {nearest(name, stages())}")


def purpose(stage: str) -> str:
    """Purpose of a stage: the first line of its module, which is not imported for it."""
    file = Path(__file__).parents[1] / "stage" / f"{stage}.py"
    return (ast.get_docstring(ast.parse(file.read_bytes())) or "").partition("\n")[0]


def overview() -> str:
    """All commands, each with what it is for."""
    lines = [f"  {name:<12} {purpose(name)}" for name in stages()]
    return "\n".join(
        [
            "Usage: eksplora <command> [group=choice ...] [key=value ...]",
            "",
            *lines,
            "",
            "eksplora <command> --help explains a command: its keys, and the choices of its groups.",
            "Files of conf/ in the working folder are searched first, then those that come with eksplora.",
            "--config-dir DIR (several) has other folders searched before both.",
        ]
    )
