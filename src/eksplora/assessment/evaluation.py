"""A confirmed model on the test part: each member by itself, and all of them together."""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torchmetrics import R2Score

from eksplora.assessment.details import detailed
from eksplora.config import Configurator, Request, metrics_for, part
from eksplora.config.compatibility import task_of
from eksplora.console.table import print_best
from eksplora.counter import fingerprint
from eksplora.errors import DataError
from eksplora.evaluation.finite import check_finite
from eksplora.events import spool as spools
from eksplora.files import as_json
from eksplora.inference import load_ensemble
from eksplora.inference.ensemble import Ensemble
from eksplora.records.folder import as_csv
from eksplora.statistics.decomposition import Decomposition, squared_error, zero_one
from eksplora.statistics.interval import over_members
from eksplora.study.publication import add, study_of

_OTHER_HASH = (
    "its sha256 is not that in confirm.json. "
    "Run the stage before again: python pipelines/confirm.py, or dvc repro --force on it."
)


@dataclass(frozen=True)
class Measured:
    """What a model makes of the test part.

    Attributes:
        metrics: Per metric, its value of each member.
        together: Per metric, its value of the mean prediction of all members.
        table: Row by row: `row`, `actual`, `predicted`, for numbers `residual`, and what the members say beside it.
        test_sha256: Hashes of the test part's features and targets.
        decomposition: The members' expected loss as bias and variance; None for several targets at once.
        details: All that the page shows of the test part, see `eksplora.evaluation.details`.
    """

    metrics: Mapping[str, Sequence[float]]
    together: Mapping[str, float]
    table: pd.DataFrame
    test_sha256: Mapping[str, str]
    decomposition: Decomposition | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def measure(
    request: Request, model: Path, confirmed: Mapping[str, Any], begins: Callable[[str], None] = lambda step: None
) -> Measured:
    """Open the test part and measure the model on it; each step `begins` with its name.

    Raises:
        DataError: If weights or data are not those that were confirmed.
        UserError: If predictions are not finite.
    """
    begins("opening the test part")
    ensemble, dataset = opened(request, model, confirmed)
    arrays = dataset.card()["arrays"]
    features, targets = dataset.open("test")
    begins("predictions of the test part")
    each = ensemble.members(np.array(features))
    check_finite(each)
    metrics = usable(ensemble, metrics_of(request), each[0], targets)
    values = [_values(ensemble, metrics, prediction, targets) for prediction in each]
    begins("measures, intervals and examples")
    return Measured(
        metrics={name: [one[name] for one in values] for name in metrics},
        together=_values(ensemble, metrics, each.mean(0), targets),
        table=table_of(ensemble, np.array(features), np.array(targets)),
        test_sha256={name: arrays[name]["sha256"] for name in ("test_features", "test_targets")},
        decomposition=decomposed(each, np.array(targets)),
        details=detailed(ensemble, np.array(features), np.array(targets), each),
    )


def opened(request: Request, model: Path, confirmed: Mapping[str, Any]) -> tuple[Ensemble, Any]:
    """The confirmed model and its data set.

    Raises:
        DataError: If weights, configuration or data are not those that were confirmed.
    """
    check_weights(model, confirmed["final"]["weights_sha256"])
    ensemble = load_ensemble(model)
    check_config(ensemble.config, confirmed["final"]["key"], model)
    dataset = part(request.config, "data")
    check_data(dataset.card()["arrays"], confirmed["provenance"])
    return ensemble, dataset


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


def check_weights(model: Path, known: Sequence[str]) -> None:
    """Refuse weights that are not those that were trained, and those of further members.

    Raises:
        DataError: Naming the file.
    """
    wanted = {f"member-{member}.safetensors": sha256 for member, sha256 in enumerate(known)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in model.glob("member-*.safetensors")}
    for name in sorted(wanted.keys() | found.keys()):
        if found.get(name) != wanted.get(name):
            raise DataError(f"{model / name} is not what was confirmed: {_OTHER_HASH}")


def check_config(config: Mapping[str, Any], key: str, model: Path) -> None:
    """Refuse another configuration than that which the model was trained with.

    Raises:
        DataError: Naming the file.
    """
    if fingerprint(config) != key:
        raise DataError(f"{model / 'config.yaml'} is not what was confirmed: {_OTHER_HASH}")


def check_data(arrays: Mapping[str, Mapping[str, Any]], provenance: Mapping[str, str]) -> None:
    """Refuse other data than those that the model was confirmed with.

    Raises:
        DataError: Naming the array.
    """
    for name, entry in arrays.items():
        known = provenance.get(f"data.{name}.sha256")
        if entry["sha256"] != known:
            raise DataError(
                f"data.{name}: the prepared array is not the one that the model was confirmed with. "
                "Bring that one back (dvc checkout), or search and confirm again."
            )


