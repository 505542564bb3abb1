"""The first sign of life of a command: once what was asked is known to be good, before anything slow is imported."""

from eksplora.build import Request
from eksplora.console.work import announce
from eksplora.stage._setup import check_settings


def begin(request: Request, what: str | None = None) -> None:
    """Say that a command begins.

    Args:
        request: What was asked.
        what: What it is about; None: the experiment.
    """
    announce(f"{request.root} {request.settings.experiment if what is None else what}: starting")


def begin_study(request: Request) -> None:
    """Say that a command begins that trains, if it can.

    Raises:
        ConfigError: If its budget means nothing.
    """
    check_settings(request.settings.study, request.settings.study.n_trials)
    begin(request)
