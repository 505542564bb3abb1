"""Tables and pictures of an exploration, from facts that are written by hand."""

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest

from eksplora.records.estimate import Estimate
from eksplora.records.exploration import ExplorationRecord
from eksplora.records.record import from_json
from eksplora.report.exploration import claims_page, latex, numbers, page, rows, tables, warning
from eksplora.report.figure import draw, picture, title_of
from eksplora.report.figure import page as picture_page


def summary(*values: float) -> dict[str, Any]:
    mean = sum(values) / len(values)
    return {"mean": mean, "std": 0.5, "low": mean - 1, "high": mean + 1, "n": len(values)}


def row(reported: dict[str, float], *test: float) -> dict[str, Any]:
    columns = {"val": (3.0, 3.5), "test": test, "train": (1.0, 1.5), "seconds": (0.25, 0.75)}
    return {
        "status": "finished" if test else "diverged",
        "reported": reported,
        "members": {name: list(values) for name, values in columns.items()} if test else {},
        "summary": {name: summary(*values) for name, values in columns.items()} if test else {},
        "run": "abcdef0123456789" if test else "",
        "member_runs": ["run-0", "run-1"] if test else [],
    }


def written(budget: str = "standard", changes: Sequence[str] = ()) -> dict[str, Any]:
    """The facts as they stand in the file."""
    words = {"verdict": "worse", "in_words": "5_units is worse than 50% units"}
    study = {
        "says": "units & more",
        "rows": {
            "50% units": row({"test": 2.25, "train": 1.125, "seconds": 9.0}, 2.0, 3.0),
            "5_units": row({"test": 4.5}, 4.0, 6.0),
            "wild": row({"test": 7.0}),
        },
        "winner": {"val": "50% units", "test": "50% units"},
        "choices": {"val": {"50% units": 2}, "test": {"50% units": 1, "5_units": 1}},
        "carried_by_reference": "50% units",
        "handed_on": "50% units",
        "comparisons": {"test": {"5_units": {"best": words}}},
    }
    claim = {"says": "few are worse", "finding": "replicated", "members_needed": None, "evidence": ["by 2.5"]}
    other = {"says": "it is noise", "finding": "not distinguishable", "members_needed": 12, "evidence": []}
    return {
        "title": "Houses",
        "exploration": "houses",
        "metric": "mae",
        "direction": "minimize",
        "digits": 1,
        "carry": "reported",
        "budget": {"name": budget, "note": "as reported, 2 members", "members": 2},
        "studies": {"units": study},
        "claims": {"few": claim, "noise": other},
        "provenance": {"git.commit": "c0ffee"},
        "set": list(changes),
    }


def of(found: dict[str, Any]) -> ExplorationRecord:
    return from_json(json.dumps(found), ExplorationRecord, source="explore.json", way_out="")


def facts(budget: str = "standard", changes: Sequence[str] = ()) -> ExplorationRecord:
    return of(written(budget, changes))


def test_a_row_has_our_mean_and_interval_beside_the_reported_number() -> None:
    first, second, third = rows(facts(), "units")
    assert (first["reported test"], first["test"]) == ("2.2", "2.50 [1.50, 3.50]")
    assert (first["test, against the best"], second["test, against the best"]) == ("best", "worse")
    assert (third["test"], third["n"], third["run"]) == ("diverged", 0, "")
    assert (first["n"], first["run"], first["reported seconds"]) == (2, "`abcdef01`", 9.0)


def test_the_page_says_what_the_intervals_of_its_columns_are_about() -> None:
    others = "other members on these rows (Student's)"
    assert f"95% interval for {others}, beside" in page(facts())
    found = written()
    for name in ("50% units", "5_units"):
        summary = found["studies"]["units"]["rows"][name]["summary"]
        summary["val"]["scope"], summary["test"]["scope"] = "data like these", "new rows, trained on these"
    said = "data like these (validation), new rows, trained on these (test)"
    assert f"95% interval for {said}, {others} in the other columns, beside" in page(of(found))


def test_latex_is_a_booktabs_table_whose_signs_are_escaped_and_whose_lines_name_their_runs() -> None:
    text = latex(facts(), "units")
    assert r"\caption{Houses: units \& more. Budget: as reported, 2 members.}" in text
    lines = [line for line in text.splitlines() if r"\\ % runs:" in line]
    assert lines[0].startswith(r"50\% units & 1.1 & 1.25 [0.25, 2.25] & 2.2 & 2.50 [1.50, 3.50]")
    assert lines[0].endswith("% runs: abcdef0123456789 run-0 run-1")
    assert lines[1].startswith(r"5\_units & ")
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)
    assert columns and {line.partition(r" \\")[0].count(" & ") + 1 for line in lines} == {len(columns[1])}
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]


