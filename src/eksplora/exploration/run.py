"""The studies of an exploration, trained and put beside each other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eksplora.config import Request
from eksplora.confirmation.candidates import KEY
from eksplora.confirmation.run import check_over, provenance_of
from eksplora.console.table import print_best
from eksplora.counter import fingerprint
from eksplora.events import spool as spools
from eksplora.exploration.chain import Exploration, OneFactor
from eksplora.exploration.numbers import Told, columns_of, summarized, winners
from eksplora.exploration.verification import claims_of
from eksplora.files import as_json, new_folder, write_file
from eksplora.report.exploration import page, tables
from eksplora.report.figure import draw
from eksplora.report.listing import write_index
from eksplora.search.space import Choice, Parameter
from eksplora.study.run import Outcome, Study, run_study
from eksplora.study.tracking import tracker_of
from eksplora.tracker.base import Tracker
from eksplora.types import Config, MemberResult, Status


def run_one(
    asked: Request,
    exploration: Exploration,
    study: OneFactor,
    configs: Mapping[str, Config],
    parent: tuple[str, str],
) -> dict[str, Any]:
    """Train a one-factor study, show what came of it, and return it in numbers.

    Args:
        asked: The request for the study.
        exploration: What it is part of.
        study: The study.
        configs: The configuration of each row; under an empty name, of what the studies before handed on.
        parent: Id and name of the exploration's run.
    """
    rows = {name: configs[name] for name in study.rows}
    keys = {name: fingerprint(config) for name, config in configs.items()}
    outcome = run_study(
        asked,
        Study(
            f"{exploration.name}-{exploration.budget.name}-{study.name}",
            (Parameter(KEY, Choice(tuple(rows))),),
            None,
            configure=lambda values: rows[values.get(KEY, next(iter(rows)))],
            depends={f"row.{name}": keys[name] for name in rows},
            is_shown=False,
            test_rows=exploration.budget.test_rows,
            parent=parent,
            naming=lambda values: str(values[KEY]),
        ),
    )
    check_over(outcome)
    base = next((name for name in rows if keys[name] == keys[""]), next(iter(rows)))
    told = {name: _told(outcome, name, asked.settings.objective) for name in rows}
    found = {
        "study": outcome.name,
        "id": next(spools.read(outcome.folder / "spool.jsonl")).data["id"],
        "base": base,
        "rows": told,
        "winner": winners(told, asked.settings.objective.direction),
        "metric": asked.settings.objective.metric,
        "direction": asked.settings.objective.direction,
        "provenance": provenance_of(outcome),
    }
    _show(study, found)
    return found


def _told(outcome: Outcome, row: str, objective: Any) -> Told:
    """What the members of a row gave, column by column."""
    trials = outcome.ledger.trials
    trial = next(trial for trial in trials.values() if trial.values[KEY] == row)
    trial = trial if trial.repeats is None else trials[trial.repeats]
    if trial.status is not Status.FINISHED:
        return {"trial": trial.number, "status": str(trial.status), "message": trial.message, "columns": {}}
    members = [_member(result, objective.metric) for _, result in sorted(trial.results.items())]
    columns = columns_of(members, objective.direction)
    return {"trial": trial.number, "status": str(trial.status), "message": "", "columns": columns}


def _member(result: MemberResult, metric: str) -> dict[str, float]:
    """What a member gave, under the names of the tables' columns."""
    return {
        "train": result.curves[f"train/{metric}"][result.best_epoch - 1],
        "val": float(result.value or 0.0),
        "test": result.test[f"test/{metric}"],
        "seconds": result.seconds,
    }


def _show(study: OneFactor, found: Mapping[str, Any]) -> None:
    """Print a study's rows: means over members, the reported test value beside."""
    rows = []
    for name, told in found["rows"].items():
        columns = told["columns"]
        means = {key: sum(columns[key]) / len(columns[key]) if columns else None for key in ("train", "val", "test")}
        rows.append({study.says: name, **means, "reported test": study.rows[name].reported.get("test")})
    print_best(rows, title=f"{study.name}: best on validation data {found['winner']['val']}", limit=len(rows))


# --- the end -----------------------------------------------------------------------------------------------------


def conclude(
    request: Request, exploration: Exploration, studies: Mapping[str, Mapping[str, Any]], parent: tuple[str, str]
) -> None:
    """Write tables, plots and the judged claims, and show the latter."""
    tracker = tracker_of(request.config)
    runs = _runs(request, exploration, studies, tracker)
    settings = request.settings
    facts = summarized(exploration, studies, runs, carry=settings.carry, alpha=settings.alpha)
    facts |= {"run": parent[1], "asked": request.config["exploration"], "set": list(settings.set)}
    facts |= {"threads": settings.study.threads}
    output = Path(settings.output)
    with new_folder(output / exploration.name) as folder:
        (folder / "explore.json").write_text(as_json(facts), encoding="utf-8")
        (folder / "README.md").write_text(page(facts), encoding="utf-8")
        for path, text in tables(facts).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        draw(facts, folder / "plots")
    write_file(output / "claims.md", claims_of(sorted(output.glob("*/explore.json"))))
    write_index(Path(request.config["paths"]["results"]))
    rows = [
        {"claim": name, "verdict": claim["finding"], "says": claim["says"]} for name, claim in facts["claims"].items()
    ]
    print_best(rows, title=f"Claims on {exploration.title}, budget {exploration.budget.name}", limit=len(rows))
    print(f"  page     {output / exploration.name / 'README.md'}")
    print(f"  claims   {output / 'claims.md'}")


def _runs(
    request: Request, exploration: Exploration, studies: Mapping[str, Mapping[str, Any]], tracker: Tracker
) -> dict[str, dict[str, str]]:
    """Per study, MLflow's ids of its runs by ours (`<study>/<trial>[/<member>]`); nothing where nothing is tracked."""
    mlruns = Path(request.config["paths"]["mlruns"]) / "studies"
    with tracker.registry() as registry:
        if registry is None:
            return {name: {} for name in studies}
    spools = [mlruns / study["study"] / "spool.jsonl" for study in studies.values()]
    for spool in tracker.behind(spools, counts_runs=True):
        tracker.sync(spool, is_over=True)
    with tracker.lookup() as lookup:
        return {
            name: lookup.ids(exploration.experiment, study["study"], study["id"]) for name, study in studies.items()
        }
