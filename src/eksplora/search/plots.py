"""Optuna's plots of a study, each a page of its own that needs no network."""

import warnings
from collections.abc import Callable, Iterator

import optuna
from optuna import visualization
from optuna.trial import TrialState

LEAST_FOR_IMPORTANCE = 4
"""Finished trials below which no importance is told."""


def study_pages(study: optuna.Study, *, metric: str) -> Iterator[tuple[str, str]]:
    """The plots that the study has data for, as (name, HTML)."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    varied = _varied_keys(complete)
    if complete:
        yield "history", _page(lambda: visualization.plot_optimization_history(study, target_name=metric))
    if varied:
        yield "parallel_coordinates", _page(lambda: visualization.plot_parallel_coordinate(study, target_name=metric))
        yield "slices", _page(lambda: visualization.plot_slice(study, target_name=metric))
    if has_importance(study):
        yield "importance", _page(lambda: visualization.plot_param_importances(study, target_name=metric))


def has_importance(study: optuna.Study) -> bool:
    """Whether there are trials enough, and keys that all of them have and that vary, to say which key matters."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return len(complete) >= LEAST_FOR_IMPORTANCE and bool(_varied_keys(complete) & _common_keys(complete))


def importance(study: optuna.Study) -> dict[str, float]:
    """How much each key matters for being among the best trials, in shares of 1; empty where that cannot be told.

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


def _page(draw: Callable[[], object]) -> str:
    import pandas  # noqa: F401  # whole, before Plotly looks for it: MLflow's thread may be importing it at this moment

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure = draw()
    return str(figure.to_html(include_plotlyjs=True, full_html=True))  # type: ignore[attr-defined]
