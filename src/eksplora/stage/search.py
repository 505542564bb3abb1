"""The stage `search`: a study over the space of an experiment."""

from collections.abc import Mapping

from eksplora.build import Configurator, Request, check_space, parse_space
from eksplora.schema import SearchConfig


def search(request: Request) -> None:
    """Run the study that the request describes, or go on with it.

    Raises:
        UserError: For what the user can mend.
        WorkerError: If workers keep dying or too many trials fail.
        Interrupted: After Ctrl-C or SIGTERM.
    """
    settings: SearchConfig = request.settings
    space = parse_space(settings.space)
    check_space(space, Configurator(request.root, request.overrides))
    from eksplora.stage._study import run_study  # only now: what is slow comes with it

    name = settings.study.name or default_name(settings.experiment, settings.study.n_members, request.choices)
    run_study(request, name=name, space=space, num_trials=settings.study.n_trials)


def default_name(experiment: str, n_members: int, choices: Mapping[str, str]) -> str:
    """The name of a study that was given none: studies whose results do not compare have names of their own.

    Examples:
        >>> default_name("boston_mlp", 1, {"sampler": "tpe", "protocol": "holdout"})
        'boston_mlp-tpe'
        >>> default_name("boston_mlp", 8, {"sampler": "tpe", "protocol": "kfold"})
        'boston_mlp-tpe-kfold-8-seeds'
    """
    protocol = [] if choices["protocol"] == "holdout" else [choices["protocol"]]
    seeds = [f"{n_members}-seeds"] if n_members > 1 else []
    return "-".join([experiment, choices["sampler"], *protocol, *seeds])
