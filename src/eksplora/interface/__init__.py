"""eksplora from Python and notebooks: the studies of the shell, by the same code, in the same folders.

Examples:
    >>> import eksplora as ek
    >>> study = ek.search(experiment="wine_mlp", trials=4)  # doctest: +SKIP
    >>> study.best  # doctest: +SKIP
"""

from eksplora.interface.comparing import StudyComparison, compare
from eksplora.interface.confirmation import Confirmation
from eksplora.interface.domain import Domain, choice, integers, log, uniform
from eksplora.interface.model import Model
from eksplora.interface.searching import search
from eksplora.interface.study import Study

__all__ = [
    "Confirmation",
    "Domain",
    "Model",
    "Study",
    "StudyComparison",
    "choice",
    "compare",
    "integers",
    "log",
    "search",
    "uniform",
]
