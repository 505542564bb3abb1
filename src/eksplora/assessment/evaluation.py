"""A confirmed model on the test part: each member by itself, and all of them together."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torchmetrics import R2Score

from eksplora.assessment.details import detailed
from eksplora.assessment.left_out import of_any
from eksplora.config import part
from eksplora.config.compatibility import task_of
from eksplora.console.table import print_best
from eksplora.data.card import target_names, target_units
from eksplora.errors import DataError
from eksplora.evaluation.finite import check_finite
from eksplora.evaluation.labels import words
from eksplora.evaluation.summary import counted, summary
from eksplora.events import spool as spools
from eksplora.events.event import Evaluation
from eksplora.inference.confirmed import confirmed_model
from eksplora.inference.ensemble import Ensemble
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.records.estimate import Estimate
from eksplora.records.evaluate import BiasVariance, ColumnRecord, DataRecord, EvaluationRecord
from eksplora.records.measure import Measure
from eksplora.records.record import to_json
from eksplora.records.table import frame_as_csv
from eksplora.statistics.decomposition import Decomposition, squared_error, zero_one
from eksplora.study.publication import add, study_of
from eksplora.table import TableCard
from eksplora.table.lines import content_of
from eksplora.training.task import comparable
from eksplora.types import Command, Config
from eksplora.untrusted import parse_json
from eksplora.work.weighted import metric_for


@dataclass(frozen=True)
class Measured:
    """Evaluation of a model on the test part.

    Attributes:
        metrics: Per metric, its value of each member.
        together: Per metric, that of the mean prediction of all members, with its interval for new rows.
        table: Row by row: `row`, `actual`, `predicted`, for numbers `residual`, and what the members say beside it.
        test_sha256: Hashes of the test part's features and targets.
        decomposition: The members' expected loss as bias and variance; None for several targets at once.
        details: All that the page shows of the test part, see `eksplora.evaluation.details`.
    """

    metrics: Mapping[str, Sequence[float]]
    together: Mapping[str, Estimate]
    table: pd.DataFrame
    test_sha256: Mapping[str, str]
    decomposition: Decomposition | None = None
    details: DetailsRecord | None = None


def measure(
    model: Path,
    confirmed: ConfirmRecord,
    dataset: Any,
    known: Mapping[str, Any],
    begins: Callable[[str], None] = lambda step: None,
) -> Measured:
    """Open the test part and measure the model on it; each step `begins` with its name.

    Args:
        model: Its folder.
        confirmed: The facts of its confirmation.
        dataset: Its data set.
        known: Metrics by name, the objective's first; others that cannot be computed are left out.
        begins: Called with the name of each step.

    Raises:
        DataError: If weights or data are not those that were confirmed.
        UserError: If predictions are not finite.
    """
    begins("opening the test part")
    ensemble = confirmed_model(model, confirmed, dataset)
    arrays = dataset.card()["arrays"]
    features, targets = dataset.open("test")
    begins("predictions of the test part")
    each = ensemble.members(np.array(features))
    check_finite(each)
    groups, weights = dataset.beside("test", "groups"), dataset.beside("test", "weights")
    metrics = of_each_target(usable(ensemble, known, each[0], targets, weights), ensemble.card)
    values = [_values(ensemble, metrics, prediction, targets, weights) for prediction in each]
    begins("measures, intervals and examples")
    details = detailed(ensemble, np.array(features), np.array(targets), each, groups, weights)
    return Measured(
        metrics={name: [one[name] for one in values] for name in metrics},
        together={
            name: _together({name: metric}, ensemble, each, targets, details.measures.get(name), groups, weights)
            for name, metric in metrics.items()
        },
        table=table_of(ensemble, np.array(features), np.array(targets)),
        test_sha256={name: arrays[name]["sha256"] for name in ("test_features", "test_targets")},
        decomposition=decomposed(each, np.array(targets)),
        details=details,
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


def of_each_target(metrics: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics and, of several targets, each for every target: named `<target>/<metric>`."""
    names = target_names(card) if target_units(card) is not None else []
    return {**metrics, **{f"{target}/{name}": metric for target in names for name, metric in metrics.items()}}


def leave_out(metric: str, error: Exception) -> None:
    """Say that a metric that nobody chose is left out."""
    reason = " ".join(str(error).split())
    print(f"the metric {metric} is left out, it cannot be used here: {reason}", file=sys.stderr)


