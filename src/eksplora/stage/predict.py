"""Predict with a confirmed model: a table, arrays or images in, predictions with their uncertainty out."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from eksplora.config import Request
from eksplora.config.schema import PredictConfig
from eksplora.console.table import print_best
from eksplora.console.work import Work, begin
from eksplora.errors import ConfigError, command_line
from eksplora.files import try_writing, write_file
from eksplora.inference import load_ensemble
from eksplora.records.table import frame_as_csv
from eksplora.study.setup import tracker_of

if TYPE_CHECKING:  # torch comes with it
    from eksplora.inference.ensemble import Ensemble

MOST_SHOWN = 10
"""Predictions that the terminal shows."""


def predict(request: Request) -> None:
    """Predict for the rows of a file, write and show the predictions.

    Raises:
        UserError: For what the user can fix; nothing is written then.
    """
    settings: PredictConfig = request.settings
    for key in ("trained", "input"):
        if not getattr(settings, key):
            raise ConfigError(f"{key}: has no value. Give one: {command_line('predict')} trained=... input=...")
    try_writing(Path(settings.output))
    begin(request.root, str(settings.input))
    with Work(f"predict {settings.input}") as work:
        work.step("opening the model")
        from eksplora.data.given import read_given  # only now: what is slow comes with it

        ensemble = _ensemble(request, str(settings.trained))
        work.step("reading the rows")
        names, features = read_given(Path(str(settings.input)), ensemble.card)
        work.step("predicting")
        table = ensemble.predict(features)
    table.insert(0, "row", names)
    write_file(Path(settings.output), frame_as_csv(table))
    shown = [column for column in table.columns if not column.startswith("p_")]
    rows = table[shown].head(MOST_SHOWN).to_dict("records")
    print_best(rows, title=f"First {len(rows)} of {len(table)} predictions", limit=MOST_SHOWN)
    print(
        f"  predictions  {settings.output}   ({len(table)} rows, {len(ensemble.networks)} members; std: their spread)"
    )


def _ensemble(request: Request, model: str) -> "Ensemble":
    """The model of a folder, or of MLflow's registry."""
    if not model.startswith("models:/"):
        return load_ensemble(model)
    tracker = tracker_of(request.config)
    with tracker.registry() as registry, tempfile.TemporaryDirectory() as folder:
        if registry is None:
            raise ConfigError("trained: tracker=off has no registry. Give a folder, or use tracker=mlflow.")
        return load_ensemble(registry.fetch(model, Path(folder)))
