"""Stages that ask a network, and functions of the user's own, which leave none."""

from eksplora.config import Request
from eksplora.config.schema import is_function
from eksplora.errors import ConfigError


def needs_network(request: Request) -> None:
    """Refuse a stage that asks a network where a function of the user's own was searched.

    Raises:
        ConfigError: If one was.
    """
    if is_function(request.config):
        name, stage = request.choices["function"], request.root
        raise ConfigError(
            f"function={name} leaves no network, and {stage} asks one. Go on with report, which does without {stage}."
        )
