"""Progress in a notebook: one line of the cell's output that is renewed, however many trials there are."""

import html
import sys
from typing import Any, Protocol, cast

WIDTH = 100
"""Columns of the line: about those of a cell."""


class _Handle(Protocol):
    """A place in a cell's output, as IPython gives it."""

    def update(self, shown: object) -> object:
        """Show something else there."""


class NotebookLine:
    """A line of text in a cell's output, for people and for programs that read the notebook's file."""

    def __init__(self, text: str) -> None:
        """Show this text."""
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self._text)}</pre>"


class Notebook:
    """The output of the cell that runs now; use it where a `Terminal` is used.

    Lines that would stay in a terminal take the place of the last one: there is one for each trial.

    Attributes:
        is_live: It has a line that can be renewed.
        width: Columns that the line may have.
    """

    is_live = True
    width = WIDTH

    def __init__(self, display: Any) -> None:
        """Show by `display`, IPython's function."""
        self._display = display
        self._handle: _Handle | None = None
        self._said = self._shown = ""

    def say(self, text: str) -> None:
        """Show the last line of a text above the line that is renewed."""
        self._said = text.strip().rpartition("\n")[2]
        self._renew()

    def show(self, text: str) -> None:
        """Renew the line; empty: take it away."""
        self._shown = text
        self._renew()

    def _renew(self) -> None:
        line = NotebookLine("\n".join(filter(None, (self._said, self._shown))))
        if self._handle is None:
            self._handle = cast(_Handle, self._display(line, display_id=True))
        else:
            self._handle.update(line)


def notebook() -> Notebook | None:
    """The output of the cell that runs now; None where this process is no notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return None if ipython is None or getattr(shell, "kernel", None) is None else Notebook(ipython.display.display)
