"""Record of an evaluation: in the study's spool, as files, and in the terminal."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from eksplora.assessment.measurement import Measurement
from eksplora.config import part
from eksplora.console.table import print_best
from eksplora.evaluation.summary import counted, summary
from eksplora.events import spool as spools
from eksplora.events.event import Evaluation
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.estimate import Estimate
from eksplora.records.evaluate import BiasVariance, ColumnRecord, DataRecord, EvaluationRecord
from eksplora.records.measure import Measure
from eksplora.records.record import to_json
from eksplora.records.table import frame_as_csv
from eksplora.study.publication import add, study_of
from eksplora.table import TableCard
from eksplora.table.lines import content_of
from eksplora.types import Command, Config
from eksplora.untrusted import parse_json


def tables(measured: Measurement) -> dict[str, str]:
    """The predictions, a test row a line, and the details that the page shows, as texts of files."""
    details = {} if measured.details is None else {"details.json": to_json(measured.details, indent=None)}
    return {"predictions.csv": frame_as_csv(measured.table), **details}


def described(measured: Measurement) -> dict[str, Measure]:
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


def record(config: Config, command: Command, confirmed: ConfirmRecord, measured: Measurement) -> EvaluationRecord:
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
        baselines=list(measured.baselines),
        bias_variance=None if parts is None else BiasVariance(**asdict(parts)),
        test_sha256=dict(measured.test_sha256),
        model=confirmed.chosen,
    )
    files = {"evaluate.json": to_json(evaluated), **tables(measured)}
    event = as_event(evaluated, measured)
    add(config, study, event, {f"evaluation/{name}": text.encode() for name, text in files.items()})
    opened = openings(study.parent, config["experiment"], measured.test_sha256)
    return replace(evaluated, opened=opened, command=command)


def as_event(evaluated: EvaluationRecord, measured: Measurement) -> Evaluation:
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
    """Number of confirmed models of an experiment that this test part has been opened for on this machine."""
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
    for one in evaluated.baselines:
        print(f"  {one.versus.in_words} ({one.name}: {evaluated.metric} {one.value:.4g})")
    if evaluated.opened > 1:
        print(
            f"This test part has been opened for {evaluated.opened} confirmed models of this experiment: "
            "each further look makes it less of a test."
        )
    print(f"  facts        {folder / 'evaluate.json'}")
    print(f"  predictions  {folder / 'predictions.csv'}")
