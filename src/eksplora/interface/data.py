"""The argument `data`: an experiment of the configuration by its data set."""

from eksplora.config import choices, compose_request
from eksplora.errors import ConfigError, nearest


def experiment_words(data: str | None, experiment: str | None) -> list[str]:
    """Overrides that choose what is studied.

    Args:
        data: Name of a data set.
        experiment: Name of an experiment.

    Raises:
        ConfigError: If neither is known.
    """
    if experiment is not None:
        if experiment not in choices("experiment"):
            raise ConfigError(f"experiment: '{experiment}' is none. {nearest(experiment, choices('experiment'))}")
        return [f"experiment={experiment}"]
    if data is None:
        raise ConfigError("data: none is given. Give a file, a table, or the name of a data set: ek.search('wine').")
    if data not in choices("data"):
        raise ConfigError(f"data: '{data}' is neither a file nor a data set. {nearest(data, choices('data'))}")
    for name in choices("experiment"):
        if compose_request("search", [f"experiment={name}"]).choices["data"] == data:
            return [f"experiment={name}"]
    raise ConfigError(f"data: no experiment is of '{data}'. Name one: experiment=...")
