"""Fit plain baselines beside an experiment's networks: majority or mean, gradient boosting, scikit-learn's networks."""

from collections.abc import Iterator
from pathlib import Path

from eksplora.baselines.choice import check_overrides, chosen, configurator, is_typed
from eksplora.config import Request
from eksplora.config.schema import BaselineConfig
from eksplora.console.work import begin
from eksplora.events import spool as spools
from eksplora.events.event import TrialEnd, TrialEvent
from eksplora.stage.search import default_name
from eksplora.stage.spec import spec_of
from eksplora.types import Status

WORK = "eksplora.work.baseline:run"
"""Function that a worker runs for each job."""


def baseline(request: Request) -> None:
    """Fit the baselines of an experiment, show them, and say what its search found.

    Raises:
        UserError: For what the user can fix.
        Interrupted: After Ctrl-C or SIGTERM.
    """
    settings: BaselineConfig = request.settings
    check_overrides(request.overrides)
    names = chosen(request.overrides, request.config, request.choices)
    configure = configurator(request.overrides, names)
    begin(request.root, request.settings.experiment)
    from eksplora.baselines.networks import in_words
    from eksplora.study.comparison import compare  # only now: what is slow comes with it

    base, name = configure({}), settings.study.name or study_name(request, names)
    others = {key: request.config[key] for key in ("study", "sampler", "pruner", "tracker", "paths")}
    output = settings.output
    results = Path(settings.paths.results).joinpath if output is None else lambda _: Path(output) / "baseline"
    compared = compare(
        spec_of(request, name, work=WORK, config=base | others, results=results),
        {one: configure({"baseline": one}) for one in names},
        key="baseline",
        base=names[-1],
    )
    for note in notes(compared.outcome.folder / "spool.jsonl"):
        print(f"  note     {note}")
    print(f"  searched {in_words(Path(settings.paths.results), base)}")


def notes(spool: Path) -> Iterator[str]:
    """Warnings of scikit-learn on each finished baseline, such as that it did not converge."""
    names: dict[int, str] = {}
    for event in spools.read(spool):
        match event.body:
            case TrialEvent(trial=number, searched=searched):
                names[number] = searched["baseline"]
            case TrialEnd(trial=number, status=Status.FINISHED, message=message) if message:
                yield f"{names[number]}: {message}"


def study_name(request: Request, names: list[str]) -> str:
    """The name of a study of baselines that was given none."""
    kind = f"baseline-{names[0]}" if is_typed(request.overrides) else "baseline"
    members = request.settings.study.n_seeds
    return default_name(request.settings.experiment, members, {**request.choices, "sampler": kind})
