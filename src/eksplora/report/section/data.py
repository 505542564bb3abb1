"""Section on the data, where they are a user's own table: each column with what it is and what became of it."""

from eksplora.records.evaluate import DataRecord
from eksplora.records.results import Results
from eksplora.report.block import Note, Prose, Section, Table
from eksplora.report.number import NONE

STEPS = "▁▂▃▄▅▆▇█"


def section(facts: Results) -> Section:
    """The columns of a table with their histograms, and the warnings of its card; empty for other data."""
    data = facts.evaluated.data
    columns = [] if data is None else data.columns
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
    said = [] if data is None else [*data.warnings, *data.notes]
    caption = "Counts: rows in ten equal steps of a number's range, or of the most frequent categories."
    return Section(
        key="data",
        title="Data",
        says="What the model learned from, and what is to be known of it before the result is believed.",
        blocks=[Prose(_named(data)), *map(Note, said), *([Table("Columns", rows, caption)] if rows else [])],
    )


def _named(data: DataRecord | None) -> str:
    if data is None:
        return "The record does not say which data these are."
    return f"{data.name}, from {data.source}: {data.rows['train']} training and {data.rows['test']} test rows."


def histogram(counts: list[int]) -> str:
    """Counts as a row of bars.

    Examples:
        >>> histogram([0, 4, 8])
        '▁▄█'
    """
    most = max(counts, default=0)
    return "".join(STEPS[(len(STEPS) - 1) * count // most] for count in counts) if most else ""
