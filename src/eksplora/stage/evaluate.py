"""The stage `evaluate`: the test part, opened for the confirmed model."""

import shutil

from eksplora.config import Request
from eksplora.config.schema import SearchConfig
from eksplora.console.work import Work, begin
from eksplora.files import as_json, new_folder, try_new_folders
from eksplora.records.folder import output_of, read_facts


def evaluate(request: Request) -> None:
    """Measure the confirmed model on the test part, record it, and write and show what came of it.

    Raises:
        UserError: For what the user can mend.
    """
    settings: SearchConfig = request.settings
    output = output_of(settings.output)
    try_new_folders(output / "evaluate")
    confirmed = read_facts(output, "confirm", experiment=settings.experiment)
    begin(request.root, request.settings.experiment)
    model = output / "confirm" / "model"
    with Work(f"evaluate {settings.experiment}") as work, new_folder(output / "evaluate") as folder:
        work.step("loading PyTorch")
        from eksplora.assessment import evaluation  # only now: what is slow comes with it

        measured = evaluation.measure(request, model, confirmed, work.step)
        work.step("MLflow")
        for name, text in evaluation.tables(measured).items():
            (folder / name).write_text(text, encoding="utf-8")
        facts = evaluation.record(request, confirmed, measured)
        (folder / "metrics.json").write_text(as_json(evaluation.metrics(facts)))
        (folder / "evaluate.json").write_text(as_json(facts))
        shutil.copyfile(model / "card.json", folder / "card.json")
    evaluation.show(facts, output / "evaluate")
