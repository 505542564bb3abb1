"""Whether every number of an exploration's tables follows from recorded runs."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from eksplora.errors import DataError, EksploraError
from eksplora.exploration.chain import read_exploration
from eksplora.exploration.numbers import RowResult, StudyResult, columns_of, summarized, winners
from eksplora.exploration.rows import read_rows
from eksplora.records.exploration import ExplorationRecord, RowRecord
from eksplora.records.record import read, to_json
from eksplora.records.shapes import drawn_from
from eksplora.report.exploration import claims_page, page, tables
from eksplora.tracker.base import Lookup

AGAIN = "Run the stage explore again."


def claims_of(found: Iterable[Path]) -> str:
    """The page of all claims, from the facts of explorations.

    Raises:
        DataError: If one of them does not hold such facts.
    """
    explored = [read(path, ExplorationRecord, way_out=AGAIN) for path in found]
    with drawn_from("explore.json", AGAIN):
        return claims_page(explored)


def check(path: Path, lookup: Lookup) -> None:
    """Check one exploration, and say so.

    Raises:
        EksploraError: If a number does not follow from the runs behind it.
    """
    recorded = read(path, ExplorationRecord, way_out=AGAIN)
    with drawn_from(path, AGAIN):
        facts = _again(recorded, lookup, path.parent)
        texts = {"README.md": page(facts), **tables(facts)}
    _refuse_difference(path, first_difference(to_json(recorded), to_json(facts)))
    for name, text in texts.items():
        compare(path.parent / name, text)
    cells = sum(len(row.summary) for study in facts.studies.values() for row in study.rows.values())
    runs = {run for study in recorded.studies.values() for row in study.rows.values() for run in row.member_runs}
    print(f"{path.parent}: {cells} means over the members of {len(runs)} runs, all as recorded")


def _again(recorded: ExplorationRecord, lookup: Lookup, folder: Path) -> ExplorationRecord:
    """The facts of an exploration from the runs in MLflow, and from the losses of rows that add up to their values."""
    studies = {name: _study(recorded, name, lookup) for name in recorded.studies}
    exploration = read_exploration(recorded.exploration, recorded.asked, recorded.budget.name)
    facts = summarized(
        exploration,
        read_rows(folder, studies, recorded.rows_sha256, way_out=AGAIN),
        {name: _runs(recorded, name) for name in recorded.studies},
        carry=recorded.carry,
        alpha=recorded.alpha,
    )
    return replace(
        facts,
        run=recorded.run,
        asked=recorded.asked,
        set=recorded.set,
        threads=recorded.threads,
        rows_sha256=recorded.rows_sha256,
    )


def compare(path: Path, text: str) -> None:
    """Compare a file with the text that follows from the runs.

    Raises:
        DataError: If the file cannot be read.
        EksploraError: If it has another text; the message has the first line that differs.
    """
    try:
        present = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({getattr(error, 'strerror', None) or 'no text'}). {AGAIN}") from None
    _refuse_difference(path, first_difference(present, text))


def _refuse_difference(path: Path, difference: str) -> None:
    if difference:
        raise EksploraError(f"{path} does not follow from the runs in MLflow: {difference}")


def _study(recorded: ExplorationRecord, name: str, lookup: Lookup) -> StudyResult:
    """A study in numbers, its members' values taken from MLflow."""
    study, direction = recorded.studies[name], recorded.direction

    def result(row: RowRecord) -> RowResult:
        values = [_member(run, recorded.metric, lookup) for run in row.member_runs]
        return RowResult(row.trial, row.status, row.message, columns_of(values, direction) if values else {})

    rows = {key: result(row) for key, row in study.rows.items()}
    return StudyResult(
        study=study.study,
        id=study.id,
        base=study.base,
        rows=rows,
        winner=winners(rows, direction),
        handed_on=study.handed_on,
        metric=recorded.metric,
        direction=direction,
        provenance=recorded.provenance,
    )


def _member(run: str, metric: str, lookup: Lookup) -> dict[str, float]:
    """Values in a member's run, by the names of the tables' columns."""
    last, curves = lookup.metrics(run)
    try:
        # Earlier versions had the curve, which is gathered while weights move and dropout is on.
        known = last.get(f"train_eval/{metric}")
        return {
            "train": curves[f"train/{metric}"][int(last["best_epoch"]) - 1] if known is None else known,
            "val": last["objective"],
            "test": last[f"test/{metric}"],
            "seconds": last["seconds"],
        }
    except (KeyError, IndexError) as error:
        raise DataError(f"MLflow's run {run} lacks {error}: it is not the run of a tested member.") from None


def _runs(recorded: ExplorationRecord, name: str) -> dict[str, str]:
    """MLflow's ids of a study's runs by ours, as they stand in the tables."""
    study = recorded.studies[name]
    found = {}
    for row in study.rows.values():
        key = f"{study.id}/{row.trial}"
        found[key] = row.run
        found |= {f"{key}/{member}": run for member, run in enumerate(row.member_runs)}
    return found


def first_difference(recorded: str, again: str) -> str:
    """The first line that differs, as it is and as it should be; empty when there is none."""
    for number, (line, other) in enumerate(_lines(recorded, again), 1):
        if line != other:
            return f"line {number} is {_cut(line)}, it should be {_cut(other)}"
    return ""


def _lines(recorded: str, again: str) -> Iterator[tuple[str, str]]:
    first, second = recorded.splitlines(), again.splitlines()
    longest = max(len(first), len(second))
    for place in range(longest):
        yield tuple(lines[place] if place < len(lines) else "" for lines in (first, second))  # type: ignore[misc]


def _cut(line: str) -> str:
    return repr(line.strip()[:160])
