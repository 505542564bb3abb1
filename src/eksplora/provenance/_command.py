"""Commands as they are recorded and as they are typed again."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace

from eksplora.installation import CONFIG_DIRS, stage_command
from eksplora.types import Command

ARITHMETIC = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_MAX_CPU_ISA",
)
"""Variables of the environment by which the same command computes other bits."""


USUAL = {"MKL_CBWR": "AUTO", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
"""Environment variables that the user does not set: the package does, and Lightning for a deterministic training."""


def command_of(root: str, overrides: Sequence[str]) -> Command:
    """A command as it is recorded: the pipeline, what was typed after it, and what of the environment matters.

    Args:
        root: Name of the pipeline.
        overrides: As they are typed, not quoted for a shell.
    """
    known = {name: os.environ[name] for name in ARITHMETIC if name in os.environ}
    environment = {name: value for name, value in known.items() if USUAL.get(name) != value}
    if os.environ.get(CONFIG_DIRS):
        folders = os.environ[CONFIG_DIRS].split(os.pathsep)
        environment[CONFIG_DIRS] = os.pathsep.join(os.path.relpath(folder) for folder in folders)
    return Command(root, list(overrides), environment)


def command_line(command: Command, *more: str) -> str:
    """A recorded command for a shell in the project's root: in a checkout after `make setup`.

    Args:
        command: See `command_of`.
        more: Further overrides.

    Examples, in a checkout:
        >>> command_line(command_of("search", ["experiment=wine_mlp", "space.params.optimizer.lr=choice(1, 2)"]))
        ".venv/bin/python pipelines/search.py experiment=wine_mlp 'space.params.optimizer.lr=choice(1, 2)'"
    """
    variables = [f"{name}={shlex.quote(value)}" for name, value in command.environment.items()]
    words = [*stage_command(command.root, python=".venv/bin/python"), *command.overrides, *more]
    return " ".join([*variables, shlex.join(words)])


def command_like(recorded: Command | None, root: str, experiment: str) -> str:
    """The command of a stage that takes the overrides of another, or of a record that may not have them.

    Args:
        recorded: See `command_of`; None: an earlier version did not record it.
        root: Name of the stage.
        experiment: The experiment, where nothing else is known.
    """
    return command_line(replace(recorded or command_of(root, [f"experiment={experiment}"]), root=root))
