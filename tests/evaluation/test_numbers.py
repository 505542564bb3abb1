"""Details of a regression: whole, finite, and true of the rows they name."""

import numpy as np
import pytest
from reread import as_json

from eksplora.errors import UserError
from eksplora.evaluation.numbers import details_of_numbers
from eksplora.evaluation.predicted import Predicted

GENERATOR = np.random.default_rng(0)
TARGETS = GENERATOR.gamma(2.0, 10.0, size=(80, 1))
PREDICTED = TARGETS[:, 0] + GENERATOR.normal(size=(4, 80))
NUMBERS = as_json(details_of_numbers(Predicted(PREDICTED[:, :, None]), TARGETS))


def test_residuals_are_targets_less_the_members_mean() -> None:
    found = NUMBERS["residuals"]
    np.testing.assert_allclose(found["residual"], TARGETS[:, 0] - PREDICTED.mean(0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["std"], PREDICTED.std(0, ddof=1), rtol=1e-5)
    assert NUMBERS["measures"]["mae"]["ensemble"]["mean"] == pytest.approx(
        np.abs(TARGETS[:, 0] - PREDICTED.mean(0)).mean()
    )


def test_the_rows_of_the_table_are_the_worst_and_then_the_best() -> None:
    off = np.abs(TARGETS[:, 0] - PREDICTED.mean(0))
    order = np.argsort(-off)
    assert NUMBERS["examples"] == {"worst": order[:12].tolist(), "best": order[::-1][:12].tolist()}
    table = NUMBERS["rows_table"]
    assert [row["row"] for row in table] == [*order[:12], *order[::-1][:12]]
    assert abs(table[0]["difference"]) == pytest.approx(off.max(), rel=1e-5)


def test_one_member_has_no_spread_and_no_interval_and_says_so() -> None:
    found = as_json(details_of_numbers(Predicted(PREDICTED[:1, :, None]), TARGETS))
    assert found["residuals"]["std"][0] is None and found["rows_table"][0]["std"] is None
    assert found["intervals"] == []
    assert "One member: no interval says what another training would give." in found["notes"]


def test_each_of_several_targets_is_measured_as_if_it_were_alone() -> None:
    two = np.concatenate([TARGETS, TARGETS * 100], axis=1)
    found = as_json(
        details_of_numbers(Predicted(np.stack([PREDICTED, PREDICTED], axis=2)), two, names=["price", "rent"])
    )
    second = as_json(details_of_numbers(Predicted(PREDICTED), TARGETS * 100))
    assert found["measures"] == {
        **{f"price/{name}": one for name, one in NUMBERS["measures"].items()},
        **{f"rent/{name}": one for name, one in second["measures"].items()},
    }
    assert [one["name"] for one in found["intervals"]] == ["price/ensemble", "rent/ensemble"]
    assert found["residuals"] == NUMBERS["residuals"]
    assert found["notes"][-1].endswith("Residuals and examples are those of the first, price.")


def test_quantiles_are_intervals() -> None:
    outputs = np.stack([TARGETS[:, 0] - 1, TARGETS[:, 0], TARGETS[:, 0] + 1], axis=1)
    found = as_json(details_of_numbers(Predicted(PREDICTED), TARGETS, quantiles=outputs, levels=[0.1, 0.5, 0.9]))
    assert [(one["name"], one["level"], one["coverage"]["mean"]) for one in found["intervals"][1:]] == [
        ("quantiles", 0.8, 1.0)
    ]


def test_a_single_row_has_no_interval_over_rows_and_the_notes_say_so() -> None:
    found = as_json(details_of_numbers(Predicted(np.ones((2, 1, 1))), np.ones((1, 1))))
    one = found["measures"]["mae"]["ensemble"]
    assert (one["mean"] is None, one["low"], one["high"]) == (False, None, None)
    assert [note for note in found["notes"] if note.startswith("1 row is too few to say how far new rows")]
    assert found["examples"] == {"worst": [0], "best": []}


def test_of_few_rows_none_is_among_the_worst_and_the_best_at_once() -> None:
    examples = as_json(details_of_numbers(Predicted(PREDICTED[:, :7]), TARGETS[:7]))["examples"]
    assert sorted(examples["worst"] + examples["best"]) == list(range(7))


def test_a_single_quantile_is_no_interval() -> None:
    found = as_json(details_of_numbers(Predicted(PREDICTED), TARGETS, quantiles=TARGETS, levels=[0.5]))
    assert [one["name"] for one in found["intervals"]] == ["ensemble"]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_quantiles_that_are_no_finite_numbers_are_refused_in_a_sentence(value: float) -> None:
    with pytest.raises(UserError, match="no finite numbers for 80 of 80 test rows"):
        details_of_numbers(Predicted(PREDICTED), TARGETS, quantiles=np.full((80, 2), value), levels=[0.1, 0.9])


def test_passes_that_overflow_are_left_out_and_the_notes_say_so() -> None:
    passes = np.full((3, 80), np.inf)
    found = as_json(details_of_numbers(Predicted(PREDICTED, passes), TARGETS))
    assert [one["name"] for one in found["intervals"]] == ["ensemble"]
    assert found["notes"] == [
        "With dropout left on, some predictions are no finite numbers: nothing is measured of it."
    ]
