"""Tables as Markdown and LaTeX."""

import re

import pytest
from markdown_it import MarkdownIt

from eksplora.report.table import Markdown, cell, latex, table, tex

ROWS = [{"name": "50% & a_b", "mean": 0.123456, "n": 3}, {"name": "größer", "mean": None, "n": 4}]


def test_the_same_rows_are_a_table_of_markdown_and_of_latex() -> None:
    assert table(ROWS).splitlines()[2:] == ["| 50% & a_b | 0.1235 | 3 |", "| größer |  | 4 |"]
    lines = latex(ROWS, caption="What #1 says").splitlines()
    assert r"\caption{What \#1 says}" in lines and r"\begin{tabular}{lrr}" in lines
    assert r"50\% \& a\_b & 0.1235 & 3 \\" in lines and r"größer &  & 4 \\" in lines


def test_a_line_of_latex_may_end_with_a_comment() -> None:
    assert r"größer &  & 4 \\ % runs: b" in latex(ROWS, caption="", comments=["runs: a", "runs: b"])


def test_a_backslash_is_escaped_once() -> None:
    assert tex("\\{~^") == r"\textbackslash{}\{\textasciitilde{}\textasciicircum{}"


def test_a_line_break_does_not_end_the_row_of_a_table() -> None:
    assert table([{"a": "one\ntwo"}]).splitlines()[-1] == "| one two |"


WILD = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[here](javascript:alert(1))",
    "![here](https://example.org/x.png)",
    "[here][1] <javascript:alert(1)>",
    "`a` **b** _c_ ~~d~~ ``e | f``",
    "a|b\\|c \\`d\\\\",
    "&lt;b&gt; &#60; AT&T",
    "two\nlines | and\r\nthree",
    "train_rows [64, 64] 5 < 6 > 4",
]


@pytest.mark.parametrize("text", WILD)
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    shown = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(table([{text: text, "n": 1}]))
    assert set(re.findall(r"<(\w+)", shown)) == {"table", "thead", "tbody", "tr", "th", "td"}
    cells = re.findall(r"<t[hd]>(.*?)</t[hd]>", shown)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        cells = [one.replace(entity, sign) for one in cells]
    assert cells == [" ".join(text.splitlines()), "n", " ".join(text.splitlines()), "1"]


def test_what_is_markdown_already_stays() -> None:
    assert table([{"a": Markdown("**x** `y`|")}]).splitlines()[-1] == r"| **x** `y`\| |"


@pytest.mark.parametrize("text", ["a\n\\input{/etc/passwd}", "x}\n\n\\write18{ls}", "% y\r\n&"])
def test_latex_runs_nothing_of_a_text(text: str) -> None:
    made = latex([{"a": text, "b": 1}], caption=text, comments=[text])
    assert len(made.splitlines()) == 10
    assert not re.search(r"\\(input|write)", made.replace(f"% {' '.join(text.splitlines())}", ""))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (0.123456, "0.1235"),
        (123456.0, "1.235e+05"),
        ("a|b||c", r"a\|b\|\|c"),
        (7, "7"),
        ("größer", "größer"),
    ],
)
def test_a_cell_is_short_and_never_ends_its_column(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_a_table_has_every_key_of_every_row_as_a_column() -> None:
    assert table([{"a": 1}, {"b|c": 2.0}]) == "| a | b\\|c |\n| --- | --- |\n| 1 |  |\n|  | 2 |"
