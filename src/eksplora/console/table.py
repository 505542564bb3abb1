"""The table of best trials that a study ends with."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eksplora.records.table import columns_of

Row = Mapping[str, Any]
WIDTH = 160
"""Characters of a table that goes to a file, where no terminal states its width."""
UNLIMITED = 100_000
"""Characters in which a table shows how wide it would like to be."""


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


def as_table(rows: Sequence[Row], *, title: str, width: int) -> Table:
    """The rows as a table at most `width` characters wide; every row has the same keys.

    The keys are the columns where that fits with nothing cut. Else the table is turned: the keys are the lines, the
    rows are the columns, headed by their first value, and long values wrap.
    """
    upright, console = _upright(rows, title), Console()
    wanted = console.measure(upright, options=console.options.update(width=UNLIMITED)).maximum
    return upright if wanted <= width else _turned(rows, title, width)


def _upright(rows: Sequence[Row], title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in short_names(list(rows[0])).values() if rows else ():
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(_text, row.values()))
    return table


def _turned(rows: Sequence[Row], title: str, width: int) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    names = short_names(list(rows[0]))
    lines = [[Text(short), *(_text(row[name]) for row in rows)] for name, short in names.items()]
    # The keys stay whole and the values wrap, unless the keys would leave the values less than two thirds.
    table.add_column(lines[0][0], overflow="fold", width=min(max(map(cell_len, names.values())), width // 3))
    for head in lines[0][1:]:
        table.add_column(head, overflow="fold")
    for line in lines[1:]:
        table.add_row(*line)
    return table


def _text(value: Any) -> Text:
    """Plain text: in a string, rich would read "[nan, 1]" as markup and leave it out."""
    return Text(show_value(value))


class _Piped(Console):
    """A console whose pipe may be closed: the command says with which exit code it then ends, where rich says 1.

    It prints to the standard output, also in a notebook, where rich would show a table past who redirects that.
    """

    def __init__(self, width: int | None = None) -> None:
        """Print in so many columns; None: those of the terminal."""
        super().__init__(width=width, force_jupyter=False)

    def on_broken_pipe(self) -> None:
        raise  # rich calls this while it handles the error


def print_best(rows: Sequence[Row], *, title: str, limit: int = 5) -> None:
    """Print the first rows as a table that fits the terminal; what a row lacks is empty."""
    console = _Piped()
    console = console if console.is_terminal else _Piped(width=WIDTH)
    columns = columns_of(rows)
    shown = [{name: row.get(name) for name in columns} for row in rows[:limit]]
    console.print(as_table(shown, title=title, width=console.width))
