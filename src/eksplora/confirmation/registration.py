"""A confirmed model in MLflow's registry: always as the challenger, as the champion when it is better."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eksplora.config import part
from eksplora.data.given import table_of
from eksplora.events import spool as spools
from eksplora.inference import load_ensemble
from eksplora.inference.served import Served
from eksplora.records.confirm import ConfirmRecord, Registered
from eksplora.statistics.generalization import Sample
from eksplora.statistics.sentence import in_words
from eksplora.statistics.verdict import Verdict, compare_samples
from eksplora.study.run import Outcome
from eksplora.study.setup import tracker_of
from eksplora.study.spec import StudySpec
from eksplora.table.prediction import example_rows
from eksplora.tracker.base import ModelToRegister
from eksplora.types import Config

LOADER = "eksplora.inference.served"
EXAMPLE_ROWS = 5
COMPARED = ("metric", "data", "protocol", "members")
"""Keys in which two models must agree to be compared."""


def register(spec: StudySpec, folder: Path, record: ConfirmRecord, final: Outcome) -> Registered | None:
    """Register the model in `folder`; None where nothing is tracked.

    Raises:
        StorageError: If MLflow does not take it; the same command tries again, nothing is trained twice.
    """
    tracker = tracker_of(spec.config)
    with tracker.registry() as registry:
        if registry is None:
            return None
        name = f"eksplora-{spec.experiment}"
        champion = registry.champion(name)
        version = registry.add(_model(name, spec, folder, record, final))
        is_champion, why = judged(record, champion, version)
        why, run = registry.judge(name, version, is_champion=is_champion, why=why), registry.run_of(name, version)
    alias = "champion" if is_champion else "challenger"
    return Registered(name=name, version=version, alias=alias, why=why, run=run)


def judged(record: ConfirmRecord, champion: tuple[str, Mapping[str, Any]] | None, version: str) -> tuple[bool, str]:
    """Whether a version becomes (or stays) the champion, and why.

    Args:
        record: How it was confirmed.
        champion: Version of the present champion and how that was confirmed; None where there is none.
        version: Its own.
    """
    if champion is None:
        return True, "the first model of this experiment"
    known, other = champion
    if known == version:
        return True, "it is the champion already"
    assert record.comparable is not None  # it has just been confirmed
    ours, theirs = asdict(record.comparable), other.get("comparable", {})
    different = next(
        (what for what in COMPARED if not isinstance(theirs, Mapping) or ours[what] != theirs.get(what)), ""
    )
    if not different and not _are_values(theirs.get("values"), len(ours["values"])):
        different = "values"
    if different:
        return False, (
            f"not comparable with the champion, version {known}: other {different}. "
            "Decide by hand: set the alias champion."
        )
    samples = [_sample(ours, values) for values in (ours["values"], theirs["values"])]
    (comparison,) = compare_samples(samples, [(0, 1)], direction=record.direction, alpha=record.alpha)
    words = in_words(comparison, name=f"version {version}", reference=f"the champion, version {known}")
    return comparison.verdict is Verdict.BETTER, words


def _sample(ours: Mapping[str, Any], values: Sequence[float]) -> Sample:
    """The values of members as those of our model have them: on the same splits."""
    splits = np.array([member["fold"] for member in ours["members"]])
    return Sample(np.array(values), splits, ours["ratio"] or 1.0, ours["num_rows"])


def _are_values(values: Any, count: int) -> bool:
    """Whether what a registry holds are the values of so many members."""
    is_list = isinstance(values, list) and len(values) == count
    return is_list and all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def _model(name: str, spec: StudySpec, folder: Path, record: ConfirmRecord, final: Outcome) -> ModelToRegister:
    study = spools.study_of(final.folder / "spool.jsonl")
    example = example_of(spec.config)
    is_table = part(spec.config, "data").card().get("table") is not None
    return ModelToRegister(
        name=name,
        experiment=spec.experiment,
        study=study.id,
        folder=folder,
        loader=LOADER,
        example=example,
        predictions=Served(load_ensemble(folder)).predict(example),
        description=record.headline,
        tags={"metric": record.metric, "chosen": record.chosen},
        columns=list(example.columns) if is_table else None,
    )


def example_of(config: Config) -> Any:
    """Some rows as one gives them to the model: of the training part a table, or an array of images.

    Rows for a user's own table are made of its card: none of his rows goes to the registry.
    """
    import pandas as pd

    dataset = part(config, "data")
    if dataset.card().get("table") is not None:
        return example_rows(table_of(dataset.card()))
    features, names = np.array(dataset.open("train")[0][:EXAMPLE_ROWS]), dataset.card()["feature_names"]
    return pd.DataFrame(features, columns=names) if features.ndim == 2 else features


def show_registered(registered: Registered | None) -> None:
    """Print what became of the model in the registry."""
    if registered is not None:
        name, version = registered.name, registered.version
        print(f"  registry {name} version {version}: {registered.alias}; {registered.why}")
