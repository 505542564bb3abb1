"""Train one configuration of an experiment."""

from pathlib import Path

from eksplora.config import Configurator, Request
from eksplora.config.schema import SearchConfig
from eksplora.console.work import begin
from eksplora.counter import fingerprint
from eksplora.errors import ConfigError
from eksplora.stage.spec import spec_of


def train(request: Request) -> None:
    """Train the configuration of the request; the same configuration is trained once.

    Raises:
        UserError: For what the user can fix.
        Interrupted: After Ctrl-C or SIGTERM.
    """
    settings: SearchConfig = request.settings
    if settings.output is not None:
        raise ConfigError(
            f"output={settings.output}: a training hands nothing on to an experiment's results. Drop it, or set "
            "paths.results=<folder>."
        )
    config = Configurator(request.root, request.overrides)({})
    identity = fingerprint({"config": config, "seed": settings.study.seed, "members": settings.study.n_seeds})
    name = settings.study.name or f"{settings.experiment}-train-{identity[:8]}"
    begin(request.root, request.settings.experiment)
    from eksplora.study.run import run_study  # only now: what is slow comes with it

    run_study(spec_of(request, name, results=Path(settings.paths.results).joinpath))
