"""The plots of a study: what is drawn of which numbers, and that it stands alone."""

import re
from typing import Any

import pytest

from eksplora.records.search import SearchRecord, TrialRecord
from eksplora.search.plots import pages, varied


def searched(values: list[dict[str, Any]], importance: dict[str, float] | None = None) -> SearchRecord:
    trials = [TrialRecord(trial=number, value=float(number), values=own) for number, own in enumerate(values)]
    return SearchRecord(
        study="small",
        metric="holdout_mae",
        members="1 seed",
        trials={"finished": len(trials)},
        ranked=[],
        all_trials=[*trials, TrialRecord(trial=len(trials), values={"x": 99})],
        importance=importance or {},
    )


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([], set()),
        ([{"x": 1}], {"history"}),
        ([{"x": 1}, {"x": 1}], {"history"}),
        ([{"x": 1}, {"x": 2}], {"history", "parallel_coordinates", "slices"}),
        ([{"x": 1}, {"x": 2}, {"y": 1}, {"y": 2}], {"history", "parallel_coordinates", "slices"}),
    ],
)
def test_a_page_is_drawn_only_where_there_is_something_to_see(values: list[dict[str, Any]], names: set[str]) -> None:
    assert {name for name, _ in pages(searched(values))} == names


def test_a_key_that_some_trials_lack_varies() -> None:
    assert varied([TrialRecord(trial=0, values={"x": 1}), TrialRecord(trial=1, values={"x": 1, "y": 2})]) == ["y"]


MIXED = [{"lr": 10.0**-n, "widths": [n % 3], "units": n, **({"nested": True} if n % 2 else {})} for n in range(1, 8)]


def test_every_trial_is_a_mark_that_says_its_values() -> None:
    drawn = dict(pages(searched(MIXED, {"lr": 0.75, "units": 0.25})))
    for name, count, of_one in (("history", 7, 1), ("parallel_coordinates", 7, 1), ("slices", 7 + 7 + 7 + 4, 4)):
        titles = re.findall("<title>(trial[^<]*)</title>", drawn[name])
        assert len(titles) == count
        assert titles.count("trial 6: 6 with lr=1e-07, widths=[1], units=7, nested=true") == of_one
    assert "Importance of keys" in drawn["importance"] and ">lr</text>" in drawn["importance"]


def test_a_page_is_small_needs_nothing_else_and_is_the_same_again() -> None:
    drawn = dict(pages(searched(MIXED, {"lr": 1.0})))
    for name, page in drawn.items():
        assert len(page) < 100_000
        assert "holdout_mae" in page and not re.search(r'\b(src|href)="(?!#|data:,)', page)
        ids = re.findall(r'\bid="([^"]*)"', page)
        assert len(ids) == len(set(ids)), name
    assert dict(pages(searched(MIXED, {"lr": 1.0}))) == drawn


def test_texts_are_shown_as_they_are() -> None:
    wild = ["<script>alert(1)</script>", "$x_$", "#010203 \\alpha", "a & b", 'id="x" url(#y)', "größer 猫"]
    drawn = dict(pages(searched([{"<b>key": text} for text in wild], {"<b>key": 1.0})))
    for page in drawn.values():
        assert "alert(1)</script>" not in page and "<b>key" not in page and "&lt;b&gt;key" in page
    for text in ("$x_$", "#010203 \\alpha", "a &amp; b", "größer 猫"):
        assert text in drawn["slices"]


def test_logarithmic_axes_have_plain_numbers() -> None:
    drawn = dict(pages(searched(MIXED)))["slices"]
    assert ">0.001</text>" in drawn and "mathdefault" not in drawn
