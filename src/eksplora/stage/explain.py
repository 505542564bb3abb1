"""Explain the confirmed model: what it looks at, and what it is made of."""

from eksplora.config import Request
from eksplora.config.schema import ExplainConfig
from eksplora.console.work import Work, begin
from eksplora.files import new_folder, try_new_folders
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.records.folder import output_of, read_record
from eksplora.records.record import to_json
from eksplora.stage._network import needs_network
from eksplora.stage.spec import on_fresh_members, spec_of


def explain(request: Request) -> None:
    """Explain the confirmed model on the test part, and write and show what came of it.

    Raises:
        UserError: For what the user can fix.
        WorkerError: If the model cannot be trained without a feature.
        Interrupted: After Ctrl-C or SIGTERM; the same command goes on.
    """
    settings: ExplainConfig = request.settings
    needs_network(request)
    output = output_of(settings.output)
    try_new_folders(output / "explain")
    confirmed = read_record(output, ConfirmRecord, experiment=settings.experiment)
    details = read_record(output, DetailsRecord, experiment=settings.experiment)
    begin(request.root, request.settings.experiment)
    with Work(f"explain {settings.experiment}") as work:
        work.step("loading PyTorch")
        from eksplora.explanation import run  # only now: what is slow comes with it

        spec = spec_of(on_fresh_members(request), settings.experiment)
        record, seconds = run.explained(spec, output / "confirm" / "model", confirmed, details, work.step)
    with new_folder(output / "explain") as folder:
        (folder / "explain.json").write_text(to_json(record), encoding="utf-8")
    run.show(record, seconds, output / "explain")
