"""Open the test part for the confirmed model, once."""

import shutil
from typing import Any

from eksplora.baselines.choice import without_networks
from eksplora.config import Configurator, Request, metrics_for, part, stated_files
from eksplora.config.compatibility import task_of
from eksplora.config.schema import SearchConfig
from eksplora.console.work import Work, begin
from eksplora.files import as_json, new_folder, try_new_folders
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.folder import output_of, read_record
from eksplora.records.record import to_json
from eksplora.stage._network import needs_network
from eksplora.types import Config


def evaluate(request: Request) -> None:
    """Measure the confirmed model on the test part, record it, and write and show what came of it.

    Raises:
        UserError: For what the user can fix.
    """
    settings: SearchConfig = request.settings
    needs_network(request)
    output = output_of(settings.output)
    try_new_folders(output / "evaluate")
    confirmed = read_record(output, ConfirmRecord, experiment=settings.experiment)
    begin(request.root, request.settings.experiment)
    model = output / "confirm" / "model"
    with Work(f"evaluate {settings.experiment}") as work, new_folder(output / "evaluate") as folder:
        work.step("loading PyTorch")
        from eksplora.assessment import record  # only now: what is slow comes with it
        from eksplora.assessment.measurement import measure

        known, dataset = metrics_of(request), part(request.config, "data")
        measured = measure(model, confirmed, dataset, known, work.step, baselines_of(request))
        work.step("MLflow")
        for name, text in record.tables(measured).items():
            (folder / name).write_text(text, encoding="utf-8")
        evaluated = record.record(request.config, request.command, confirmed, measured)
        (folder / "metrics.json").write_text(as_json(record.metrics(evaluated)))
        (folder / "evaluate.json").write_text(to_json(evaluated))
        shutil.copyfile(model / "card.json", folder / "card.json")
    record.show(evaluated, output / "evaluate")


def baselines_of(request: Request) -> dict[str, Config]:
    """The configurations of plain baselines to compare with, by name; as their files state them."""
    own = {key: request.config[key] for key in ("data", "task", "metric", "objective")}
    stated = stated_files("baseline")
    names = without_networks(request.config, request.choices)
    return {name: own | {"baseline": dict(stated[name])} for name in names if name in stated}


def metrics_of(request: Request) -> dict[str, Any]:
    """All metrics that are for the task, by the names that they have in curves, the objective's first."""
    from eksplora.assessment.metrics import leave_out

    own, labels = request.choices["objective"], stated_files("objective")
    files = sorted(metrics_for(task_of(request.config)), key=lambda file: (file != own, file))
    configure = Configurator(request.root, request.overrides)
    found = {request.settings.objective.metric: part(request.config, "metric")}
    for file in files:
        if file == own:
            continue
        try:
            name = str(labels.get(file, {}).get("metric", file))
            found[name] = part({"metric": configure({"metric": file})["metric"]}, "metric")
        except Exception as error:  # nobody chose it: it may be another experiment's, or half written
            leave_out(file, error)
    return found
