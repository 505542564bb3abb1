import csv
import io
import json

import pandas as pd

from eksplora.records.table import as_csv, frame_as_csv, rows_as_csv

ROWS = [
    {"trial": 3, "val/mae": 2.123456789, "model.widths": [64, 64], "data.activation": "relu"},
    {"trial": 1, "val/mae": 2.5, "model.widths": [128], "data.activation": "tanh"},
]


def test_csv_keeps_numbers_in_full_and_lists_as_json() -> None:
    read = list(csv.DictReader(io.StringIO(rows_as_csv(ROWS))))
    assert [float(row["val/mae"]) for row in read] == [2.123456789, 2.5]
    assert [json.loads(row["model.widths"]) for row in read] == [[64, 64], [128]]


def test_csv_has_a_column_for_every_key_of_any_row() -> None:
    read = list(csv.DictReader(io.StringIO(rows_as_csv([{"trial": 0}, {"trial": 1, "optimizer.momentum": 0.9}]))))
    assert [row["optimizer.momentum"] for row in read] == ["", "0.9"]


def test_no_text_of_a_table_is_a_formula() -> None:
    wild = "=HYPERLINK(1)"
    for text in (
        as_csv([wild], [[wild]]),
        rows_as_csv([{wild: wild}]),
        frame_as_csv(pd.DataFrame({wild: [wild]})),
    ):
        assert text == f"'{wild}\n'{wild}\n"


def test_a_table_without_lines_has_its_columns() -> None:
    assert as_csv(["a", "b"], []) == "a,b\n"
