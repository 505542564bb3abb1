import io
import math
import os
import re
from collections.abc import Sequence

import pytest
from rich.console import Console

from eksplora.console.table import Row, as_table, print_best, show_value

ROWS = [
    {"trial": 3, "val/mae": 2.123456789, "optimizer.lr": 0.000308, "model.widths": [64, 64], "data.activation": "relu"},
    {"trial": 1, "val/mae": 2.5, "optimizer.lr": 0.01, "model.widths": [128], "data.activation": "tanh"},
]
MANY = [
    {"trial": number, **{f"group_{key}.key_{key:02}": f"value_{number}_{key:02}" for key in range(15)}}
    for number in (12, 3, 7, 0, 5)
]
"""Five rows of 16 keys."""


def printed(rows: Sequence[Row], width: int) -> list[str]:
    """The lines of the table below its title, in a console of that width."""
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        console.print(as_table(rows, title="Best", width=width))
    return [line.rstrip() for line in capture.get().splitlines()[1:] if line.strip(" ─")]


def test_a_notebook_shows_no_table_past_who_takes_what_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    print_best(ROWS, title="Best")
    assert "2.123" in capsys.readouterr().out


def unfolded(lines: Sequence[str]) -> list[list[str]]:
    """The cells of a turned table, each put together from its pieces; a line without a key continues the one above."""
    starts = [match.start() for match in re.finditer(r"\S+", lines[0])]
    table: list[list[str]] = []
    for line in lines:
        cells = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
        if cells[0]:
            table.append(cells)
        else:
            table[-1] = [above + below for above, below in zip(table[-1], cells, strict=True)]
    return table


def test_table_shows_short_names_and_only_the_first_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_best(ROWS, title="Best", limit=1)
    shown = capsys.readouterr().out
    assert shown.startswith("Best")
    assert " lr " in shown and "optimizer.lr" not in shown
    assert "[64, 64]" in shown and "2.123" in shown
    assert "[128]" not in shown


def test_no_column_is_cut_when_the_output_is_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    wide = [{f"a.column_with_a_long_name_{i}": f"value_{i}_{'x' * 12}" for i in range(6)}]
    print_best(wide, title="Wide")
    shown = capsys.readouterr().out
    assert all(f"value_{i}_{'x' * 12}" in shown for i in range(6))


def test_a_pipe_that_nobody_reads_is_for_the_command_to_end_by(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        with pytest.raises(BrokenPipeError):
            print_best([{"trial": 0}], title="best")
        os.dup2(os.open(os.devnull, os.O_WRONLY), pipe.fileno())  # what is left is written when it is closed


def test_table_that_fits_has_a_line_per_row() -> None:
    assert printed(ROWS, 80) == [
        " trial   val/mae         lr     widths   activation",
        "     3     2.123   0.000308   [64, 64]         relu",
        "     1       2.5       0.01      [128]         tanh",
    ]


def test_table_turns_where_its_widest_line_no_longer_fits() -> None:
    width = len(printed(ROWS, 80)[0]) + 1  # the margin on the right
    assert printed(ROWS, width) == printed(ROWS, 80)
    assert unfolded(printed(ROWS, width - 1)) == [
        ["trial", "3", "1"],
        ["val/mae", "2.123", "2.5"],
        ["lr", "0.000308", "0.01"],
        ["widths", "[64, 64]", "[128]"],
        ["activation", "relu", "tanh"],
    ]


def test_turned_table_of_16_keys_shows_every_key_and_value_whole_in_80_columns() -> None:
    lines = printed(MANY, 80)
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines] == [
        [name.rpartition(".")[2], *(str(row[name]) for row in MANY)] for name in MANY[0]
    ]


def test_table_turns_on_a_terminal_that_does_not_state_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = printed(MANY, 80)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")  # rich then takes 80 columns, whatever it is told
    assert printed(MANY, 80) == wide


@pytest.mark.parametrize("width", [80, 60, 40])
def test_value_longer_than_its_column_wraps_and_is_whole(width: int) -> None:
    long = "a_value_that_is_longer_than_the_column_that_it_stands_in"
    rows = [{**row, "loss.kind": long, "loss.next": "short"} for row in MANY]
    lines = printed(rows, width)
    assert max(map(len, lines)) <= width
    assert unfolded(lines)[-2:] == [["kind", *[long] * 5], ["next", *["short"] * 5]]


def test_key_longer_than_a_third_of_the_table_wraps_and_is_whole() -> None:
    lines = printed([{"trial": number, "x" * 200: number} for number in (1, 2)], 80)
    assert "".join(line.split()[0] for line in lines[1:]) == "x" * 200
    assert lines[1].split()[1:] == ["1", "2"]


@pytest.mark.parametrize("width", [80, 20])
def test_value_in_brackets_is_not_taken_for_markup(width: int) -> None:
    assert "[nan]" in " ".join(printed([{"trial": 0, "a.weights": [math.nan], "a.kind": "constant"}], width))


def test_study_of_many_keys_is_printed_turned_with_the_best_five(capsys: pytest.CaptureFixture[str]) -> None:
    wide = [{**row, "loss.kind": "x" * 20} for row in MANY]
    print_best([*wide, wide[0] | {"trial": 99}], title="Best 5 of 6 trials")
    shown = capsys.readouterr().out
    assert shown.startswith("Best 5 of 6 trials")
    assert shown.split("\n")[2].split() == ["trial", "12", "3", "7", "0", "5"]
    assert "…" not in shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.00030812, "0.000308"), (12345.678, "1.23e+04"), (2.35555, "2.356"), (7, "7"), (None, ""), ("sgd", "sgd")],
)
def test_values_are_short(value: object, shown: str) -> None:
    assert show_value(value) == shown
