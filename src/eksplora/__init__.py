"""Honest, fast, reproducible hyperparameter studies of neural networks."""

import os
import sys
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` would take half of the moment in which Ctrl-C still shows Python's own lines
    from typing import Any

# The bits of a matrix product would otherwise depend on where in memory the numbers of a population's member lie, and
# so on how many others there are. MKL reads it at a process's first product; no measurable cost (docs/log.md).
os.environ.setdefault("MKL_CBWR", "AUTO")

# Threads of one training sleep while they wait for each other. By default they spin, and where two trainings share
# cores each spins away the other's time: measured 4 to 25 times slower, against no loss alone (docs/log.md). OpenMP
# reads it when it is loaded, and it changes no bit of a result. Who sets it, or GOMP_SPINCOUNT, is the one who decides.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_ROOMS = {
    "load_ensemble": "inference",
    "load_network": "inference",
    **dict.fromkeys(("Study", "choice", "compare", "integers", "log", "search", "uniform"), "interface"),
}
"""The room of each name that is imported when it is asked for."""

__all__ = [
    "Study",
    "__version__",
    "choice",
    "compare",
    "integers",
    "load_ensemble",
    "load_network",
    "log",
    "search",
    "uniform",
]


class _SearchRoom(ModuleType):
    """The room `search`, which can be called: `eksplora.search(...)` is the interface's function of that name."""

    def __call__(self, *args: "Any", **kwargs: "Any") -> "Any":
        return import_module(f"{__name__}.interface").search(*args, **kwargs)

    @property
    def __signature__(self) -> "Any":
        from inspect import signature

        return signature(import_module(f"{__name__}.interface").search)

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return str(import_module(f"{__name__}.interface").search.__doc__)


class _Package(ModuleType):
    """This package: once a room is imported, Python makes it an attribute, and one has the name of a function."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "search" and isinstance(value, ModuleType):
            value.__class__ = _SearchRoom
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> "Any":
    """Import what a name stands for when it is asked for: `import eksplora` stays light."""
    if name == "__version__":
        from importlib import metadata

        return metadata.version(__name__)
    if name == "search":
        return import_module(f"{__name__}.search")
    if name in _ROOMS:
        return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
