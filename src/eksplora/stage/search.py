"""The stage `search`: a study over the space of an experiment."""

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

    name = settings.study.name or f"{settings.experiment}-{request.choices['sampler']}"
    run_study(request, name=name, space=space, num_trials=settings.study.n_trials)
