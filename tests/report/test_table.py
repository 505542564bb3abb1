import csv
import io
import json

import pytest

from eksplora.report.table import as_csv, print_best, show_value

ROWS = [
    {"trial": 3, "val/mae": 2.123456789, "optimizer.lr": 0.000308, "model.widths": [64, 64], "data.activation": "relu"},
    {"trial": 1, "val/mae": 2.5, "optimizer.lr": 0.01, "model.widths": [128], "data.activation": "tanh"},
]


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


def test_csv_keeps_numbers_in_full_and_lists_as_json() -> None:
    read = list(csv.DictReader(io.StringIO(as_csv(ROWS))))
    assert [float(row["val/mae"]) for row in read] == [2.123456789, 2.5]
    assert [json.loads(row["model.widths"]) for row in read] == [[64, 64], [128]]


def test_csv_has_a_column_for_every_key_of_any_row() -> None:
    read = list(csv.DictReader(io.StringIO(as_csv([{"trial": 0}, {"trial": 1, "optimizer.momentum": 0.9}]))))
    assert [row["optimizer.momentum"] for row in read] == ["", "0.9"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.00030812, "0.000308"), (12345.678, "1.23e+04"), (2.35555, "2.356"), (7, "7"), (None, ""), ("sgd", "sgd")],
)
def test_values_are_short(value: object, shown: str) -> None:
    assert show_value(value) == shown