def test_csv_holds_the_numbers_in_full_with_the_runs_behind_each() -> None:
    found = list(csv.DictReader(io.StringIO(numbers(facts(), "units"))))
    known = {(line["row"], line["column"]): line for line in found}
    test = known["5_units", "test"]
    assert {key: float(test[key]) for key in ("reported", "mean", "low", "high", "std", "n")} == {
        "reported": 4.5,
        "mean": 5.0,
        "low": 4.0,
        "high": 6.0,
        "std": 0.5,
        "n": 2.0,
    }
    assert (test["budget"], test["run"], test["member_runs"]) == ("standard", "abcdef0123456789", "run-0 run-1")
    assert ("wild", "test") not in known


def test_every_study_has_its_three_tables() -> None:
    assert set(tables(facts())) == {f"tables/units.{kind}" for kind in ("md", "tex", "csv")}


@pytest.mark.parametrize(("budget", "is_marked"), [("smoke", True), ("standard", False)])
def test_a_smoke_run_is_marked_everywhere(budget: str, is_marked: bool) -> None:
    shown = facts(budget)
    title = title_of(shown, "units")
    for text in (page(shown), claims_page([shown]), latex(shown, "units"), tables(shown)["tables/units.md"], title):
        assert ("SMOKE RUN" in text) == is_marked
    assert ("2 claims" in claims_page([shown])) != is_marked, "what means nothing is not counted"
    assert numbers(shown, "units").splitlines()[1].startswith(f"{budget},")


def test_an_exploration_of_an_earlier_version_has_its_place_among_the_claims() -> None:
    """Intervals were pairs, a difference was a number, and what was changed by hand was not written."""
    earlier = written()
    del earlier["set"]
    for one in earlier["studies"]["units"]["rows"].values():
        for known in one["summary"].values():
            known["interval"] = [known.pop("low"), known.pop("high")]
    compared = earlier["studies"]["units"]["comparisons"]["test"]["5_units"]["best"]
    compared |= {"difference": 2.5, "interval": {"low": 1.0, "high": 4.0, "level": 0.95}, "num_pairs": 2}
    shown = of(earlier)
    assert claims_page([shown]) == claims_page([facts()])
    assert page(shown) == page(facts()) and numbers(shown, "units") == numbers(facts(), "units")
    known = shown.studies["units"].comparisons["test"]["5_units"]["best"].difference
    assert known == Estimate(mean=2.5, low=1.0, high=4.0, n=2)


def test_what_was_changed_by_hand_is_said_everywhere() -> None:
    shown = facts("full", ["trainer.max_epochs=1"])
    title = title_of(shown, "units")
    for text in (title, page(shown), claims_page([shown]), latex(shown, "units"), tables(shown)["tables/units.md"]):
        assert "CHANGED BY HAND: trainer.max" in text


def test_the_page_tells_the_claims_the_choice_on_the_test_column_and_how_often_it_changes() -> None:
    text = page(facts())
    assert "| few | few are worse | **replicated** |  | these rows |  |  |" in text
    assert "| noise | it is noise | **not distinguishable** |  | these rows |  | about 12 members |" in text
    assert "by test: 50% units (1), 5_units (1)." in text
    assert "- 5_units is worse than 50% units" in text
    assert (
        "2 claims of the reference explorations, judged on our own members: 1 replicated, 0 not replicated, 1 not"
        in (claims_page([facts()]))
    )


def test_the_picture_has_each_member_the_mean_with_its_interval_and_the_reported_value(tmp_path: Path) -> None:
    axes = picture(facts(), "units").axes[0]
    drawn = [(list(line.get_xdata()), line.get_marker()) for line in axes.lines]
    members = [points.get_offsets()[:, 0].tolist() for points in axes.collections if points.get_offsets().size == 4]
    assert [2.0, 3.0] in members and [4.0, 6.0] in members
    assert ([2.5], "s") in drawn and ([2.25], "D") in drawn and ([7.0], "D") in drawn
    assert [label.get_text() for label in axes.get_yticklabels()] == ["50% units", "5_units", "wild"]
    draw(facts(), tmp_path)
    assert matplotlib.image.imread(tmp_path / "units.png").std() > 0.05, "something is drawn"


def test_the_page_of_a_picture_says_the_run_behind_each_dot_and_needs_nothing_else() -> None:
    text = picture_page(facts(), "units")
    assert re.findall("<title>(run[^<]*)</title>", text) == ["run run-0", "run run-1"] * 2
    assert len(text) < 100_000 and not re.search(r'\b(src|href)="(?!#|data:,)', text)


def test_the_same_picture_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw(facts(), tmp_path / name)
    for kind in ("png", "svg", "html"):
        assert (tmp_path / f"a/units.{kind}").read_bytes() == (tmp_path / f"b/units.{kind}").read_bytes()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([], ""),
        (["study.workers=1", "study.threads=2"], ""),
        (["study.workers=1", "trainer.max_epochs=5"], "CHANGED BY HAND: trainer.max_epochs=5."),
        (["study.n_seeds=3"], "CHANGED BY HAND: study.n_seeds=3."),
    ],
)
def test_only_what_changes_the_numbers_is_a_change_by_hand(changes: list[str], said: str) -> None:
    assert warning("full", changes).partition(" These")[0] == said
