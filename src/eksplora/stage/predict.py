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
    import pandas as pd

    from eksplora.data.given import Given
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
        ensemble = _ensemble(request, str(settings.trained))
        work.step("reading the rows")
        given = _given(Path(str(settings.input)), ensemble)
        work.step("predicting")
        table = ensemble.predict(given.features)
    table.insert(0, given.head if given.head not in table.columns else "row", given.names)
    write_file(Path(settings.output), frame_as_csv(table))
    shown = [column for column in table.columns if not column.startswith("p_")]
    rows = table[shown].head(MOST_SHOWN).to_dict("records")
    print_best(rows, title=f"First {len(rows)} of {len(table)} predictions", limit=MOST_SHOWN)
    for line in [*given.remarks, *scores(ensemble, given, table)]:
        print(f"  {line}")
    print(
        f"  predictions  {settings.output}   ({len(table)} rows, {len(ensemble.networks)} members; std: their spread)"
    )


def _given(path: Path, ensemble: "Ensemble") -> "Given":
    """The rows of a file, by the rules of the model's data set."""
    from eksplora.data.given import Given, of_images, of_table, read_given  # only now: what is slow comes with it

    if ensemble.card.get("table"):
        return of_table(path, ensemble.card)
    if ensemble.card.get("images"):
        return of_images(path, ensemble.card, ensemble.config["data"].get("target"))
    return Given(*read_given(path, ensemble.card))


def scores(ensemble: "Ensemble", given: "Given", table: "pd.DataFrame") -> list[str]:
    """Quality of the predictions, where the file has the targets; rows without one are left out."""
    if given.targets is None:
        return []
    import numpy as np

    from eksplora.evaluation import classification, regression

    known = given.targets >= 0 if given.targets.ndim == 1 else ~np.isnan(given.targets).any(axis=1)
    if not known.any() or given.task == "multilabel":
        return []
    if given.targets.ndim == 1:
        probabilities = table[[f"p_{name}" for name in ensemble.classes or ()]].to_numpy()[known]
        found = {"": classification.measures(probabilities, given.targets[known])}
    else:
        predicted = [name for name in table.columns if name.startswith("prediction")]
        found = {
            name.removeprefix("prediction"): regression.measures(table[name].to_numpy()[known], own[known])
            for name, own in zip(predicted, given.targets.T, strict=True)
        }
    shown = {
        name: (f"{key} {value:.4g}" for key, value in own.items() if value is not None) for name, own in found.items()
    }
    rows = f"{int(known.sum())} rows with a target"
    return [f"scores{name.ljust(7)}{', '.join(measures)}   ({rows})" for name, measures in shown.items()]


def _ensemble(request: Request, model: str) -> "Ensemble":
    """The model of a folder, or of MLflow's registry."""
    if not model.startswith("models:/"):
        return load_ensemble(model)
    tracker = tracker_of(request.config)
    with tracker.registry() as registry, tempfile.TemporaryDirectory() as folder:
        if registry is None:
            raise ConfigError("trained: tracker=off has no registry. Give a folder, or use tracker=mlflow.")
        return load_ensemble(registry.fetch(model, Path(folder)))
