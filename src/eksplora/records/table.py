"""Tables as the text of a file: numbers in full, what is missing empty, no text that a spreadsheet would run."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eksplora.untrusted import plain_cell

if TYPE_CHECKING:
    from pandas import DataFrame


def as_csv(columns: Sequence[str], lines: Iterable[Iterable[Any]]) -> str:
    r"""Lines of cells below their columns; lists and mappings as JSON.

    Examples:
        >>> as_csv(["name", "widths"], [["a,b", [64, 32]], [None, "=1+1"]])
        'name,widths\n"a,b","[64, 32]"\n,\'=1+1\n'
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(map(_cell, line) for line in (columns, *lines))
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else plain_cell(value)


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every key of every row, in the order in which they first come."""
    return list(dict.fromkeys(key for row in rows for key in row))


def rows_as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    r"""Rows by column; a row may lack columns.

    Examples:
        >>> rows_as_csv([{"name": "a", "mean": 0.1}, {"name": "c"}])
        'name,mean\na,0.1\nc,\n'
    """
    columns = columns_of(rows)
    return as_csv(columns, ([row.get(name) for name in columns] for row in rows))


STEPS = "▁▂▃▄▅▆▇█"


def histogram(counts: Sequence[int]) -> str:
    """Counts as a row of bars.

    Examples:
        >>> histogram([0, 4, 8])
        '▁▅█'
    """
    most = max(counts, default=0)
    return "".join(STEPS[round((len(STEPS) - 1) * count / most)] for count in counts) if most else ""


def frame_as_csv(table: "DataFrame") -> str:
    """A table of pandas, whose numbers have the digits of their own type."""
    texts = [name for name in table.columns if table[name].dtype.kind not in "biuf"]
    plain = table.assign(**{name: table[name].map(plain_cell) for name in texts})
    return str(plain.rename(columns=plain_cell).to_csv(index=False))
