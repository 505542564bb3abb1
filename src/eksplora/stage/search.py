"""Search over configurations of an experiment; the same command goes on with an interrupted study."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from eksplora.config import Configurator, Request, check_space, parse_space, part
from eksplora.config.schema import SearchConfig
from eksplora.console.work import begin
from eksplora.errors import ConfigError
from eksplora.files import try_writing, write_file
from eksplora.stage.describe import announce
from eksplora.stage.spec import spec_of

if TYPE_CHECKING:  # what is slow comes with it
    from eksplora.study.run import Outcome


def search(request: Request) -> "Outcome":
    """Run the study that the request describes, or go on with it; returns its last stage.

    Raises:
        UserError: For what the user can fix.
        WorkerError: If workers keep dying or too many trials fail.
        Interrupted: After Ctrl-C or SIGTERM.
    """
    settings: SearchConfig = request.settings
    space = parse_space(settings.space)
    check_space(space, Configurator(request.root, request.overrides))
    name = settings.study.name or default_name(settings.experiment, settings.study.n_seeds, request.choices)
    results = _results(settings)
    if settings.output is not None:
        try_writing(Path(settings.output) / "config.yaml")
    begin(request.root, request.settings.experiment)
    announce(part(request.config, "data"))
    from eksplora.study import refinement  # only now: what is slow comes with it

    spec = spec_of(request, name, space, settings.study.n_trials, results=results, judges="first")
    outcome = refinement.run(spec, settings.study.stages)
    if settings.output is not None and outcome.is_over:
        write_config(request, Path(settings.output))
    return outcome


def write_config(request: Request, output: Path) -> None:
    """The experiment as it was composed, every value resolved: to look at, and to compare with another time's."""
    from eksplora.study.journal import as_yaml

    left_out = ("paths", "tracker", "output")
    write_file(output / "config.yaml", as_yaml({k: v for k, v in request.config.items() if k not in left_out}))


def _results(settings: SearchConfig) -> Callable[[str], Path]:
    """Folder for the files of a study of a given name."""
    if settings.output is not None:
        folder = Path(settings.output) / "search"
        return lambda name: folder
    if settings.study.name == settings.experiment:
        raise ConfigError(
            f"study.name={settings.experiment} is the name of the experiment, whose folder of results is for its "
            "stages. Give the study another."
        )
    return Path(settings.paths.results).joinpath


def default_name(experiment: str, n_seeds: int, choices: Mapping[str, str]) -> str:
    """The name of a study that was given none: studies whose results do not compare have names of their own.

    Examples:
        >>> default_name("boston_mlp", 1, {"sampler": "tpe", "protocol": "spread"})
        'boston_mlp-tpe'
        >>> default_name("boston_mlp", 8, {"sampler": "tpe", "protocol": "kfold"})
        'boston_mlp-tpe-kfold-8-seeds'
    """
    protocol = [] if choices["protocol"] == "spread" else [choices["protocol"]]
    seeds = [f"{n_seeds}-seeds"] if n_seeds > 1 else []
    return "-".join([experiment, choices["sampler"], *protocol, *seeds])
