"""The studies of an exploration, trained and put beside each other."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from eksplora.console.table import print_best
from eksplora.counter import fingerprint
from eksplora.events import spool as spools
from eksplora.exploration.chain import Exploration, OneFactor
from eksplora.exploration.numbers import RowResult, StudyResult, columns_of, summarized, winners
from eksplora.exploration.rows import compact, write_rows
from eksplora.exploration.verification import claims_of
from eksplora.files import new_folder, write_file
from eksplora.records.record import to_json
from eksplora.report.exploration import page, tables
from eksplora.report.figure import draw
from eksplora.report.listing import write_index
from eksplora.study.comparison import compare
from eksplora.study.findings import sample_of, tested_sample_of
from eksplora.study.setup import tracker_of
from eksplora.study.spec import StudySpec
from eksplora.study.trial import Trial
from eksplora.tracker.base import Tracker
from eksplora.types import Config, MemberResult, Status


def run_one(spec: StudySpec, exploration: Exploration, study: OneFactor, configs: Mapping[str, Config]) -> StudyResult:
    """Train a one-factor study, show what came of it, and return it in numbers.

    Args:
        spec: The study's budget and folders.
        exploration: What it is part of.
        study: The study.
        configs: The configuration of each row; under an empty name, of what the studies before handed on.
    """
    keys = {name: fingerprint(config) for name, config in configs.items()}
    compared = compare(
        replace(
            spec,
            name=f"{exploration.name}-{exploration.budget.name}-{study.name}",
            is_shown=False,
            test_rows=exploration.budget.test_rows,
        ),
        {name: configs[name] for name in study.rows},
    )
    base = next((name for name in study.rows if keys[name] == keys[""]), next(iter(study.rows)))
    folder = compared.outcome.folder
    rows = {name: _row_of(compared.trained(name), spec, folder) for name in study.rows}
    found = StudyResult(
        study=compared.outcome.name,
        id=spools.study_of(folder / "spool.jsonl").id,
        base=base,
        rows=rows,
        winner=winners(rows, spec.direction),
        metric=spec.metric,
        direction=spec.direction,
        provenance=compared.outcome.provenance,
    )
    _show(study, found)
    return found


def _row_of(trial: Trial, spec: StudySpec, folder: Path) -> RowResult:
    """Measured values of a row's members, column by column, with the losses of rows where these are kept."""
    if trial.status is not Status.FINISHED:
        return RowResult(trial.number, str(trial.status), trial.message, {})
    members = [_member(result, spec.metric) for _, result in sorted(trial.results.items())]
    samples = {"val": sample_of(trial, folder), "test": tested_sample_of(trial, folder, spec.metric)}
    return RowResult(
        trial.number,
        str(trial.status),
        "",
        columns_of(members, spec.direction),
        {column: compact(sample) for column, sample in samples.items() if sample.num_rows},
    )


def _member(result: MemberResult, metric: str) -> dict[str, float]:
    """Measured values of a member, by the names of the tables' columns."""
    return {
        "train": result.test[f"train_eval/{metric}"],
        "val": float(result.value or 0.0),
        "test": result.test[f"test/{metric}"],
        "seconds": result.seconds,
    }


def _show(study: OneFactor, found: StudyResult) -> None:
    """Print a study's rows: means over members, the reported test value beside."""
    rows: list[dict[str, Any]] = []
    for name, row in found.rows.items():
        columns = row.columns
        means = {key: sum(columns[key]) / len(columns[key]) if columns else None for key in ("train", "val", "test")}
        rows.append({study.says: name, **means, "reported test": study.rows[name].reported.get("test")})
    print_best(rows, title=f"{study.name}: best on validation data {found.winner['val']}", limit=len(rows))


# --- the end -----------------------------------------------------------------------------------------------------


def conclude(
    config: Config, exploration: Exploration, studies: Mapping[str, StudyResult], parent: tuple[str, str]
) -> None:
    """Write tables, plots and the judged claims, and show the latter.

    Args:
        config: The resolved configuration of the command.
        exploration: What was explored.
        studies: Its studies in numbers.
        parent: Id and name of the exploration's run.
    """
    tracker = tracker_of(config)
    runs = _runs(Path(config["paths"]["mlruns"]) / "studies", exploration, studies, tracker)
    facts = replace(
        summarized(exploration, studies, runs, carry=config["carry"], alpha=config["alpha"]),
        run=parent[1],
        asked=config["exploration"],
        set=list(config["set"]),
        threads=config["study"]["threads"],
    )
    output = Path(config["output"])
    with new_folder(output / exploration.name) as folder:
        facts = replace(facts, rows_sha256=write_rows(folder, studies))
        (folder / "explore.json").write_text(to_json(facts), encoding="utf-8")
        (folder / "README.md").write_text(page(facts), encoding="utf-8")
        for path, text in tables(facts).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        draw(facts, folder / "plots")
    write_file(output / "claims.md", claims_of(sorted(output.glob("*/explore.json"))))
    write_index(Path(config["paths"]["results"]))
    rows = [{"claim": name, "verdict": claim.finding, "says": claim.says} for name, claim in facts.claims.items()]
    print_best(rows, title=f"Claims on {exploration.title}, budget {exploration.budget.name}", limit=len(rows))
    print(f"  page     {output / exploration.name / 'README.md'}")
    print(f"  claims   {output / 'claims.md'}")


def _runs(
    folder: Path, exploration: Exploration, studies: Mapping[str, StudyResult], tracker: Tracker
) -> dict[str, dict[str, str]]:
    """Per study, MLflow's ids of its runs by ours (`<study>/<trial>[/<member>]`); nothing where nothing is tracked."""
    with tracker.registry() as registry:
        if registry is None:
            return {name: {} for name in studies}
    spools = [folder / study.study / "spool.jsonl" for study in studies.values()]
    for spool in tracker.behind(spools, counts_runs=True):
        tracker.sync(spool, is_over=True)
    with tracker.lookup() as lookup:
        return {name: lookup.ids(exploration.experiment, study.study, study.id) for name, study in studies.items()}
