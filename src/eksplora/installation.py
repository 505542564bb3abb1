"""Place of this eksplora: in a checkout, with `conf/` and `pipelines/` beside it, or among the installed packages."""

import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ABOVE = _PACKAGE.parents[1]

CHECKOUT = _ABOVE if (_ABOVE / "conf").is_dir() and (_ABOVE / "src/eksplora") == _PACKAGE else None
"""The folder of the checkout; None: an installed package."""

CONF = (CHECKOUT or _PACKAGE) / "conf"
"""The configurations that come with eksplora; a wheel carries them inside the package."""

CONFIG_DIRS = "EKSPLORA_CONFIG_DIRS"
"""Variable of the environment that names further folders of configurations, as PATH names folders of programs."""


def in_checkout() -> bool:
    """Whether work goes on in a checkout: make, DVC and `pipelines/` are there.

    They are not where `eksplora` was typed, in a folder of one's own, even if it is the one of a checkout's `.venv`.
    """
    return CHECKOUT is not None and Path(sys.argv[0]).stem != "eksplora"


def stage_command(stage: str, *, python: str = "python") -> list[str]:
    """The words that run a stage here: in a checkout its script, otherwise the command `eksplora`."""
    return [python, f"pipelines/{stage}.py"] if in_checkout() else ["eksplora", stage]


def target(stage: str, **keys: str) -> str:
    """The shortest command of a stage with few keys or none: in a checkout a target of make, with its variables."""
    if in_checkout():
        return " ".join(["make", stage, *(f"{key.upper()}={value}" for key, value in keys.items())])
    return " ".join(["eksplora", stage, *(f"{key}={value}" for key, value in keys.items())])


def or_repro(rest: str = "") -> str:
    """The other way out, where there is DVC: the end of a sentence that names a stage's command."""
    return f", or dvc repro{rest}" if in_checkout() else ""


def program(name: str) -> str:
    """A program of the environment as it is typed here: in a checkout that of its `.venv`."""
    return f".venv/bin/{name}" if in_checkout() else name
