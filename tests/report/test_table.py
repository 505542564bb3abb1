from eksplora.report.table import as_csv, latex, table, tex

ROWS = [{"name": "50% & a_b", "mean": 0.123456, "n": 3}, {"name": "größer", "mean": None, "n": 4}]


def test_the_same_rows_are_a_table_of_each_kind() -> None:
    assert table(ROWS).splitlines()[2:] == ["| 50% & a_b | 0.1235 | 3 |", "| größer |  | 4 |"]
    assert as_csv(ROWS) == "name,mean,n\n50% & a_b,0.123456,3\ngrößer,,4\n"
    lines = latex(ROWS, caption="What #1 says").splitlines()
    assert r"\caption{What \#1 says}" in lines and r"\begin{tabular}{lrr}" in lines
    assert r"50\% \& a\_b & 0.1235 & 3 \\" in lines and r"größer &  & 4 \\" in lines


def test_a_line_of_latex_may_end_with_a_comment() -> None:
    assert r"größer &  & 4 \\ % runs: b" in latex(ROWS, caption="", comments=["runs: a", "runs: b"])


def test_a_backslash_is_escaped_once() -> None:
    assert tex("\\{~^") == r"\textbackslash{}\{\textasciitilde{}\textasciicircum{}"


def test_a_line_break_does_not_end_the_row_of_a_table() -> None:
    assert table([{"a": "one\ntwo"}]).splitlines()[-1] == "| one two |"
