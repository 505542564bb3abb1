"""What each feature is worth: the confirmed configuration, trained again without it, on the same members."""

from collections.abc import Mapping
from typing import Any

from eksplora.config import Configurator, Request
from eksplora.confirmation.run import as_confirmation, check_over
from eksplora.counter import fingerprint
from eksplora.errors import DataError
from eksplora.search.space import Choice, Parameter
from eksplora.statistics.verdict import compare_all, in_words
from eksplora.study.ledger import Trial, values_of
from eksplora.study.run import Outcome, Study, run_study
from eksplora.types import Config

KEY = "data.excluded"
WHOLE = "all features"


def ablate(request: Request, confirmed: Mapping[str, Any], names: list[str]) -> tuple[Outcome, dict[str, Any]]:
    """Train the confirmed configuration with all features and without each; returns the study and its facts.

    All of it is one study whose trials differ in what they see of the features, so their members train together. They
    are the members that the configuration was confirmed with, judged on the rows that validate.
    """
    config = chosen_config(request, confirmed)

    def configure(values: Mapping[str, Any]) -> Config:
        return {**config, "data": {**config["data"], "excluded": list(values.get(KEY, []))}}

    space = (Parameter(KEY, Choice(([], *([name] for name in names)))),)
    depends = {"configuration": fingerprint(config)}
    study = Study(
        f"{request.settings.experiment}-ablation",
        space,
        None,
        configure=configure,
        depends=depends,
        is_shown=False,
        naming=lambda values: f"without {', '.join(values[KEY])}" if values[KEY] else WHOLE,
    )
    outcome = run_study(as_confirmation(request), study)
    check_over(outcome)
    trials = {tuple(trial.values[KEY]): trial for trial in outcome.ledger.trials.values()}
    return outcome, ablation_facts(request, outcome, trials, names)


def chosen_config(request: Request, confirmed: Mapping[str, Any]) -> Config:
    """The configuration that was confirmed, as its members were trained there: with rows that validate.

    Raises:
        DataError: If the present files make another one of its values.
    """
    chosen = confirmed["configurations"][0]
    config = Configurator(request.root, request.overrides)(chosen["values"])
    if fingerprint(config) != chosen["key"]:
        raise DataError(
            f"{chosen['name']} was confirmed with another configuration than the present files make of it. "
            "Confirm again, or give the overrides that confirm was given."
        )
    return config


def ablation_facts(
    request: Request, outcome: Outcome, trials: Mapping[tuple[str, ...], Trial], names: list[str]
) -> dict[str, Any]:
    """How much worse the objective gets without each feature, member by member, largest mean first."""
    settings = request.settings
    sign = 1 if settings.objective.direction == "minimize" else -1
    is_known = trials[()].value is not None  # else there is nothing to compare with
    whole = values_of(trials[()]) if is_known else []
    known = {name: values_of(trials[(name,)]) for name in names if is_known and trials[(name,)].value is not None}
    pairs = [(own, whole) for own in known.values()] if len(whole) > 1 else []
    compared = compare_all(pairs, direction=settings.objective.direction, alpha=settings.explain.alpha) if pairs else ()
    return {
        "study": outcome.name,
        "metric": outcome.metric,
        "whole": whole,
        "losses": {
            name: [sign * (own - full) for own, full in zip(values, whole, strict=True)]
            for name, values in known.items()
        },
        "verdicts": {
            name: {"verdict": str(one.verdict), "in_words": in_words(one, name=f"without {name}", reference=WHOLE)}
            for name, one in zip(known, compared, strict=False)  # of a single member nothing can be said
        },
        "failed": [name for name in names if name not in known],
    }
