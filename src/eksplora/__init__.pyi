"""The names of `eksplora` as a type checker sees them: at run time they are imported when they are asked for."""

from eksplora.inference import load_ensemble as load_ensemble
from eksplora.inference import load_network as load_network

__all__ = ["__version__", "load_ensemble", "load_network"]

__version__: str
