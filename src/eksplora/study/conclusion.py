"""The end of a study: summary files, plots, the table on the terminal, and the last event for MLflow."""

import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eksplora.console.table import print_best
from eksplora.console.work import Work
from eksplora.errors import EksploraError, Interrupted, StorageError, WorkerError
from eksplora.events.event import Stop, StudyEvent
from eksplora.events.spool import Spool, study_of
from eksplora.files import as_json, link_or_copy, new_folder
from eksplora.inference import write_card
from eksplora.installation import target
from eksplora.records.estimate import Compared
from eksplora.records.record import to_json
from eksplora.records.search import SearchRecord
from eksplora.records.table import rows_as_csv
from eksplora.search.importance import importance
from eksplora.study.driver import Driver
from eksplora.study.findings import best_trials, every_trial, in_numbers, saved_by_pruning, verdicts
from eksplora.study.journal import as_yaml
from eksplora.study.ledger import Ledger
from eksplora.study.plan import Plan
from eksplora.study.trial import Trial, TrialOfStudy
from eksplora.tracker.base import Tracker
from eksplora.types import Command, Status

SUMMARY = "summary"
"""Folder of the written files inside the study's folder; those of a finished study are copied to its results."""


@dataclass(frozen=True)
class Presentation:
    """Conclusion of a study: where its results go, and what is shown of them.

    Attributes:
        results: Where a finished study's files go; None: they stay in its own folder.
        is_shown: Whether its table is shown.
        reference: The baseline's trial, to compare the best trials with; None: there is none.
    """

    results: Path | None
    is_shown: bool
    reference: TrialOfStudy | None


def conclude(
    command: Command | None,
    driver: Driver,
    spool: Spool,
    tracker: Tracker,
    error: EksploraError | None,
    presentation: Presentation,
) -> None:
    """Write and show what the study found, log it to MLflow, then raise the error that ended it, if any.

    Only a study that ends as it should goes to its results: what lies there is finished.
    """
    if isinstance(error, StorageError):
        raise error  # nothing more can be written
    driver.proposer.tell_all()
    shown = summary = driver.plan.folder / SUMMARY
    study = study_of(spool.path)
    with Work(driver.plan.name) as work:
        work.step("writing the summary")
        write_summary(driver, study, summary, presentation.reference, command)
    if presentation.results is not None and error is None and not driver.stop_reason:
        with new_folder(presentation.results) as folder:
            shutil.copytree(summary, folder, dirs_exist_ok=True, copy_function=_hand_on)
        shown = presentation.results
    spool.append(_stop_event(driver, spool, summary, error), durable=True)
    tracker.notify()
    if presentation.is_shown:
        show(driver, shown, presentation.reference)
    if error is None and driver.stop_reason:
        print(f"{driver.stop_reason}; the same command goes on.", file=sys.stderr)
    sys.stdout.flush()
    with Work(driver.plan.name) as work:
        work.step("MLflow takes in the rest")
        is_recorded = tracker.finish(say=work.step)
    if is_recorded and presentation.is_shown and (where := tracker.where(driver.plan.name)):
        print(f"  runs     {where}")
    if not is_recorded:
        print(
            f"MLflow does not have it all yet ({tracker.problem or 'still writing'}); `{target('sync')}` fills it in.",
            file=sys.stderr,
        )
    if error is not None:
        raise error


def _hand_on(source: str, target: str) -> None:
    """Copy a file to the results; a page, which nobody edits, is the same file there."""
    (link_or_copy if source.endswith(".html") else shutil.copyfile)(Path(source), Path(target))


def write_summary(
    driver: Driver,
    study: StudyEvent,
    folder: Path,
    reference: TrialOfStudy | None,
    command: Command | None,
) -> None:
    """Write table, plots, and the best trial's configuration and weights; an old summary is replaced.

    Args:
        driver: Has run the study.
        study: Its first event.
        folder: Where the summary goes.
        reference: The baseline's trial.
        command: That which ended the study; an earlier one may have asked for fewer trials.
    """
    from eksplora.search.plots import pages  # only now: Matplotlib comes with it

    ledger = driver.ledger
    record = search_record(driver, study, verdicts(ledger, driver.plan.folder, reference), command)
    with new_folder(folder) as new:
        (new / "plots").mkdir()
        trials = [row(trial, ledger.metric) for _, trial in sorted(ledger.trials.items())]
        (new / "trials.csv").write_text(rows_as_csv(trials))
        (new / "search.json").write_text(to_json(record))
        (new / "metrics.json").write_text(as_json(_objective(driver.ledger)))
        (new / "history.csv").write_text(rows_as_csv(history(ledger)))
        for name, page in pages(record):
            (new / "plots" / f"{name}.html").write_text(page, encoding="utf-8")
        if ledger.best is not None:
            _write_best(ledger.best, new / "best")


def _write_best(best: Trial, folder: Path) -> None:
    folder.mkdir()
    (folder / "config.yaml").write_text(as_yaml(best.config), encoding="utf-8")
    for member, result in best.results.items():
        if result.weights and Path(result.weights).exists():
            link_or_copy(Path(result.weights), folder / f"member-{member}.safetensors")
    write_card(folder, {})


def row(trial: Trial, metric: str) -> dict[str, Any]:
    """A trial as a row of the table; the objective is the mean over its members."""
    return {
        "trial": trial.number,
        "status": str(trial.status),
        metric: trial.value,
        "std": trial.spread,
        "members": len(trial.results),
        "epochs": trial.epochs,
        "seconds": round(trial.seconds, 2),
        "repeats": trial.repeats,
        **trial.values,
    }


