"""Tables as Markdown, and as LaTeX with the package booktabs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eksplora.records.table import columns_of

TableRows = Sequence[Mapping[str, Any]]


class Markdown(str):
    """Text that is Markdown already, among cells that are not."""


_MARKS = re.compile(
    r"\\(?=[!-/:-@\[-`{-~])"  # a backslash that would escape what follows
    r"|[`*|~$]|(?<!\w)_|_(?!\w)"  # code, stress, the end of a cell, formulas
    r"|\](?=[(\[:])|<(?=[A-Za-z/!?])|&(?=#?\w+;)"  # links and images, HTML and addresses, entities
)


def markdown(text: str) -> str:
    r"""Text such that Markdown shows it as it is, in one line.

    Examples:
        >>> print(markdown("a|b <b> [x](javascript:y) `c` train_rows [64, 64]"))
        a\|b \<b> [x\](javascript:y) \`c\` train_rows [64, 64]
    """
    return escaped(" ".join(text.splitlines()))


def escaped(text: str) -> str:
    """The same, with its line breaks."""
    return _MARKS.sub(r"\\\g<0>", text)


def table(rows: TableRows) -> str:
    r"""Rows as a table of Markdown; numbers to four digits, what is missing empty.

    Examples:
        >>> print(table([{"name": "a|b", "mean": 0.12345}, {"name": "c", "mean": None}]))
        | name | mean |
        | --- | --- |
        | a\|b | 0.1235 |
        | c |  |
    """
    columns = columns_of(rows)
    lines = [
        [cell(name) for name in columns],
        ["---"] * len(columns),
        *([cell(row.get(name)) for name in columns] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: Any) -> str:
    """A value in a table of Markdown."""
    return value.replace("|", r"\|").replace("\n", " ") if isinstance(value, Markdown) else markdown(_text(value))


def latex(rows: TableRows, *, caption: str, comments: Sequence[str] = ()) -> str:
    r"""Rows as a table of LaTeX; the document needs the package booktabs.

    Args:
        rows: Those of the table; the first column is set left, the others right.
        caption: Plain text.
        comments: What follows each line as a comment; empty: none has one.

    Examples:
        >>> print(latex([{"name": "a_b", "mean": 0.12345}], caption="100%"))
        \begin{table}
        \caption{100\%}
        \begin{tabular}{lr}
        \toprule
        name & mean \\
        \midrule
        a\_b & 0.1235 \\
        \bottomrule
        \end{tabular}
        \end{table}
        <BLANKLINE>
    """
    columns = columns_of(rows)
    ends = [f" % {' '.join(comment.splitlines())}" for comment in comments] or [""] * len(rows)
    lines = [
        r"\begin{table}",
        rf"\caption{{{tex(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}",
        r"\toprule",
        " & ".join(map(tex, columns)) + r" \\",
        r"\midrule",
        *(
            rf"{' & '.join(tex(_text(row.get(name))) for name in columns)} \\{end}"
            for row, end in zip(rows, ends, strict=True)
        ),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join([*lines, ""])


_TEX = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def tex(text: str) -> str:
    r"""Text such that LaTeX shows it as it is.

    Examples:
        >>> print(tex(r"a_b & 5% of c\d^2"))
        a\_b \& 5\% of c\textbackslash{}d\textasciicircum{}2
    """
    return "".join(_TEX.get(sign, sign) for sign in " ".join(text.splitlines()))


def _text(value: Any) -> str:
    """A value as it is shown: a number to four digits, nothing where there is none."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
