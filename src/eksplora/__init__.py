"""Honest, fast, reproducible hyperparameter studies of neural networks."""

import os
from typing import Any

# The bits of a matrix product would otherwise depend on where in memory the numbers of a population's member lie, and
# so on how many others there are. MKL reads it at a process's first product; no measurable cost (docs/log.md).
os.environ.setdefault("MKL_CBWR", "AUTO")

# Threads of one training sleep while they wait for each other. By default they spin, and where two trainings share
# cores each spins away the other's time: measured 4 to 25 times slower, against no loss alone (docs/log.md). OpenMP
# reads it when it is loaded, and it changes no bit of a result. Who sets it, or GOMP_SPINCOUNT, is the one who decides.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = ["__version__", "load_ensemble", "load_network"]  # made below


def __getattr__(name: str) -> Any:
    """Import what a name stands for when it is asked for: `import eksplora` stays light."""
    from importlib import import_module, metadata

    if name == "__version__":
        return metadata.version(__name__)
    if name in __all__:
        return getattr(import_module(f"{__name__}.inference"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
