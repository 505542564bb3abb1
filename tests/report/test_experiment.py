"""The page of an experiment, from facts as the stages hand them on."""

from typing import Any

import pytest
from handed_on import page

from eksplora.records.confirm import Configuration
from eksplora.records.estimate import Compared
from eksplora.report.experiment import verdicts
from eksplora.report.table import cell, table


def searched(**changes: Any) -> dict[str, Any]:
    ranked = [
        {"trial": number, "value": 2.0 + number, "key": str(number), "values": {"optimizer.lr": 0.01 * number}}
        for number in range(8)
    ]
    facts = {"study": "boston_mlp-tpe", "trials": {"finished": 9, "diverged": 1}, "members": "2 seeds"}
    return {**facts, "metric": "val/mae", "ranked": ranked, **changes}


def confirmed(**changes: Any) -> dict[str, Any]:
    words = "trial-0 is better than baseline: -1.0 [-1.2, -0.8], p = 0.0312, 6 members"
    known: dict[str, Any] = {"status": "finished", "std": 0.125, "interval": [1.75, 2.25]}
    versus = {"verdict": "better", "in_words": words}
    rows = [
        {
            "name": "trial-0",
            "key": "",
            "mean": 2.0,
            **known,
            "values": {"model.widths": [64, 64]},
            "versus_baseline": versus,
        },
        {
            "name": "baseline",
            "key": "",
            "mean": 3.0,
            **known,
            "values": {},
            "versus_best": {"in_words": "baseline is worse"},
        },
        {
            "name": "trial-5",
            "key": "",
            "status": "diverged",
            "values": {"optimizer.lr": 1e9},
            "message": "the loss is nan",
        },
    ]
    rows[0] |= {"found_by_search": 1.5, "too_good_by": 0.5}
    return {
        "experiment": "boston_mlp",
        "headline": "Chosen: trial-0.",
        "metric": "val/mae",
        "direction": "minimize",
        "chosen": "trial-0",
        "final": {"key": "", "weights_sha256": []},
        "provenance": PROVENANCE,
        "configurations": rows,
        "studies": {"confirm": "boston_mlp-confirm-01", "final": "boston_mlp-final-02"},
        "registered": {"name": "eksplora-boston_mlp", "version": "3", "alias": "champion", "why": "it is better"},
        **changes,
    }


def evaluated(**changes: Any) -> dict[str, Any]:
    one = {"mean": 2.34567, "low": 2.25, "high": 2.5, "std": 0.0625, "ensemble": 2.125, "members": [2.3, 2.4]}
    return {
        "headline": "Test mae 2.346.",
        "rows": 102,
        "test": {"mae": one, "r2": {**one, "low": None, "high": None, "std": None}},
        "opened": 1,
        "provenance": PROVENANCE,
        **changes,
    }


PROVENANCE = {
    "threads": "1",
    "machine.cpu": "Some|CPU",
    "version.torch": "2.13.0",
    "data.train_features.sha256": "aa",
    "code.sha256": "bb",
    "lock.sha256": "cc",
    "dvc_lock.sha256": "dd",
    "git.dirty": "false",
    "git.commit": "c0ffee",
    "another.key": "is not shown",
}


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = text.partition(heading)[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[one.strip() for one in line.strip("|").replace("\\|", "¦").split("|")] for line in lines]


def test_the_page_begins_with_what_was_found() -> None:
    assert page(searched(), confirmed(), evaluated()).startswith(
        "# boston_mlp\n\nTest mae 2.346.\n\nChosen: trial-0.\n\n## On the test part\n"
    )


def test_test_metrics_stand_with_interval_and_spread_and_what_is_missing_is_empty() -> None:
    text = page(searched(), confirmed(), evaluated())
    assert "The test part (102 rows) chose nothing." in text and "has been opened" not in text
    assert rows(text, "## On the test part") == [
        ["metric", "mean", "low", "high", "std", "ensemble"],
        ["---"] * 6,
        ["mae", "2.346", "2.25", "2.5", "0.0625", "2.125"],
        ["r2", "2.346", "", "", "", "2.125"],
    ]


def test_a_test_part_that_was_opened_often_is_said_to_be() -> None:
    text = page(searched(), confirmed(), evaluated(opened=3))
    assert "chose nothing. It has been opened for 3 confirmed models of this experiment so far." in text


def test_candidates_stand_with_what_the_search_said_and_those_that_did_not_finish_with_their_status() -> None:
    assert rows(page(searched(), confirmed(), evaluated()), "## Confirmed") == [
        ["configuration", "mean", "low", "high", "std", "the search said", "optimism", "searched values"],
        ["---"] * 8,
        ["trial-0", "2", "1.75", "2.25", "0.125", "1.5", "0.5", "model.widths=[64, 64]"],
        ["baseline", "3", "1.75", "2.25", "0.125", "", "", ""],
        ["trial-5", "diverged", "", "", "", "", "", "optimizer.lr=1000000000.0"],
    ]


def test_verdicts_against_the_baseline_come_first_and_each_once() -> None:
    text = page(searched(), confirmed(), evaluated())
    said = [line for line in text.splitlines() if line.startswith("- trial-0") or line.startswith("- baseline")]
    assert said == ["- trial-0 is better than baseline: -1.0 [-1.2, -0.8], p = 0.0312, 6 members"]
    alone = confirmed(configurations=confirmed()["configurations"][2:])
    assert "\n- trial" not in page(searched(), alone, evaluated())


def test_the_best_five_of_the_search_are_shown() -> None:
    text = page(searched(), confirmed(), evaluated())
    assert "Study `boston_mlp-tpe`: 9 finished, 1 diverged; 2 seeds per trial." in text
    assert rows(text, "## The search")[:3] == [["trial", "val/mae", "optimizer.lr"], ["---"] * 3, ["0", "2", "0"]]
    assert len(rows(text, "## The search")) == 2 + 5


def test_the_page_says_where_the_numbers_come_from_and_how_to_have_them_again() -> None:
    text = page(searched(), confirmed(), evaluated())
    assert "Studies: `boston_mlp-confirm-01`, `boston_mlp-final-02`" in text
    assert "make reproduce RUN=" in text
    assert "In MLflow it is `eksplora-boston_mlp`, version 3 (champion: it is better)." in text
    assert rows(text, "Where the numbers come from:")[2:] == [
        ["git.commit", "c0ffee"],
        ["git.dirty", "false"],
        ["dvc_lock.sha256", "dd"],
        ["lock.sha256", "cc"],
        ["code.sha256", "bb"],
        ["data.train_features.sha256", "aa"],
        ["version.torch", "2.13.0"],
        ["machine.cpu", "Some¦CPU"],
        ["threads", "1"],
    ]


def test_a_model_that_is_not_registered_is_said_not_to_be() -> None:
    text = page(searched(), confirmed(registered=None), evaluated())
    assert "It is not registered: nothing was tracked." in text and "In MLflow it is" not in text


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


def candidate(name: str, **versus: str) -> Configuration:
    known = {key: Compared(in_words=words) for key, words in versus.items()}
    return Configuration(name=name, key="", values={}, **known)  # type: ignore[arg-type]


def test_every_pair_is_told_once() -> None:
    rows = [
        candidate("trial-1", versus_baseline="trial-1 is better than baseline"),
        candidate("trial-2", versus_baseline="b", versus_best="c"),
        candidate("baseline", versus_best="baseline is worse than trial-1"),
    ]
    assert verdicts(rows) == ["trial-1 is better than baseline", "b", "c"]
    assert verdicts([candidate("baseline"), candidate("trial-1", versus_baseline="a", versus_best="a")]) == ["a"]