def usable(
    ensemble: Ensemble,
    metrics: Mapping[str, Any],
    prediction: NDArray[np.float64],
    targets: NDArray[Any],
    weights: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """The metrics that can be computed: the objective's, which is the first, and others that do not raise."""
    found = dict(metrics)
    for name in list(metrics)[1:]:
        try:
            _values(ensemble, {name: metrics[name]}, prediction, targets, weights)
        except DataError:
            continue  # it has its own message
        except Exception as error:  # nobody chose it
            leave_out(name, error)
            del found[name]
    return found


def _values(
    ensemble: Ensemble,
    metrics: Mapping[str, Any],
    prediction: NDArray[np.float64],
    targets: NDArray[Any],
    weights: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """The metrics of predictions (rows, columns); of several targets in their units, or of the one that a name has.

    Raises:
        DataError: If a metric is not defined for so few rows.
    """
    task = part(ensemble.config, "task")
    target = task.metric_target(task.target(torch.from_numpy(np.array(targets))))
    predicted = torch.from_numpy(prediction)
    predicted = predicted[:, 0] if target.dim() == 1 and predicted.shape[1] == 1 else predicted
    units, found = target_units(ensemble.card), {}
    of_rows = None if weights is None else torch.from_numpy(np.array(weights))
    for name, plain in metrics.items():
        metric = metric_for(plain, weights)
        metric.reset()
        of_target = name.rpartition("/")[0]
        try:
            if of_target:
                place = target_names(ensemble.card).index(of_target)
                found[name] = _value(metric, predicted[:, [place]], target[:, [place]], of_rows)
            else:
                tensor = None if units is None else torch.from_numpy(units)
                found[name] = _value(metric, comparable(predicted, tensor), comparable(target, tensor), of_rows)
        except ValueError as error:  # R^2 of a single row
            raise DataError(f"{name} of {len(targets)} test rows: {error} Raise data.test_fraction.") from None
    return found


def _value(metric: Any, predicted: torch.Tensor, target: torch.Tensor, weights: torch.Tensor | None = None) -> float:
    """A metric of all rows, where torchmetrics' own would mislead.

    A mean over classes leaves out those without rows, as `evaluation.classification` does: torchmetrics counts them as
    0. R^2 is of standardized numbers, which changes nothing but rounding: in single precision a sum of squares of large
    targets, or of tiny ones, is noise.
    """
    if weights is not None:  # formulas of our own
        metric.update(predicted, target, weights)
        return float(metric.compute())
    if isinstance(metric, R2Score) and len(target) > 1 and (target.std(0) > 0).all():
        wide = target.double()
        center, scale = wide.mean(0), wide.std(0)
        predicted, target = (predicted.double() - center) / scale, ((wide - center) / scale).float()
    predicted = predicted.float()
    is_mean = getattr(metric, "average", None) == "macro" and target.dim() == 1
    if is_mean:
        metric.average = "none"
    metric.update(predicted, target)
    value = metric.compute()
    if is_mean:
        metric.average = "macro"
        value = value[torch.bincount(target, minlength=len(value)) > 0].mean()
    return float(value)


def _together(
    metrics: Mapping[str, Any],
    ensemble: Ensemble,
    each: NDArray[np.float64],
    targets: Any,
    known: Measure | None,
    groups: NDArray[np.int64] | None,
    weights: NDArray[np.float64] | None,
) -> Estimate:
    """A metric of all members together, with its interval: that of the measure of its name, where both are the same."""
    (name,) = metrics

    def value(prediction: NDArray[np.float64], rows: NDArray[Any], of_rows: NDArray[np.float64] | None = None) -> float:
        return _values(ensemble, metrics, prediction, rows, of_rows)[name]

    own = value(each.mean(0), targets, weights)
    if known is not None and known.ensemble.mean is not None and isclose(own, known.ensemble.mean, rel_tol=1e-5):
        low, high = known.ensemble.low, known.ensemble.high
        if low is None or high is None:
            return replace(known.ensemble, mean=own)
        return replace(known.ensemble, mean=own, low=min(low, own), high=max(high, own))  # own is of 32-bit floats
    return of_any(value, each, np.array(targets), name, groups, weights)


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


# --- what is handed on -------------------------------------------------------------------------------------------


def tables(measured: Measured) -> dict[str, str]:
    """The predictions, a test row a line, and the details that the page shows, as texts of files."""
    details = {} if measured.details is None else {"details.json": to_json(measured.details, indent=None)}
    return {"predictions.csv": frame_as_csv(measured.table), **details}


def described(measured: Measured) -> dict[str, Measure]:
    """Each metric in numbers: of the members with mean and spread, and of all together."""
    return {name: summary(values, measured.together[name]) for name, values in measured.metrics.items()}


def metrics(evaluated: EvaluationRecord) -> dict[str, float]:
    """Numbers to compare with another time's: of the delivered model, the objective with its interval and its members.

    `low` and `high` are for new rows, trained on these; `members` is the mean over them.
    """
    own = evaluated.test[evaluated.metric]
    known = own.ensemble
    numbers = {"objective": known.mean, "low": known.low, "high": known.high, "members": own.over_members.mean}
    numbers |= {name: one.ensemble.mean for name, one in evaluated.test.items()}
    return {name: value for name, value in numbers.items() if value is not None}


def data_record(card: Mapping[str, Any]) -> DataRecord:
    """A data set as its prepared card describes it."""
    known = DataRecord(name=card["name"], source=card["source"], rows=card["rows"])
    if card.get("table") is None:
        return known
    table = parse_json(json.dumps(card["table"]), TableCard, source="the prepared card", way_out="Prepare again.")
    columns = [
        ColumnRecord(
            name=column.name,
            kind=column.kind,
            role=column.role,
            is_stated=column.is_stated,
            missing=column.missing,
            distinct=column.distinct,
            counts=list(column.counts),
            content=content_of(column),
            prepared=len(column.prepared),
        )
        for column in table.columns
    ]
    return replace(known, columns=columns, warnings=list(table.warnings), notes=list(table.notes))


def record(config: Config, command: Command, confirmed: ConfirmRecord, measured: Measured) -> EvaluationRecord:
    """Write the evaluation into the spool of the study that trained the model, and so into MLflow; returns the record.

    Args:
        config: The resolved configuration of the command.
        command: The command as it is recorded.
        confirmed: The confirmation of the model.
        measured: Measures on the test part.

    Raises:
        StudyError: If another process works on that study.
        StorageError: If MLflow does not take it.
    """
    study = study_of(config, confirmed)
    test, card = described(measured), part(config, "data").card()
    metric, parts = config["objective"]["metric"], measured.decomposition
    evaluated = EvaluationRecord(
        studies=confirmed.studies,
        provenance=confirmed.provenance,
        experiment=config["experiment"],
        headline=headline(test[metric], metric, len(measured.table)),
        metric=metric,
        rows=len(measured.table),
        data=data_record(card),
        test=test,
        bias_variance=None if parts is None else BiasVariance(**asdict(parts)),
        test_sha256=dict(measured.test_sha256),
        model=confirmed.chosen,
    )
    files = {"evaluate.json": to_json(evaluated), **tables(measured)}
    event = as_event(evaluated, measured)
    add(config, study, event, {f"evaluation/{name}": text.encode() for name, text in files.items()})
    opened = openings(study.parent, config["experiment"], measured.test_sha256)
    return replace(evaluated, opened=opened, command=command)


def as_event(evaluated: EvaluationRecord, measured: Measured) -> Evaluation:
    """The evaluation as the spool holds it: metrics of the trial and of its members, and the test part's hashes."""
    known = {name: one.over_members for name, one in evaluated.test.items()}
    metrics = {f"test/{name}": one.mean for name, one in known.items()}
    metrics |= {f"test/{name}_std": one.std for name, one in known.items() if one.std is not None}
    metrics |= {
        f"test_ensemble/{name}{end}": value
        for name, one in evaluated.test.items()
        for end, value in {"": one.ensemble.mean, **_new_rows(one.ensemble)}.items()
    }
    count = len(next(iter(measured.metrics.values())))
    members = [{f"test/{name}": values[i] for name, values in measured.metrics.items()} for i in range(count)]
    return Evaluation(0, metrics, members, artifacts={}, test_sha256=dict(measured.test_sha256))


def _new_rows(known: Estimate) -> dict[str, float]:
    """The ends of an interval under names that say what it is about; none where there is no interval."""
    if known.low is None or known.high is None:
        return {}
    return {"_new_rows_low": known.low, "_new_rows_high": known.high}


def openings(studies: Path, experiment: str, test_sha256: Mapping[str, str]) -> int:
    """For how many confirmed models of an experiment this test part has been opened on this machine."""
    count = 0
    for spool in studies.glob(f"{experiment}-final*/spool.jsonl"):
        bodies = [event.body for event in spools.read(spool)]
        count += any(isinstance(body, Evaluation) and body.test_sha256 == dict(test_sha256) for body in bodies)
    return count


def headline(own: Measure, metric: str, rows: int) -> str:
    """The result of the delivered model in a sentence."""
    known, count = own.ensemble, len(own.members)
    model = "1 member" if count == 1 else f"the ensemble of {count} members"
    if known.low is None:
        return f"Test {metric} {known.mean:.4g} of {model}: {counted(rows)} too few to say what new rows would give."
    left_out = " (what another training would give is not in it)" if count == 1 else ""
    members = "" if count == 1 else f" Its members alone have {own.over_members.mean:.4g} on average."
    return (
        f"Test {metric} {known.mean:.4g} [{known.low:.4g}, {known.high:.4g}] of {model} on {rows} test rows; the 95% "
        f"interval is for {known.scope}{left_out}.{members}"
    )


def show(evaluated: EvaluationRecord, folder: Path) -> None:
    """Print the result on the test part."""
    print(f"\n{evaluated.headline}\n")
    rows = [{"test": name, **one.columns} for name, one in evaluated.test.items()]
    print_best(rows, title="Test part: delivered model, 95% interval for new rows; members' mean and spread", limit=50)
    if evaluated.opened > 1:
        print(
            f"This test part has been opened for {evaluated.opened} confirmed models of this experiment: "
            "each further look makes it less of a test."
        )
    print(f"  facts        {folder / 'evaluate.json'}")
    print(f"  predictions  {folder / 'predictions.csv'}")
