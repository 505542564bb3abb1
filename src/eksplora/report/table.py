"""The table of best trials that a study ends with, and the same rows as CSV."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]
WIDTH = 160
"""Columns of a table that goes to a file: no key is cut."""


def show_value(value: Any) -> str:
    """A value as a person reads it: numbers short, lists without quotes.

    Examples:
        >>> show_value(0.00123456), show_value([64, 64]), show_value(None)
        ('0.00123', '[64, 64]', '')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 0.01 or abs(value) >= 1e4 else f"{value:.4g}"
    return str(value)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """The last part of each dotted key where no other ends the same.

    Examples:
        >>> short_names(["optimizer.lr", "model.a", "data.a", "val/mae"])
        {'optimizer.lr': 'lr', 'model.a': 'model.a', 'data.a': 'data.a', 'val/mae': 'val/mae'}
    """
    ends = Counter(name.rpartition(".")[2] for name in names)
    return {name: end if ends[end := name.rpartition(".")[2]] == 1 else name for name in names}


def print_best(rows: Sequence[Row], *, title: str, limit: int = 5) -> None:
    """Print the first rows as a table; every row has the same keys, which are the columns."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in short_names(list(rows[0])).values() if rows else ():
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows[:limit]:
        table.add_row(*(show_value(value) for value in row.values()))
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)


def as_csv(rows: Sequence[Row]) -> str:
    """All rows as CSV; lists and mappings as JSON, numbers in full."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
