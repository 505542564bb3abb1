"""The outer loop: for each part of the rows that is held out a search, a confirmation, and two trainings to measure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np

from eksplora.audit.summary import Audited, summarized
from eksplora.confirmation.candidates import BASELINE, candidates, in_words
from eksplora.confirmation.choice import Confirmed, described, ranked
from eksplora.confirmation.run import confirm_candidates, fresh_judges, on_all_rows
from eksplora.console.table import print_best
from eksplora.errors import ConfigError, DataError, WorkerError
from eksplora.files import new_folder
from eksplora.records.audit import AuditRecord, OuterSplit
from eksplora.records.record import read, to_json
from eksplora.records.search import SearchRecord
from eksplora.records.validation import NAME, read_validation
from eksplora.statistics.generalization import Sample
from eksplora.study import refinement
from eksplora.study.comparison import ComparedConfigurations, compare
from eksplora.study.conclusion import SUMMARY
from eksplora.study.findings import sample_of
from eksplora.study.run import Outcome
from eksplora.study.spec import StudySpec
from eksplora.study.trial import member_folders
from eksplora.types import Config, Status
from eksplora.work.measurement import measured


@dataclass(frozen=True)
class Procedure:
    """A search and its confirmation, to be run with part of the rows held out.

    Attributes:
        search: The search as it would be run on all rows of the training part.
        stages: Studies of a search.
        confirm: What the studies of the confirmation have in common.
        best: Configurations of the search that are confirmed.
        full: The parts of a training on all rows, see `eksplora.confirmation.run.on_all_rows`.
        outer: Outer splits.
        seed: Decides which rows lie in which.
    """

    search: StudySpec
    stages: int
    confirm: StudySpec
    best: int
    full: Config
    outer: int
    seed: int

    def held_out(self, spec: StudySpec, fold: int) -> StudySpec:
        """A study from which a part of the rows is held out."""
        name = f"{spec.name}-{fold + 1}-of-{self.outer}"
        return replace(spec, name=name, outer=(fold, self.outer, self.seed), is_shown=False)


def run(procedure: Procedure, *, alpha: float, output: Path) -> None:
    """Audit a procedure, write what came of it, and show it.

    Args:
        procedure: What is audited.
        alpha: Level of significance.
        output: Folder of the experiment's results.
    """
    spec, found, provenance = procedure.confirm, list[Audited](), dict[str, str]()
    for fold in range(procedure.outer):
        print(f"\nOuter split {fold + 1} of {procedure.outer}", flush=True)
        one, provenance = audited(procedure, fold, alpha)
        print(f"  {_in_words(one.split, spec.metric)}", flush=True)
        found.append(one)
    record = summarized(found, experiment=spec.experiment, metric=spec.metric, direction=spec.direction, alpha=alpha)
    record = replace(record, provenance=provenance, command=spec.command)
    with new_folder(output / "audit") as folder:
        (folder / "audit.json").write_text(to_json(record), encoding="utf-8")
    show(record, output / "audit")


@dataclass(frozen=True)
class OnOuterRows:
    """A configuration on the rows that are held out.

    Attributes:
        sample: What its members, trained on all others, gave.
        rows: The rows that are held out.
    """

    sample: Sample
    rows: int


def audited(procedure: Procedure, fold: int, alpha: float) -> tuple[Audited, dict[str, str]]:
    """An outer split, and where its numbers come from.

    Raises:
        WorkerError: If the experiment's own configuration cannot be trained.
    """
    search, confirm = (procedure.held_out(spec, fold) for spec in (procedure.search, procedure.confirm))
    outcome = refinement.run(search, procedure.stages)
    outcome.check_over()
    _check_predicts(outcome)
    searched = _record_of(outcome)
    tried = candidates(search.configure, searched, procedure.best)
    compared, known = confirm_candidates(confirm, tried, fresh_judges(searched))
    chosen = ranked(known, confirm.direction)[0]
    (own,) = (one for one in known if one.name == BASELINE)
    if not own.values:
        raise WorkerError(
            f"{in_words(BASELINE)} configuration ended as {own.trial.status} in {compared.name}, so there is nothing "
            "to compare the search with. Correct the experiment's values."
        )
    final, measured_on_outer = on_outer_rows(procedure, confirm, [chosen, own], fold)
    best, reference = (measured_on_outer[one.name] for one in (chosen, own))
    split = OuterSplit(
        number=fold + 1,
        rows=best.rows,
        inner_rows=best.sample.num_rows - best.rows,
        chosen=chosen.name,
        values=dict(chosen.candidate.values),
        found=searched.ranked[0].value,
        confirmed=chosen.mean,
        outer=fmean(best.sample.values),
        own=fmean(reference.sample.values),
        claimed=_claimed(known, confirm, alpha),
        studies={
            "search": outcome.name,
            "confirm": compared.name,
            "final": final.name,
        },
    )
    return Audited(split, best.sample, reference.sample), final.provenance


def _check_predicts(searched: Outcome) -> None:
    """Refuse a function of the user's own that returns its value alone.

    Raises:
        ConfigError: If it does.
    """
    best = searched.ledger.best
    if best is None or "function" not in best.config:
        return
    if any(read_validation(folder) is None for folder in member_folders(best, searched.folder)):
        name = best.config["function"]["_target_"]
        raise ConfigError(f"function: an audit compares row by row, and {name} returns its value alone. {_PREDICTIONS}")


_PREDICTIONS = "Return (None, predictions), the predictions of the rows of split.validation."


def _claimed(known: Sequence[Confirmed], spec: StudySpec, alpha: float) -> str:
    """Verdict of a confirmation on its choice against the experiment's own configuration."""
    versus_own = described(known, spec.metric, spec.direction, alpha)[0].versus_baseline
    return versus_own.verdict if versus_own else ""


