"""Where this eksplora lies: in a checkout, with `conf/` and `pipelines/` beside it, or among the installed packages."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ABOVE = _PACKAGE.parents[1]

CHECKOUT = _ABOVE if (_ABOVE / "conf").is_dir() and (_ABOVE / "src/eksplora") == _PACKAGE else None
"""The folder of the checkout; None: an installed package."""

CONF = (CHECKOUT or _PACKAGE) / "conf"
"""The configurations that come with eksplora; a wheel carries them inside the package."""


def stage_command(stage: str, *, python: str = "python") -> list[str]:
    """The words that run a stage here: in a checkout its script, otherwise the command `eksplora`."""
    return ["eksplora", stage] if CHECKOUT is None else [python, f"pipelines/{stage}.py"]


def target(stage: str) -> str:
    """The shortest command of a stage that needs no further word: in a checkout a target of make."""
    return f"eksplora {stage}" if CHECKOUT is None else f"make {stage}"
