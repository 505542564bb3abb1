"""The test part in detail as earlier versions wrote it."""

import json
from typing import Any

import pytest

from eksplora.errors import DataError
from eksplora.records.details import Agreement, DetailsRecord
from eksplora.records.estimate import Estimate
from eksplora.records.measure import Measure
from eksplora.records.record import from_json, to_json

EARLIER: dict[str, Any] = {"mean": 0.5, "std": 0.1, "low": 0.25, "high": 0.75, "members": [0.25, None, 0.75]}
EARLIER |= {"ensemble": 0.625, "rows_low": 0.5, "rows_high": None}
MEASURE = Measure(
    over_members=Estimate(mean=0.5, low=0.25, high=0.75, std=0.1, n=2),
    members=[0.25, None, 0.75],
    ensemble=Estimate(mean=0.625, low=0.5),
)
LEAST = {"rows": 9, "examples": {"worst": [8], "best": []}}


def read(facts: dict[str, Any]) -> DetailsRecord:
    found = from_json(json.dumps(facts), DetailsRecord, source="it", way_out="Again.")
    assert from_json(to_json(found), DetailsRecord, source="it", way_out="") == found
    return found


def test_measures_of_all_rows_and_of_a_class_are_read() -> None:
    agreement = {"name": "ensemble", "says": "", "accuracy": 0.5, "calibration_error": None, "log_loss": 1.0}
    earlier = {"per_class": [{"class": "a", "rows": 3, "recall": EARLIER}], "measures": {"accuracy": EARLIER}}
    found = read({**LEAST, "kind": "classes", **earlier, "intervals": [agreement | {"mutual_information": 0.0}]})
    assert found.measures == {"accuracy": MEASURE}
    assert (found.per_class[0].name, found.per_class[0].measures) == ("a", {"recall": MEASURE})
    assert found.agreements == [Agreement(**agreement, mutual_information=0.0)]  # type: ignore[arg-type]


def test_the_interval_of_a_coverage_is_read() -> None:
    one = {"name": "dropout", "says": "", "level": 0.9, "coverage": 0.8, "coverage_low": 0.7, "coverage_high": 0.85}
    found = read({**LEAST, "kind": "numbers", "intervals": [one | {"width": 3.0}]})
    assert found.intervals[0].coverage == Estimate(mean=0.8, low=0.7, high=0.85)


def test_an_example_that_is_no_row_is_refused() -> None:
    with pytest.raises(DataError, match=r"examples names a row that is none of 9\)\. Again\.$"):
        read({**LEAST, "kind": "numbers", "examples": {"worst": [9], "best": []}})
