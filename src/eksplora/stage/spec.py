"""Specification of a study, made of a checked request."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from eksplora.config import (
    Configurator,
    Request,
    check_space,
    compose_root,
    parse_override,
    plain,
    project,
    samples,
    schema,
)
from eksplora.config.schema import is_function
from eksplora.counter import derive
from eksplora.errors import ConfigError
from eksplora.search.space import Space
from eksplora.study.spec import StudySpec

WORK = "eksplora.work.job:run"
"""The function that trains the networks. Only a stage that starts a study names it: the others do without its code."""

OF_FUNCTIONS = "eksplora.work.function:run"
"""The function that has functions of the user's own train."""

TO_THE_END = {"sampler": "grid", "pruner": "none"}
"""The choices by which every configuration is trained to its end."""


def spec_of(request: Request, name: str, space: Space = (), num_trials: int | None = 1, **own: Any) -> StudySpec:
    """The study that a request asks for, under a name.

    Args:
        request: What was asked.
        name: The study's name.
        space: What is searched.
        num_trials: Trials in all; None: the whole grid.
        own: Further attributes of the specification.

    Raises:
        ConfigError: If the space does not fit the configuration.
    """
    check_of_function(request)
    configure = Configurator(request.root, request.overrides)
    check_space(space, configure)
    settings = request.settings
    known: Mapping[str, Any] = {
        "name": name,
        "experiment": settings.experiment,
        "studies": Path(settings.paths.mlruns) / "studies",
        "metric": settings.objective.metric,
        "direction": settings.objective.direction,
        "budget": settings.study,
        "configure": configure,
        "config": request.config,
        "choices": request.choices,
        "command": request.command,
        "project": project(),
        "work": OF_FUNCTIONS if is_function(request.config) else WORK,
        "space": space,
        "num_trials": num_trials,
        "is_versioned": settings.study.versioned,
        "checks": partial(samples, configure=configure),
    }
    return StudySpec(**{**known, **own})


def on_fresh_members(request: Request) -> Request:
    """The request with a seed of its own, so that no member of the search is met again.

    Nor does the search's way of choosing matter: each configuration is trained to its end.
    """
    study = replace(request.settings.study, seed=derive(request.settings.study.seed, "confirm") % 2**31)
    asked = [own_experiment(request), *(f"{key}={name}" for key, name in TO_THE_END.items())]
    own = plain(compose_root(request.root, asked))
    config = {**request.config, "study": asdict(study), **{key: own[key] for key in TO_THE_END}}
    settings, choices = replace(request.settings, study=study), {**request.choices, **TO_THE_END}
    return replace(request, settings=settings, config=config, choices=choices)


def check_of_function(request: Request) -> None:
    """Refuse words that only networks have a meaning for where a function of the user's own trains.

    Raises:
        ConfigError: Naming the key.
    """
    of_networks = {*schema.TRAINING_KEYS} - {*schema.FUNCTION_KEYS}
    for text in request.overrides if is_function(request.config) else ():
        key = parse_override(text).key_or_group
        if key.partition(".")[0] in of_networks:
            raise ConfigError(
                f"{key}: has no effect on function={request.choices['function']}, which trains instead of a network. "
                "Leave it out."
            )


def own_experiment(request: Request) -> str:
    """The override that chooses the request's experiment: what is composed besides it is of no other."""
    return f"experiment={request.choices['experiment']}"
