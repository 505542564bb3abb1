"""A confirmed model on the test part: each member by itself, and all of them together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from eksplora.assessment.baseline import beside_baselines
from eksplora.assessment.details import detailed
from eksplora.assessment.metrics import of_each_target, of_ensemble, usable, values_of
from eksplora.assessment.part import TestPart
from eksplora.config.compatibility import task_of
from eksplora.data.card import target_names
from eksplora.evaluation.finite import check_finite
from eksplora.evaluation.labels import words
from eksplora.inference.confirmed import confirmed_model
from eksplora.inference.ensemble import Ensemble
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.records.estimate import Estimate
from eksplora.records.evaluate import BesideBaseline
from eksplora.statistics.decomposition import Decomposition, squared_error, zero_one
from eksplora.types import Config


@dataclass(frozen=True)
class Measurement:
    """Evaluation of a model on the test part.

    Attributes:
        metrics: Per metric, its value of each member.
        together: Per metric, that of the mean prediction of all members, with its interval for new rows.
        table: Row by row: `row`, `actual`, `predicted`, for numbers `residual`, and what the members say beside it.
        test_sha256: Hashes of the test part's features and targets.
        decomposition: The members' expected loss as bias and variance; None for several targets at once.
        details: All that the page shows of the test part, see `details.detailed`.
        baselines: Plain baselines beside the model.
    """

    metrics: Mapping[str, Sequence[float]]
    together: Mapping[str, Estimate]
    table: pd.DataFrame
    test_sha256: Mapping[str, str]
    decomposition: Decomposition | None = None
    details: DetailsRecord | None = None
    baselines: Sequence[BesideBaseline] = ()


def measure(
    model: Path,
    confirmed: ConfirmRecord,
    dataset: Any,
    known: Mapping[str, Any],
    begins: Callable[[str], None] = lambda step: None,
    baselines: Mapping[str, Config] = MappingProxyType({}),
) -> Measurement:
    """Open the test part and measure the model on it; each step `begins` with its name.

    Args:
        model: Its folder.
        confirmed: The facts of its confirmation.
        dataset: Its data set.
        known: Metrics by name, the objective's first; others that cannot be computed are left out.
        begins: Called with the name of each step.
        baselines: The configuration of each plain baseline to compare with, by name.

    Raises:
        DataError: If weights or data are not those that were confirmed.
        UserError: If predictions are not finite.
    """
    begins("opening the test part")
    ensemble = confirmed_model(model, confirmed, dataset)
    arrays = dataset.card()["arrays"]
    features, targets = (np.array(one) for one in dataset.open("test"))
    begins("predictions of the test part")
    each = ensemble.members(features)
    check_finite(each)
    part = TestPart(ensemble, each, targets, dataset.beside("test", "groups"), dataset.beside("test", "weights"))
    metrics = of_each_target(usable(part, known), ensemble.card)
    values = [values_of(part, metrics, prediction) for prediction in each]
    begins("measures, intervals and examples")
    details = detailed(ensemble, features, targets, each, part.groups, part.weights)
    begins("baselines")
    objective = next(iter(metrics.items()))
    beside = beside_baselines(part, baselines, objective, confirmed.direction, confirmed.alpha)
    return Measurement(
        metrics={name: [one[name] for one in values] for name in metrics},
        together={
            name: of_ensemble({name: metric}, part, details.measures.get(name)) for name, metric in metrics.items()
        },
        table=table_of(ensemble, features, targets),
        test_sha256={name: arrays[name]["sha256"] for name in ("test_features", "test_targets")},
        decomposition=decomposed(each, targets),
        details=details,
        baselines=beside,
    )


def decomposed(each: NDArray[np.float64], targets: NDArray[Any]) -> Decomposition | None:
    """Bias and variance over members: of the squared error of numbers, of the error rate of classes.

    Args:
        each: What the members predict, (members, rows, columns): probabilities of classes, or numbers.
        targets: Classes (rows,), or numbers (rows, targets).
    """
    if targets.ndim == 1:
        classes = each.argmax(2) if each.shape[2] > 1 else (each[:, :, 0] > 0.5).astype(np.int64)
        return zero_one(classes, targets)
    return squared_error(each[:, :, 0], targets[:, 0]) if targets.shape[1] == 1 else None


def table_of(ensemble: Ensemble, features: NDArray[Any], targets: NDArray[Any]) -> pd.DataFrame:
    """Row by row, what is and what the members together say."""
    predicted = ensemble.predict(features)
    rows = pd.DataFrame({"row": np.arange(len(targets))})
    if ensemble.classes is not None:
        rows["actual"] = [ensemble.classes[number] for number in targets]
        return pd.concat([rows, predicted.rename(columns={"prediction": "predicted"})], axis=1)
    flat = targets.reshape(len(targets), -1)
    if task_of(ensemble.config) == "multilabel":
        names = target_names(ensemble.card)
        rows["actual"] = [words([name for name, has in zip(names, own, strict=True) if has]) for own in flat]
        return pd.concat([rows, predicted.rename(columns={"prediction": "predicted"})], axis=1)
    for number, name in enumerate(target_names(ensemble.card)):
        end = f"_{name}" if flat.shape[1] > 1 else ""
        rows[f"actual{end}"] = flat[:, number]
        rows[f"predicted{end}"] = predicted[f"prediction{end}"]
        rows[f"residual{end}"] = rows[f"actual{end}"] - rows[f"predicted{end}"]
        rows[f"std{end}"] = predicted[f"std{end}"]
    return rows
