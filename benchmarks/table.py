"""What was measured, as Markdown: one section per measurement, and the page that holds them."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Row = Mapping[str, str]
SIGNS: Mapping[str, Callable[[float, float], bool]] = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Section:
    """One measurement.

    Attributes:
        title: Its name.
        text: What was done, and what was held equal.
        rows: The table; every row has the same columns. Empty: there is none.
    """

    title: str
    text: str
    rows: Sequence[Row]


def spread(values: Sequence[float], unit: str) -> dict[str, str]:
    """Median, minimum and maximum of the runs, as columns.

    Examples:
        >>> spread([3.0, 1.0, 2.5], "s")
        {'runs': '3', 'median, s': '2.50', 'min, s': '1.00', 'max, s': '3.00'}
    """
    figures = {"median": median(values), "min": min(values), "max": max(values)}
    return {"runs": str(len(values))} | {f"{name}, {unit}": f"{value:.2f}" for name, value in figures.items()}


def verdict(value: float, target: float, *, sign: str) -> dict[str, str]:
    """Target and whether it is reached, as columns; `sign` is one of `SIGNS`. The value is not rounded before.

    Examples:
        >>> verdict(1.151, 1.15, sign="<=")
        {'target': '<= 1.15', 'reached': 'no'}
        >>> verdict(4.0, 4, sign=">=")
        {'target': '>= 4', 'reached': 'yes'}
    """
    return {"target": f"{sign} {target:g}", "reached": "yes" if SIGNS[sign](value, target) else "no"}


NO_VERDICT = {"target": "", "reached": ""}
"""The columns of `verdict` for a row that is there for information."""


def table(rows: Sequence[Row]) -> str:
    """A Markdown table.

    Examples:
        >>> print(table([{"side": "ours", "s": "1"}, {"side": "bare", "s": "2"}]))
        | side | s |
        | --- | --- |
        | ours | 1 |
        | bare | 2 |
    """
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([row[name] for name in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show(section: Section) -> str:
    """A section as Markdown."""
    return "\n\n".join([f"## {section.title}", section.text, *([table(section.rows)] if section.rows else [])]) + "\n"


def page(sections: Sequence[Section], facts: Mapping[str, str]) -> str:
    """The whole page: by what command and on what machine (`facts`), then the sections."""
    head = "# Benchmarks\n\nWritten by the command below, never by hand. What is compared was run in turn.\n"
    lines = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return "\n".join([head, f"{lines}\n", *(show(section) for section in sections)])
