"""The stage `evaluate`: the test part, opened for the confirmed model."""

import shutil

from eksplora.build import Request
from eksplora.console.work import Work
from eksplora.schema import SearchConfig
from eksplora.stage._begin import begin
from eksplora.stage._results import as_json, new_folder, output_of, read_facts, try_new_folders


def evaluate(request: Request) -> None:
    """Measure the confirmed model on the test part, record it, and write and show what came of it.

    Raises:
        UserError: For what the user can mend.
    """
    settings: SearchConfig = request.settings
    output = output_of(settings)
    try_new_folders(output / "evaluate")
    confirmed = read_facts(output, "confirm", experiment=settings.experiment)
    begin(request)
    model = output / "confirm" / "model"
    with Work(f"evaluate {settings.experiment}") as work, new_folder(output / "evaluate") as folder:
        work.step("loading PyTorch")
        from eksplora.stage import _evaluation  # only now: what is slow comes with it

        measured = _evaluation.measure(request, model, confirmed, work.step)
        work.step("MLflow")
        for name, text in _evaluation.tables(measured).items():
            (folder / name).write_text(text, encoding="utf-8")
        facts = _evaluation.record(request, confirmed, measured)
        (folder / "metrics.json").write_text(as_json(_evaluation.metrics(facts)))
        (folder / "evaluate.json").write_text(as_json(facts))
        shutil.copyfile(model / "card.json", folder / "card.json")
    _evaluation.show(facts, output / "evaluate")
