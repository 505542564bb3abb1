import optuna
import pytest

from eksplora.errors import ConfigError
from eksplora.search._distribution import suggest
from eksplora.search.sampler import GridSampler
from eksplora.search.space import Choice, Condition, Parameter, SearchInterval, SearchRange, grid

SPACE = (
    Parameter("optimizer", Choice(("adam", "sgd"))),
    Parameter("widths", Choice(([8], [8, 8]))),
    Parameter("rate", SearchRange(0, 0.3, 0.1)),
    Parameter("momentum", SearchRange(0, 2, 1), Condition("optimizer", ("sgd",))),
)


@pytest.mark.parametrize("seed", [0, 1])
def test_trial_n_takes_point_n_whatever_the_seed(seed: int) -> None:
    study = optuna.create_study(sampler=GridSampler(space=SPACE, seed=seed))
    points = grid(SPACE)
    assert [suggest(study.ask(), SPACE) for _ in points] == points


def test_a_continuous_space_is_refused() -> None:
    with pytest.raises(ConfigError, match="continuous"):
        GridSampler(space=(Parameter("lr", SearchInterval(0, 1)),), seed=0)
