"""Run a reference exploration: its one-factor studies over several members, and the verdicts on its claims."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from eksplora.config import Configurator, Request, compose_request
from eksplora.config.keys import Parallel
from eksplora.config.schema import ExploreConfig
from eksplora.console.work import begin
from eksplora.counter import fingerprint
from eksplora.errors import ConfigError
from eksplora.exploration.chain import CARRIES, Exploration, merged, read_exploration
from eksplora.files import try_new_folders, try_writing
from eksplora.ranges import check_choice
from eksplora.stage.spec import spec_of
from eksplora.types import Config

if TYPE_CHECKING:
    from eksplora.exploration.numbers import StudyResult

BEFORE = ""
"""Stands for the configuration that the studies before handed on, among a study's rows."""


def explore(request: Request) -> None:
    """Run an exploration, or go on with it; write its tables and plots, and judge its claims.

    Raises:
        UserError: For what the user can fix.
        WorkerError: If a study cannot be trained.
        Interrupted: After Ctrl-C or SIGTERM; the same command goes on.
    """
    settings: ExploreConfig = request.settings
    check_choice(settings.carry, "carry", CARRIES)
    name = request.choices.get("exploration")
    if name is None:
        raise ConfigError("exploration: none is chosen. Choose a file of conf/exploration/: exploration=<file>.")
    exploration = read_exploration(
        name, request.config["exploration"], settings.budget, begins=lambda: begin(request.root, name)
    )
    output = Path(settings.output)
    try_new_folders(output / exploration.name)
    try_writing(output / "claims.md", Path(request.config["paths"]["results"]) / "index.html")
    from eksplora.exploration import run  # only now: what is slow comes with it

    parent = _identity(exploration, settings)
    chain = merged(exploration.base, exploration.budget.overrides, settings.set)
    studies: dict[str, StudyResult] = {}
    for study in exploration.studies:
        before = merged(chain, study.overrides, settings.set)
        rows = {name: merged(before, row.overrides, settings.set) for name, row in study.rows.items()}
        configs = configurations(request, exploration, rows | {BEFORE: before})
        asked = request_of(request, exploration, before)
        found = run.run_one(spec_of(asked, study.name, parent=parent), exploration, study, configs)
        carried = study.carried if settings.carry == "reported" else found.winner["val"]
        studies[study.name] = replace(found, handed_on=carried)
        chain = merged(chain, study.rows[carried].overrides, settings.set)
    run.conclude(request.config, exploration, studies, parent)


def request_of(request: Request, exploration: Exploration, overrides: Sequence[str]) -> Request:
    """A study of the exploration's experiment as its own command would ask for it, in the exploration's folders."""
    own = [
        *_common(request, exploration),
        "sampler=grid",
        f"study.n_seeds={exploration.budget.members}",
        "study.n_trials=null",
        "study.versioned=true",
        *_how(request.settings.study),
    ]
    asked = compose_request("search", [*own, *overrides])
    return replace(asked, config={**asked.config, "tracker": request.config["tracker"]})


def configurations(request: Request, exploration: Exploration, rows: Mapping[str, Sequence[str]]) -> dict[str, Config]:
    """The resolved configuration of each row."""
    common = _common(request, exploration)
    return {name: Configurator("search", [*common, *overrides])({}) for name, overrides in rows.items()}


def _common(request: Request, exploration: Exploration) -> list[str]:
    """The overrides of every row that are not about training."""
    paths = (f"paths.{key}={json.dumps(value)}" for key, value in request.config["paths"].items())
    return [f"experiment={exploration.experiment}", *paths]


def _how(study: Parallel) -> list[str]:
    """The overrides that say how a study runs, not what it computes."""
    given = {"study.workers": study.workers, "study.threads": study.threads}
    return [f"{key}={value}" for key, value in given.items() if value is not None]


def _identity(exploration: Exploration, settings: ExploreConfig) -> tuple[str, str]:
    """Id and name of the exploration's run in MLflow."""
    name = f"{exploration.name}-exploration-{exploration.budget.name}-{settings.carry}"
    return f"exploration-{fingerprint(name)[:32]}", name
