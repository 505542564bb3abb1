"""Importance of the searched keys."""

import warnings

import optuna
from optuna.trial import TrialState

LEAST_FOR_IMPORTANCE = 4
"""Finished trials below which no importance is computed."""


def has_importance(study: optuna.Study) -> bool:
    """Whether there are trials enough, and keys that all of them have and that vary, to say which key matters."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return len(complete) >= LEAST_FOR_IMPORTANCE and bool(_varied_keys(complete) & _common_keys(complete))


def importance(study: optuna.Study) -> dict[str, float]:
    """Importance of each key for being among the best trials, in shares of 1; empty where it cannot be computed.

    Optuna's own measure, PED-ANOVA. Source: Watanabe, Bansal and Hutter, "PED-ANOVA: efficiently quantifying
    hyperparameter importance in arbitrary subspaces", IJCAI 2023.
    """
    if not has_importance(study):
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(optuna.importance.get_param_importances(study))


def _varied_keys(trials: list[optuna.trial.FrozenTrial]) -> set[str]:
    keys = {key for trial in trials for key in trial.params}
    return {key for key in keys if len({str(trial.params.get(key)) for trial in trials}) > 1}


def _common_keys(trials: list[optuna.trial.FrozenTrial]) -> set[str]:
    return set.intersection(*(set(trial.params) for trial in trials))