def metrics_of(request: Request) -> dict[str, Any]:
    """All metrics that are for the task, by the names that they have in curves, the objective's first."""
    own, asked = request.choices["objective"], [f"experiment={request.choices['experiment']}"]
    files = sorted(metrics_for(task_of(request.config)), key=lambda file: (file != own, file))
    configure, stated = Configurator(request.root, request.overrides), Configurator(request.root, asked)
    found = {request.settings.objective.metric: part(request.config, "metric")}
    for file in files:
        if file == own:
            continue
        try:
            name = stated({"objective": file})["objective"]["metric"]
            found[name] = part({"metric": configure({"metric": file})["metric"]}, "metric")
        except Exception as error:  # nobody chose it: it may be another experiment's, or half written
            _leave_out(file, error)
    return found


def _leave_out(metric: str, error: Exception) -> None:
    reason = " ".join(str(error).split())
    print(f"the metric {metric} is left out, it cannot be used here: {reason}", file=sys.stderr)


def usable(
    ensemble: Ensemble, metrics: Mapping[str, Any], prediction: NDArray[np.float64], targets: NDArray[Any]
) -> dict[str, Any]:
    """The metrics that can be computed: the objective's, which is the first, and others that do not raise."""
    found = dict(metrics)
    for name in list(metrics)[1:]:
        try:
            _values(ensemble, {name: metrics[name]}, prediction, targets)
        except DataError:
            continue  # it has its own message
        except Exception as error:  # nobody chose it
            _leave_out(name, error)
            del found[name]
    return found


def _values(
    ensemble: Ensemble, metrics: Mapping[str, Any], prediction: NDArray[np.float64], targets: NDArray[Any]
) -> dict[str, float]:
    """The metrics of predictions (rows, columns).

    Raises:
        DataError: If a metric is not defined for so few rows.
    """
    task = part(ensemble.config, "task")
    target = task.metric_target(task.target(torch.from_numpy(np.array(targets))))
    predicted = torch.from_numpy(prediction)
    predicted = predicted[:, 0] if target.dim() == 1 and predicted.shape[1] == 1 else predicted
    found = {}
    for name, metric in metrics.items():
        metric.reset()
        try:
            found[name] = _value(metric, predicted, target)
        except ValueError as error:  # R^2 of a single row
            raise DataError(f"{name} of {len(targets)} test rows: {error} Raise data.test_fraction.") from None
    return found


def _value(metric: Any, predicted: torch.Tensor, target: torch.Tensor) -> float:
    """A metric of all rows, where torchmetrics' own would mislead.

    A mean over classes leaves out those without rows, as `evaluation.classification` does: torchmetrics counts them as
    0. R^2 is of standardized numbers, which changes nothing but rounding: in single precision a sum of squares of large
    targets, or of tiny ones, is noise.
    """
    if isinstance(metric, R2Score) and len(target) > 1 and (target.std(0) > 0).all():
        wide = target.double()
        center, scale = wide.mean(0), wide.std(0)
        predicted, target = (predicted.double() - center) / scale, ((wide - center) / scale).float()
    predicted = predicted.float()
    is_mean = getattr(metric, "average", None) == "macro"
    if is_mean:
        metric.average = "none"
    metric.update(predicted, target)
    value = metric.compute()
    if is_mean:
        metric.average = "macro"
        value = value[torch.bincount(target, minlength=len(value)) > 0].mean()
    return float(value)


def table_of(ensemble: Ensemble, features: NDArray[Any], targets: NDArray[Any]) -> pd.DataFrame:
    """Row by row, what is and what the members together say."""
    predicted = ensemble.predict(features)
    rows = pd.DataFrame({"row": np.arange(len(targets))})
    if ensemble.classes is not None:
        rows["actual"] = [ensemble.classes[number] for number in targets]
        return pd.concat([rows, predicted.rename(columns={"prediction": "predicted"})], axis=1)
    flat = targets.reshape(len(targets), -1)
    for number in range(flat.shape[1]):
        end = f"_{number}" if flat.shape[1] > 1 else ""
        rows[f"actual{end}"] = flat[:, number]
        rows[f"predicted{end}"] = predicted[f"prediction{end}"]
        rows[f"residual{end}"] = rows[f"actual{end}"] - rows[f"predicted{end}"]
        rows[f"std{end}"] = predicted[f"std{end}"]
    return rows


# --- what is handed on -------------------------------------------------------------------------------------------


