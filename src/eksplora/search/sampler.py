"""The exhaustive sampler; the others are Optuna's own."""

from collections.abc import Mapping
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from eksplora.search.space import Space, label
from eksplora.search.space import grid as points_of


class GridSampler(BaseSampler):
    """Trial n takes point n of the space, enumerated once by content: no cell twice, whatever the number of workers.

    Source: Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 13, 2012, which says what a grid
    costs.
    """

    def __init__(self, *, space: Space, seed: int) -> None:
        """Enumerate the space; a grid draws nothing, so `seed` has no effect.

        Raises:
            ConfigError: If a domain is continuous.
        """
        del seed
        self.points = points_of(space)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is sampled jointly."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing is sampled jointly."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The value of the trial's point."""
        return label(self.points[trial.number][param_name])


grid = GridSampler
