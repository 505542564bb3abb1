import numpy as np
import pytest
from scipy import stats

from eksplora.explain.ranking import agreement, ranking
from eksplora.records.estimate import Estimate
from eksplora.records.explain import FeatureImportance

IMPORTANCE = np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 6.0], [5.0, 0.0, 4.0], [3.0, 3.0, 0.0]])


def test_rows_are_ordered_by_their_mean_and_have_students_interval() -> None:
    found = ranking(IMPORTANCE, ["größe", "年齢", "c"], "What.")
    assert found.says == "What."
    assert [row.feature for row in found.rows] == ["größe", "c", "年齢"]
    for row, column in zip(found.rows, IMPORTANCE.T[[0, 2, 1]], strict=True):
        low, high = stats.t.interval(0.95, 3, column.mean(), stats.sem(column))
        assert (row.importance.mean, row.importance.low, row.importance.high) == pytest.approx(
            (column.mean(), low, high)
        )


def test_ranks_are_means_over_members_and_those_that_tie_divide_the_first_place() -> None:
    rows = {row.feature: row for row in ranking(IMPORTANCE, ["a", "b", "c"], "").rows}
    assert [rows[name].rank for name in "abc"] == [(1 + 3 + 1 + 1.5) / 4, (3 + 2 + 3 + 1.5) / 4, (2 + 1 + 2 + 3) / 4]
    assert [rows[name].first for name in "abc"] == [2.5 / 4, 0.5 / 4, 1 / 4]


def test_one_member_has_no_interval() -> None:
    row = ranking(IMPORTANCE[:1], ["a", "b", "c"], "").rows[0]
    assert row == FeatureImportance(feature="a", importance=Estimate(mean=3.0, n=1), first=1.0, rank=1.0)


def test_an_importance_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="must be finite"):
        ranking(np.array([[np.nan], [1.0]]), ["a"], "")


def test_agreement_is_spearmans_of_the_means_whatever_the_order_of_the_rows() -> None:
    names = ["a", "b", "c", "d"]
    values = np.array([[4.0, 1.0, 3.0, 2.0]]), np.array([[9.0, 2.0, 1.0, 3.0]]), np.array([[1.0, 1.0, 1.0, 1.0]])
    found = agreement({name: ranking(value, names, "") for name, value in zip("xyz", values, strict=True)})
    assert [(pair.a, pair.b) for pair in found] == [("x", "y"), ("x", "z"), ("y", "z")]
    assert found[0].spearman == pytest.approx(stats.spearmanr(values[0][0], values[1][0]).statistic)
    assert found[1].spearman is found[2].spearman is None
