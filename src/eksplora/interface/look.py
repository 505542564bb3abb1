"""Views of the interface's objects in a notebook: small tables, and pictures."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from eksplora.console.table import show_value
from eksplora.files import write_file

_TABLE = Markup("""<table><caption style="text-align:left;font-weight:bold">{title}</caption>
{rows}
</table>""")
_ROW = Markup('<tr><th style="text-align:left">{key}</th><td style="text-align:left">{value}</td></tr>')
_FRAME = Markup('<iframe src="data:text/html;base64,{page}" width="100%" height="{height}" style="border:0"></iframe>')

HEIGHT = 560
"""Pixels of a picture in a notebook; a longer one is scrolled."""


def number(value: object) -> str:
    """A value as a person reads it.

    Examples:
        >>> number(0.123456), number(None), number((32, 32)), number("adam")
        ('0.1235', '', '(32, 32)', 'adam')
    """
    return show_value(value)


def table(title: str, facts: Mapping[str, str]) -> str:
    """A table of two columns as HTML; what stands in it is text.

    Examples:
        >>> "&lt;b&gt;" in table("a study", {"best": "<b>"})
        True
    """
    rows = Markup("\n").join(_ROW.format(key=key, value=value) for key, value in facts.items())
    return str(_TABLE.format(title=title, rows=rows))


def lines(title: str, facts: Mapping[str, str]) -> str:
    """The same as text.

    Examples:
        >>> print(lines("a study", {"best": "trial 3", "scope": "these rows"}))
        a study
          best   trial 3
          scope  these rows
    """
    width = max(map(len, facts), default=0)
    return "\n".join([title, *(f"  {key:<{width}}  {value}" for key, value in facts.items())])


@dataclass(frozen=True, repr=False)
class Figure:
    """A picture that a notebook shows; a page of its own that needs no network.

    Attributes:
        html: The page.
    """

    html: str

    def save(self, path: str | Path) -> Path:
        """Write the page to a file; returns its path."""
        write_file(Path(path), self.html)
        return Path(path)

    def __repr__(self) -> str:
        return "Figure: a notebook shows it; .save('figure.html') writes it"

    def _repr_html_(self) -> str:
        return str(_FRAME.format(page=base64.b64encode(self.html.encode()).decode(), height=HEIGHT))
