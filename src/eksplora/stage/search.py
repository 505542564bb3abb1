"""The stage `search`: a study over the space of an experiment."""

from eksplora.build import Request, parse_space
from eksplora.schema import SearchConfig
from eksplora.stage._study import run_study


def search(request: Request) -> None:
    """Run the study that the request describes, or go on with it.

    Raises:
        UserError: For what the user can mend.
        WorkerError: If workers keep dying or too many trials fail.
        Interrupted: After Ctrl-C or SIGTERM.
    """
    settings: SearchConfig = request.settings
    name = settings.study.name or f"{settings.experiment}-{request.choices['sampler']}"
    run_study(request, name=name, space=parse_space(settings.space), num_trials=settings.study.n_trials)
