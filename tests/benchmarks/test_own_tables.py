from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.made import NAMES, from_file, table
from benchmarks.own_tables import ERRORS, Compared, bootstrapped, lines, predicted


@pytest.mark.parametrize("name", NAMES)
def test_a_fifth_of_the_rows_is_tested_and_groups_stay_together(name: str) -> None:
    made = table(name)
    is_test = made.frame["part"] == "test"
    assert 0.15 < is_test.mean() < 0.26 and set(made.target) < set(made.frame)
    for column in (word.partition("=")[2] for word in made.options):
        assert set(made.frame.loc[is_test, column]).isdisjoint(made.frame.loc[~is_test, column])
    assert table(name).frame.equals(made.frame)


def test_errors_are_those_of_the_file_of_predictions() -> None:
    frame = pd.DataFrame({"actual": ["a", "b", "b", "a"], "p_a": [0.9, 0.2, 0.6, 0.7], "p_b": [0.1, 0.8, 0.4, 0.3]})
    assert ERRORS["accuracy"](predicted(frame)) == 0.25 and ERRORS["auroc"](predicted(frame)) == 0
    numbers = predicted(pd.DataFrame({"actual": [1.0, 2.0], "predicted": [2.0, 4.0]}))
    assert ERRORS["mae"](numbers) == 1.5 and numbers.classes is None


def test_the_interval_is_that_of_whole_groups() -> None:
    values = np.repeat([0.0, 1.0, 2.0, 3.0], 5)
    alone = bootstrapped(lambda rows: float(values[rows].mean()), np.arange(20))
    grouped = bootstrapped(lambda rows: float(values[rows].mean()), np.repeat(np.arange(4), 5))
    assert grouped.std() > 1.5 * alone.std() and grouped.mean() == pytest.approx(1.5, abs=0.1)


def test_worse_is_what_lies_above_by_more_than_the_interval() -> None:
    known = [Compared("a", 9, "mae", 2.0, 1.0, 0.5, 1.5, 1), Compared("b", 9, "f1", 0.2, 0.1, -0.1, 0.3, 1)]
    assert [one.is_not_worse for one in known] == [False, True]
    assert lines(known)[-1] == "1 of 2 not worse."


def test_a_file_is_a_table_without_rows_that_lack_its_target(tmp_path: Path) -> None:
    columns = {"y": [*range(19), None], "copy": range(20), "x": ["a", "b"] * 10}
    pd.DataFrame(columns).to_csv(tmp_path / "own.csv", index=False)
    made = from_file(tmp_path, "own:y:copy")
    assert list(made.frame) == ["y", "x", "part"] and made.target == ("y",)
    assert sorted(made.frame["y"]) == list(range(19)) and (made.frame["part"] == "test").sum() == 4