def tables(measured: Measured) -> dict[str, str]:
    """The predictions, a test row a line, and what the page shows of them, as texts of files."""
    return {
        "predictions.csv": as_csv(measured.table),
        "details.json": json.dumps(measured.details, allow_nan=False) + "\n",
    }


def described(measured: Measured) -> dict[str, Any]:
    """Each metric in numbers: of the members with mean and spread, and of all together."""
    return {
        name: {**over_members(values), "ensemble": measured.together[name]} for name, values in measured.metrics.items()
    }


def metrics(facts: Mapping[str, Any]) -> dict[str, float]:
    """What is worth comparing with another time's: the objective with its interval, and the mean of each metric."""
    own = facts["test"][facts["metric"]]
    numbers = {"objective": own["mean"], "low": own["low"], "high": own["high"], "ensemble": own["ensemble"]}
    numbers |= {name: one["mean"] for name, one in facts["test"].items()}
    return {name: value for name, value in numbers.items() if value is not None}


def record(request: Request, confirmed: Mapping[str, Any], measured: Measured) -> dict[str, Any]:
    """Write the evaluation into the spool of the study that trained the model, and so into MLflow; returns the facts.

    Raises:
        StudyError: If another process works on that study.
        StorageError: If MLflow does not take it.
    """
    study = study_of(request, confirmed)
    test, card = described(measured), part(request.config, "data").card()
    facts = {
        "experiment": request.settings.experiment,
        "headline": headline(test, request.settings.objective.metric, len(measured.table)),
        "metric": request.settings.objective.metric,
        "rows": len(measured.table),
        "data": {key: card[key] for key in ("name", "source", "rows")},
        "test": test,
        "bias_variance": None if measured.decomposition is None else asdict(measured.decomposition),
        "test_sha256": dict(measured.test_sha256),
        "model": confirmed["chosen"],
        "studies": confirmed["studies"],
        "provenance": confirmed["provenance"],
    }
    files = {"evaluate.json": as_json(facts), **tables(measured)}
    event = as_event(facts, measured)
    add(request, study, "evaluation", event, {f"evaluation/{name}": text.encode() for name, text in files.items()})
    opened = openings(study.parent, request.settings.experiment, measured.test_sha256)
    return facts | {"opened": opened, "command": request.command}


def as_event(facts: Mapping[str, Any], measured: Measured) -> dict[str, Any]:
    """The evaluation as the spool holds it: metrics of the trial and of its members, and what was opened."""
    metrics = {f"test/{name}": one["mean"] for name, one in facts["test"].items()}
    metrics |= {f"test/{name}_std": one["std"] for name, one in facts["test"].items() if one["std"] is not None}
    metrics |= {f"test_ensemble/{name}": one["ensemble"] for name, one in facts["test"].items()}
    count = len(next(iter(measured.metrics.values())))
    members = [{f"test/{name}": values[i] for name, values in measured.metrics.items()} for i in range(count)]
    return {"trial": 0, "metrics": metrics, "members": members, "test_sha256": dict(measured.test_sha256)}


def openings(studies: Path, experiment: str, test_sha256: Mapping[str, str]) -> int:
    """For how many confirmed models of an experiment this test part has been opened on this machine."""
    count = 0
    for spool in studies.glob(f"{experiment}-final*/spool.jsonl"):
        events = (event for event in spools.read(spool) if event.kind == "evaluation")
        count += any(event.data["test_sha256"] == dict(test_sha256) for event in events)
    return count


def headline(test: Mapping[str, Mapping[str, Any]], metric: str, rows: int) -> str:
    """The result in a sentence."""
    one = test[metric]
    interval = "" if one["low"] is None else f" [{one['low']:.4g}, {one['high']:.4g}]"
    count = len(one["members"])
    members = "1 member" if count == 1 else f"{count} members"
    return (
        f"Test {metric} {one['mean']:.4g}{interval} over {members} on {rows} test rows; "
        f"all members together {one['ensemble']:.4g}."
    )


def show(facts: Mapping[str, Any], folder: Path) -> None:
    """Print what the test part has shown."""
    print(f"\n{facts['headline']}\n")
    rows = [
        {"test": name, **{key: one[key] for key in ("mean", "low", "high", "std", "ensemble")}}
        for name, one in facts["test"].items()
    ]
    print_best(rows, title="Test part: mean, 95% interval and spread over members; all together", limit=50)
    if facts["opened"] > 1:
        print(
            f"This test part has been opened for {facts['opened']} confirmed models of this experiment: "
            "each further look makes it less of a test."
        )
    print(f"  facts        {folder / 'evaluate.json'}")
    print(f"  predictions  {folder / 'predictions.csv'}")
