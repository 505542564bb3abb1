"""The first sign of life of a command: once what was asked is known to be good, before anything slow is imported."""

from eksplora.build import Request
from eksplora.console.work import announce


def begin(request: Request, what: str | None = None) -> None:
    """Say that a command begins.

    Args:
        request: What was asked.
        what: What it is about; None: the experiment.
    """
    announce(f"{request.root} {request.settings.experiment if what is None else what}: starting")