def history(ledger: Ledger) -> list[dict[str, Any]]:
    """Each finished trial with its value and the best value so far, in the order of their numbers."""
    better = min if ledger.direction == "minimize" else max
    rows: list[dict[str, Any]] = []
    for number, trial in sorted(ledger.trials.items()):
        if trial.value is not None:
            best = better([trial.value, *(row["best"] for row in rows[-1:])])
            rows.append({"trial": number, "value": trial.value, "best": best})
    return rows


def search_record(driver: Driver, study: StudyEvent, verdicts: list[Compared], command: Command | None) -> SearchRecord:
    """The study in numbers, for programs."""
    ledger, plan = driver.ledger, driver.plan
    return SearchRecord(
        study=plan.name,
        experiment=plan.spec.experiment,
        metric=ledger.metric,
        direction=plan.spec.direction,
        members=plan.members_in_words,
        num_members=plan.num_members,
        trials=counts(ledger),
        best=in_numbers(ledger.best) if ledger.best else None,
        ranked=best_trials(ledger),
        all_trials=every_trial(ledger),
        importance=importance(driver.proposer.study),
        pruned=saved_by_pruning(ledger),
        data={key: value for key, value in study.provenance.items() if key.startswith("data.")},
        provenance=dict(study.provenance),
        command=command,
        verdicts=verdicts,
    )


def counts(ledger: Ledger) -> dict[str, int]:
    """Number of trials by status."""
    return dict(Counter(str(trial.status) for trial in ledger.trials.values()))


def _metrics(ledger: Ledger) -> dict[str, float]:
    """Numbers of a study to compare between runs."""
    metrics: dict[str, float] = {f"trials_{name}": count for name, count in counts(ledger).items()}
    return metrics | ({"best_value": ledger.best.value} if ledger.best and ledger.best.value is not None else {})


def _objective(ledger: Ledger) -> dict[str, float]:
    """The value found, under the name that every stage gives it, for `dvc metrics`."""
    return {} if ledger.best is None or ledger.best.value is None else {"objective": ledger.best.value}


def _stop_event(driver: Driver, spool: Spool, summary: Path, error: EksploraError | None) -> Stop:
    """The last event: what the study found, and the files that MLflow keeps, the spool itself among them."""
    best, folder = driver.ledger.best, driver.plan.folder
    status = Status.FINISHED if error is None and not driver.stop_reason else Status.INTERRUPTED
    files = {
        str(path.relative_to(summary)): str(path.relative_to(folder)) for path in summary.rglob("*") if path.is_file()
    }
    return Stop(
        status=status if error is None or isinstance(error, Interrupted) else Status.FAILED,
        message=str(error or driver.stop_reason),
        metrics=_metrics(driver.ledger),
        tags={"best_trial": str(best.number)} if best else {},
        artifacts=files | {spool.path.name: spool.path.name},
        best_trial=best.number if best else None,
        best_artifacts={f"model/{path.name}": str(path.relative_to(folder)) for path in (summary / "best").glob("*")},
    )


def show(driver: Driver, results: Path, reference: TrialOfStudy | None) -> None:
    """Print the table of best trials and where everything is."""
    ledger, plan = driver.ledger, driver.plan
    goal = "lowest" if plan.spec.direction == "minimize" else "highest"
    words = ", ".join(f"{count} {name}" for name, count in counts(ledger).items()) or "no trials"
    ranked = ledger.ranked(ledger.trials.values())
    print(f"\nStudy {plan.name}: {words}. Objective: {goal} {ledger.metric}.")
    left_out = {"status", "repeats", "members"} | ({"std"} if plan.num_members == 1 else set())
    rows = [{key: value for key, value in row(trial, ledger.metric).items() if key not in left_out} for trial in ranked]
    if rows:
        print_best(rows, title=f"Best {min(5, len(rows))} of {len(ledger.trials)} trials")
        print(_caution(plan))
        for verdict in verdicts(ledger, driver.plan.folder, reference):
            print(f"  {verdict.in_words}")
    print(f"  table    {results / 'trials.csv'}")
    if any((results / "plots").iterdir()):
        print(f"  plots    {results / 'plots'}/*.html")
    if any((results / "best").glob("*.safetensors")):
        print(f"  network  {results / 'best'}   (eksplora.load_network)")


def _caution(plan: Plan) -> str:
    if plan.num_members > 1:
        return f"Values are means over {plan.members_in_words}; std is their spread."
    return (
        "One seed per trial: small differences may be chance. "
        "study.n_seeds=8 trains eight of each, on splits of their own."
    )


WAYS_OUT = {
    Status.DIVERGED: "Lower the learning rate (optimizer.lr, or its bounds in the space)",
    Status.FAILED: "Correct what the reason names",
    Status.PRUNED: "Choose pruner=none, or one that waits longer",
}
"""Advice, by how most trials ended."""


def without_result(ledger: Ledger, stop_reason: str) -> EksploraError | None:
    """The error of a study whose trials are over and none of which has finished; None of any other study.

    Args:
        ledger: The trials.
        stop_reason: Why the study ended before its budget was spent; empty when it was spent.
    """
    if ledger.best is not None or not (ledger.trials or stop_reason):
        return None
    if stop_reason:
        error = Interrupted(f"no trial finished: {stop_reason}. The same command goes on; give it more time.")
        error.exit_code = EksploraError.exit_code
        return error
    statuses = Counter(trial.status for trial in ledger.trials.values())
    words = ", ".join(f"{count} {status}" for status, count in statuses.items())
    first = ledger.trials[min(ledger.trials)]
    reason = first.message.strip().splitlines()[-1] if first.message.strip() else str(first.status)
    way_out = WAYS_OUT[statuses.most_common(1)[0][0]]
    return WorkerError(f"no trial finished ({words}); trial {first.number}: {reason.rstrip('.')}. {way_out}.")