def _record_of(outcome: Outcome) -> SearchRecord:
    """Record of a search, in its study's own folder."""
    path = outcome.folder / SUMMARY / "search.json"
    return read(path, SearchRecord, way_out="Run the same command again: it writes the file anew.")


def on_outer_rows(
    procedure: Procedure, spec: StudySpec, several: Sequence[Confirmed], fold: int
) -> tuple[Outcome, dict[str, OnOuterRows]]:
    """Configurations trained on all inner rows as a confirmed one is on all rows, and measured on the outer ones.

    Returns:
        Their study, and each of them by its name.

    Raises:
        WorkerError: If a member of one of them does not finish.
    """
    configs = {one.name: on_all_rows(procedure.full, one) for one in several}
    own = replace(spec, name=f"{spec.name}-final", is_shown=False, judges="all", may_fail=True, is_ranked=False)
    trained = compare(own, configs, base=BASELINE, naming=in_words)
    known = {name: _measured(config, trained, name, fold) for name, config in configs.items()}
    return trained.outcome, known


def _measured(config: Config, trained: ComparedConfigurations, name: str, fold: int) -> OnOuterRows:
    trial, folder = trained.trained(name), trained.outcome.folder
    if trial.status != Status.FINISHED:
        raise WorkerError(
            f"{in_words(name)} configuration ended as {trial.status} when it learned from all inner rows "
            f"({trial.message}). See the study {trained.outcome.name}."
        )
    known = [read_validation(own) for own in member_folders(trial, folder)]
    if any(member is None for member in known):
        raise DataError(
            f"{folder}: a member lacks its file of predictions, {NAME}. Remove the folder: the same command "
            "trains its members again."
        )
    values = np.array([measured(config, member) for member in known if member is not None])
    rows = len(known[0].rows) if known[0] is not None else 0
    return OnOuterRows(replace(sample_of(trial, folder), values=values, splits=np.full(len(values), fold)), rows)


# --- what is shown -----------------------------------------------------------------------------------------------


def show(record: AuditRecord, folder: Path) -> None:
    """Print what the outer splits say together."""
    print()
    print_best([_row(one) for one in record.splits], title=f"{record.metric} on outer rows", limit=len(record.splits))
    print(f"\n{record.headline}")
    print(f"  facts    {folder / 'audit.json'}")


def _in_words(one: OuterSplit, metric: str) -> str:
    return (
        f"chosen: {in_words(one.chosen)}; {metric} {one.outer:.4g} on {one.rows} outer rows, "
        f"{in_words(BASELINE)} {one.own:.4g}"
    )


def _row(one: OuterSplit) -> dict[str, object]:
    return {
        "outer split": one.number,
        "rows": one.rows,
        "chosen": one.chosen,
        "in the search": one.found,
        "in confirm": one.confirmed,
        "outer rows say": one.outer,
        in_words(BASELINE): one.own,
        **one.values,
    }
