import math

import optuna
import pytest

from eksplora.search.importance import importance


def study_of(values: list[dict[str, float]]) -> optuna.Study:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    for fixed in values:
        study.enqueue_trial(fixed)
        trial = study.ask()
        study.tell(trial, sum(trial.suggest_float(name, 0, 10) for name in fixed))
    return study


def test_importance_is_in_shares_and_finds_the_key_that_matters() -> None:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(40):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("much", 0, 1) ** 2 + 1e-3 * trial.suggest_float("little", 0, 1))
    shares = importance(study)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["much"] > 0.8


@pytest.mark.parametrize("values", [[], [{"x": 1.0}] * 6, [{"x": 1}, {"x": 2}, {"y": 1}, {"y": 2}]])
def test_importance_is_not_given_where_nothing_varies_or_no_key_is_in_all_trials(
    values: list[dict[str, float]],
) -> None:
    assert importance(study_of(values)) == {}


def test_importance_of_equal_values_is_finite() -> None:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(8):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, 1.0)
    assert all(math.isfinite(share) for share in importance(study).values())
