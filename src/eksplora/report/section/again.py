"""Sections on what the numbers come from: the data, and the commands that make them again."""

from collections.abc import Iterable, Mapping

from eksplora.installation import in_checkout, target
from eksplora.provenance import UNKNOWN
from eksplora.records.confirm import Registered
from eksplora.records.evaluate import DataRecord
from eksplora.records.results import Results
from eksplora.records.table import histogram
from eksplora.report.block import Commands, Note, Points, Prose, Section, TableBlock, code
from eksplora.report.command import commands, is_plain
from eksplora.report.number import NONE

SHOWN_PROVENANCE = ("git.", "dvc_lock.", "lock.", "code.", "data.", "version.", "machine.", "threads")
"""Keys of the provenance that are shown, in this order."""

_STUDIES = {
    "search": "Study of the search",
    "confirm": "Study of the candidates on fresh members",
    "final": "Study of the model on all rows of the training part",
}


_CODE = "the code that trained the model"
CODE = {
    **dict.fromkeys(("false", "unknown", None), _CODE),
    "true": f"{_CODE}, but for changes that were not committed: changes.diff of the run in MLflow has them",
}
"""Description of a commit, by whether the tree had changes."""


"""Bars of a histogram."""


def data(facts: Results) -> Section:
    """The columns of a table with their histograms, and the warnings of its card; empty for other data."""
    known = facts.tested.data
    columns = [] if known is None else known.columns
    rows = [
        {
            "column": column.name,
            "is": f"{column.kind}{' (given)' if column.is_stated else ''}",
            "used as": column.role,
            "missing": column.missing,
            "different": column.distinct,
            "counts": histogram(column.counts),
            "values": column.content,
            "becomes": f"{column.prepared} columns" if column.prepared > 1 else "1 column" if column.prepared else NONE,
        }
        for column in columns
    ]
    said = [] if known is None else [*known.warnings, *known.notes]
    caption = "Counts: rows in ten equal steps of a number's range, or of the most frequent categories."
    return Section(
        key="data",
        title="Data",
        says="What the model learned from, and what is to be known of it before the result is believed.",
        blocks=[Prose(_named(known)), *map(Note, said), *([TableBlock("Columns", rows, caption)] if rows else [])],
    )


def _named(data: DataRecord | None) -> str:
    if data is None:
        return "The record does not say which data these are."
    return f"{data.name}, from {data.source}: {data.rows['train']} training and {data.rows['test']} test rows."


def section(facts: Results) -> Section:
    """Commands that make every number again, and where the numbers come from."""
    confirmed, evaluated = facts.confirmed, facts.evaluated or facts.confirmed
    commit = evaluated.provenance.get("git.commit")
    is_known = commit not in (None, UNKNOWN)
    dvc = [("dvc repro", "runs every stage that is not current, this page too")] if is_plain(facts) else []
    run = confirmed.registered and confirmed.registered.run
    says = "trains the model again from its record, compares bit for bit"
    rows = [{"what": code(key), "value": code(str(value))} for key, value in shown(evaluated.provenance)]
    return Section(
        key="again",
        title="How to reproduce it",
        says=(
            "Every number here follows from recorded runs. With the commit, the data and the versions of the table, "
            "these commands make it again. They are as they were typed, for a shell in the project's root."
        ),
        blocks=[
            Commands(
                [
                    *([(f"git checkout {commit}", CODE[evaluated.provenance.get("git.dirty")])] if is_known else []),
                    *([("make setup", "every version as it is pinned there"), *dvc] if in_checkout() else []),
                    *([(f"make reproduce RUN={run}", says)] if run and in_checkout() else []),
                    *commands(facts),
                    (target("ui"), "every run in the browser"),
                ]
            ),
            *([Prose(_registered(confirmed.registered))] if facts.has_network else []),
            Points([f"{_STUDIES.get(stage, stage)}: `{study}`" for stage, study in _studies(facts).items()]),
            TableBlock("Where the numbers come from", rows, is_tall=False),
        ],
    )


def _registered(model: Registered | None) -> str:
    if not model:
        return "The model lies in `confirm/model/` beside this page. It is not registered: nothing was tracked."
    return (
        f"The model lies in `confirm/model/` beside this page; in MLflow's registry it is {model.name}, version "
        f"{model.version} ({model.alias}: {model.why})."
    )


def _studies(facts: Results) -> dict[str, str]:
    return {"search": facts.searched.study, **facts.confirmed.studies}


def shown(provenance: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Provenance as a page shows it, see `SHOWN_PROVENANCE`."""
    for start in SHOWN_PROVENANCE:
        yield from sorted((key, value) for key, value in provenance.items() if key.startswith(start))
