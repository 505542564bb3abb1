"""Judge a search as a whole: what it chooses, on rows that neither the search nor the confirmation has seen."""

from dataclasses import replace
from typing import Any

from eksplora.config import Configurator, Request, check_space, parse_space
from eksplora.config.schema import AuditConfig
from eksplora.console.work import begin
from eksplora.counter import fingerprint
from eksplora.files import try_new_folders
from eksplora.records.folder import output_of
from eksplora.stage.confirm import ON_ALL_ROWS
from eksplora.stage.spec import on_fresh_members, own_experiment, spec_of


def audit(request: Request) -> None:
    """Search and confirm with part of the rows held out, part after part, and measure the choices on those.

    Raises:
        UserError: For what the user can fix.
        WorkerError: If no configuration, or not the experiment's own, can be trained.
        Interrupted: After Ctrl-C or SIGTERM; the same command goes on.
    """
    settings: AuditConfig = request.settings
    output, name = output_of(settings.output), f"{settings.experiment}-audit"
    try_new_folders(output / "audit")
    space = parse_space(settings.space)
    check_space(space, Configurator(request.root, request.overrides))
    full = Configurator(request.root, [own_experiment(request), *ON_ALL_ROWS])({})
    begin(request.root, request.settings.experiment)
    from eksplora.audit.run import Procedure, run  # only now: what is slow comes with it

    own: dict[str, Any] = {"parent": _identity(f"{name}-{settings.audit.outer}")}
    fresh = on_fresh_members(_with_seeds(request, settings.audit.n_seeds))
    procedure = Procedure(
        search=spec_of(request, name, space, settings.study.n_trials, judges="first", **own),
        stages=settings.study.stages,
        confirm=spec_of(fresh, name, **own),
        best=settings.confirm.best,
        full=full,
        outer=settings.audit.outer,
        seed=settings.audit.seed,
    )
    run(procedure, alpha=settings.confirm.alpha, output=output)


def _with_seeds(request: Request, n_seeds: int) -> Request:
    """The request with so many seeds of each configuration."""
    study = replace(request.settings.study, n_seeds=n_seeds)
    return replace(request, settings=replace(request.settings, study=study))


def _identity(name: str) -> tuple[str, str]:
    """Id and name of the audit's run in MLflow, under which its studies stand."""
    return f"audit-{fingerprint(name)[:32]}", name
