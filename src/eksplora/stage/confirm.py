"""Confirm what a search found: the best configurations on fresh seeds, then the chosen one on all training rows."""

from eksplora.config import Configurator, Request
from eksplora.config.schema import ConfirmConfig
from eksplora.confirmation.candidates import candidates
from eksplora.console.work import begin
from eksplora.files import try_new_folders
from eksplora.records.folder import output_of, read_record
from eksplora.records.search import SearchRecord
from eksplora.stage.spec import on_fresh_members, own_experiment, spec_of

ON_ALL_ROWS = ("protocol=full", "early_stopping=off")
"""Overrides of a training without validation rows."""


def confirm(request: Request) -> None:
    """Confirm the best configurations of a search, choose one, train it on all rows, and register it.

    Raises:
        UserError: For what the user can fix.
        WorkerError: If no configuration can be trained.
        Interrupted: After Ctrl-C or SIGTERM; the same command goes on.
    """
    settings: ConfirmConfig = request.settings
    try_new_folders(output_of(settings.output) / "confirm")
    searched = read_record(output_of(settings.output), SearchRecord, experiment=settings.experiment)
    tried = candidates(Configurator(request.root, request.overrides), searched, settings.confirm.best)
    full = Configurator(request.root, [own_experiment(request), *ON_ALL_ROWS])({})
    begin(request.root, request.settings.experiment)
    from eksplora.confirmation.run import run  # only now: what is slow comes with it

    run(spec_of(on_fresh_members(request), settings.experiment), searched, tried, full=full)
