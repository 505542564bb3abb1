"""The names of `eksplora` as a type checker sees them: at run time they are imported when they are asked for."""

from eksplora.inference import load_ensemble as load_ensemble
from eksplora.inference import load_network as load_network
from eksplora.interface import Study as Study
from eksplora.interface import choice as choice
from eksplora.interface import compare as compare
from eksplora.interface import integers as integers
from eksplora.interface import log as log
from eksplora.interface import search as search
from eksplora.interface import uniform as uniform

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

__version__: str
