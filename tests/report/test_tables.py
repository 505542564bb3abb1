import csv
import io
from typing import Any

from handed_on import tables

NAMES = {"measures", "per_class", "confirmation", "importance"}


def of(found: dict[str, str]) -> set[str]:
    return {path.removeprefix("tables/").partition(".")[0] for path in found}


def test_each_table_is_written_in_three_forms(digits: Any, boston: Any) -> None:
    for facts, missing in ((digits, "importance"), (boston, "per_class")):
        found = tables(facts)
        assert of(found) == NAMES - {missing}
        assert len(found) == 9 and {path.rpartition(".")[2] for path in found} == {"md", "tex", "csv"}


def test_numbers_of_a_table_are_those_of_the_facts(boston: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(tables(boston)["tables/measures.csv"])))
    known = boston["details"]["measures"]
    assert [row["measure"] for row in rows] == list(known)
    assert float(rows[0]["mean"]) == known["mae"]["mean"] and rows[-1]["mean"] == ""
    importance = list(csv.DictReader(io.StringIO(tables(boston)["tables/importance.csv"])))
    assert len(importance) == 4 * 13 and float(importance[0]["first"]) == 0.5


def test_a_configuration_that_did_not_finish_has_a_line_with_its_status(digits: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(tables(digits)["tables/confirmation.csv"])))
    assert rows[-1]["status"] == "diverged" and rows[-1]["mean"] == ""
    assert rows[0]["against baseline"] == "better"


def test_what_was_not_explained_has_no_table(boston: Any) -> None:
    assert "importance" not in of(tables({**boston, "explained": None}))
