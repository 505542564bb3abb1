import numpy as np
import pytest

from eksplora.errors import UserError
from eksplora.evaluation.predicted import Predicted

EACH = np.random.default_rng(0).normal(size=(3, 8, 2))  # (members, rows, columns)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize(("each", "wrong"), [(EACH, [7]), (EACH[:, :, 0], [3, 5])])
def test_predictions_that_are_no_finite_numbers_are_refused_in_a_sentence(
    value: float, each: np.ndarray, wrong: list[int]
) -> None:
    changed = each.copy()
    changed[1, wrong] = value
    with pytest.raises(UserError, match=f"no finite numbers for {len(wrong)} of 8 test rows, row {wrong[0]} the first"):
        Predicted(changed)


def test_the_ensemble_is_the_mean_over_members() -> None:
    assert (Predicted(EACH).ensemble == np.mean(EACH, axis=0)).all()


def test_passes_count_where_all_of_them_are_finite_numbers() -> None:
    assert Predicted(EACH).passes is None
    assert Predicted(EACH, dropout=EACH).passes is EACH
    assert Predicted(EACH, dropout=np.where(EACH.max() == EACH, np.inf, EACH)).passes is None


def test_the_rows_have_their_groups_and_weights() -> None:
    groups, weights = np.array([0, 0, 0, 0, 1, 1, 2, 2]), np.linspace(1, 2, 8)
    rows = Predicted(EACH, groups=groups, weights=weights).rows(np.array([3, 5]))
    assert (rows.count, rows.of_classes.tolist()) == (8, [3, 5])
    assert rows.groups is groups
    assert rows.weights is weights
