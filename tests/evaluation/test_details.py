"""All that a page shows of the test part: whole, finite, and true of the rows it names."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from eksplora.errors import UserError
from eksplora.evaluation.details import details_of_classes, details_of_numbers, images_of
from eksplora.records.details import DetailsRecord
from eksplora.records.record import from_json

GENERATOR = np.random.default_rng(0)


def members(labels: NDArray[Any], classes: int, count: int = 3) -> NDArray[Any]:
    logits = GENERATOR.normal(size=(count, len(labels), classes)) + 1.5 * np.eye(classes)[labels]
    powers = np.exp(logits)
    return powers / powers.sum(2, keepdims=True)


def as_json(details: DetailsRecord) -> dict[str, Any]:
    """As it is written down: no number that is none, no key that is no text; and it is read back."""
    text = json.dumps(asdict(details), allow_nan=False)
    assert from_json(text, DetailsRecord, source="it", way_out="") == details
    found: dict[str, Any] = json.loads(text)
    return found


LABELS = GENERATOR.integers(4, size=150)
NAMES = ["<b>&", "größer", "三", "d"]
EACH = members(LABELS, 4)
CLASSES = as_json(details_of_classes(EACH, LABELS, NAMES))


def test_measures_have_every_member_the_ensemble_and_its_interval_for_new_rows() -> None:
    found = CLASSES["measures"]["accuracy"]
    values = [reference.accuracy_score(LABELS, own.argmax(1)) for own in EACH]
    assert found["members"] == pytest.approx(values)
    assert tuple(found["over_members"][key] for key in ("mean", "std", "low")) == (
        pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)), None
    )  # fmt: skip
    assert (found["ensemble"]["scope"], found["ensemble"]["n"]) == ("new rows, trained on these", 150)
    assert found["ensemble"]["mean"] == pytest.approx(reference.accuracy_score(LABELS, EACH.mean(0).argmax(1)))
    assert found["ensemble"]["low"] < found["ensemble"]["mean"] < found["ensemble"]["high"]


def test_each_class_has_its_own_measures() -> None:
    said = EACH.mean(0).argmax(1)
    recalls = reference.recall_score(LABELS, said, average=None)
    assert [one["measures"]["recall"]["ensemble"]["mean"] for one in CLASSES["per_class"]] == pytest.approx(
        list(recalls)
    )
    assert [(one["name"], one["rows"]) for one in CLASSES["per_class"]] == [
        (name, int((number == LABELS).sum())) for number, name in enumerate(NAMES)
    ]


def test_examples_are_the_most_confident_rows_that_are_wrong_and_right() -> None:
    together = EACH.mean(0)
    is_right, sure = together.argmax(1) == LABELS, together.max(1)
    for word, chosen in (("worst", ~is_right), ("best", is_right)):
        rows = CLASSES["examples"][word]
        assert rows == sorted(np.flatnonzero(chosen), key=lambda row: -sure[row])[:12]


def test_every_row_that_is_shown_has_its_class_and_what_it_is_said_to_be() -> None:
    together, table = EACH.mean(0), {row["row"]: row for row in CLASSES["rows_table"]}
    examples = CLASSES["examples"]
    assert set(table) == {
        *examples["worst"], *examples["best"], *(row for pair in CLASSES["confused"] for row in pair["rows"])
    }  # fmt: skip
    for number, row in table.items():
        assert (row["actual"], row["predicted"]) == (NAMES[LABELS[number]], NAMES[together[number].argmax()])
        assert row["probability"] == together[number].max()


def test_confused_classes_are_the_largest_counts_off_the_diagonal_with_their_rows() -> None:
    counts, said = np.array(CLASSES["confusion"]["counts"]), EACH.mean(0).argmax(1)
    np.testing.assert_array_equal(counts, reference.confusion_matrix(LABELS, said))
    first = CLASSES["confused"][0]
    assert first["count"] == (counts - np.diag(np.diag(counts))).max()
    for pair in CLASSES["confused"]:
        actual, predicted = NAMES.index(pair["actual"]), NAMES.index(pair["predicted"])
        assert pair["share"] == pytest.approx(pair["count"] / counts[actual].sum())
        assert all((LABELS[row], said[row]) == (actual, predicted) for row in pair["rows"])


def test_a_class_without_a_test_row_is_told_and_a_perfect_model_confuses_nothing() -> None:
    labels = np.array([0, 1, 1, 0])
    found = as_json(details_of_classes(np.eye(3)[labels][None], labels, ["a", "b", "c"]))
    assert (found["confused"], found["examples"]["worst"]) == ([], [])
    assert found["notes"][:2] == [
        "Class 'c' has no test row: its recall is not defined, and averages leave it out.",
        "One member: no interval says what another training would give.",
    ]
    assert found["confusion"]["rates"][2] == [None] * 3
    assert found["per_class"][2]["measures"]["recall"]["over_members"]["mean"] is None
    assert found["measures"]["accuracy"]["over_members"]["low"] is None
    assert [curve["name"] for curve in found["curves"]["roc"]] == ["a", "b"]
    assert found["agreements"] == []


def test_of_two_classes_the_curve_is_the_seconds() -> None:
    labels = GENERATOR.integers(2, size=40)
    found = as_json(details_of_classes(members(labels, 2), labels, ["no", "yes"]))
    assert [curve["name"] for curve in found["curves"]["roc"]] == ["yes"]
    assert "top_2_accuracy" not in found["measures"]


def test_passes_with_dropout_stand_beside_the_ensemble() -> None:
    found = as_json(details_of_classes(EACH, LABELS, NAMES, dropout=members(LABELS, 4, count=10)))
    assert [one["name"] for one in found["agreements"]] == ["ensemble", "dropout"]
    assert not [note for note in found["notes"] if "drops nothing" in note]


# --- numbers -----------------------------------------------------------------------------------------------------

TARGETS = GENERATOR.gamma(2.0, 10.0, size=(80, 1))
PREDICTED = TARGETS[:, 0] + GENERATOR.normal(size=(4, 80))
NUMBERS = as_json(details_of_numbers(PREDICTED[:, :, None], TARGETS))


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
    found = as_json(details_of_numbers(PREDICTED[:1, :, None], TARGETS))
    assert found["residuals"]["std"][0] is None and found["rows_table"][0]["std"] is None
    assert found["intervals"] == []
    assert "One member: no interval says what another training would give." in found["notes"]


def test_each_of_several_targets_is_measured_as_if_it_were_alone() -> None:
    two = np.concatenate([TARGETS, TARGETS * 100], axis=1)
    found = as_json(details_of_numbers(np.stack([PREDICTED, PREDICTED], axis=2), two, names=["price", "rent"]))
    second = as_json(details_of_numbers(PREDICTED, TARGETS * 100))
    assert found["measures"] == {
        **{f"price/{name}": one for name, one in NUMBERS["measures"].items()},
        **{f"rent/{name}": one for name, one in second["measures"].items()},
    }
    assert [one["name"] for one in found["intervals"]] == ["price/ensemble", "rent/ensemble"]
    assert found["residuals"] == NUMBERS["residuals"]
    assert found["notes"][-1].endswith("Residuals and examples are those of the first, price.")


def test_quantiles_are_intervals() -> None:
    outputs = np.stack([TARGETS[:, 0] - 1, TARGETS[:, 0], TARGETS[:, 0] + 1], axis=1)
    found = as_json(details_of_numbers(PREDICTED, TARGETS, quantiles=outputs, levels=[0.1, 0.5, 0.9]))
    assert [(one["name"], one["level"], one["coverage"]["mean"]) for one in found["intervals"][1:]] == [
        ("quantiles", 0.8, 1.0)
    ]


def test_a_single_row_has_no_interval_over_rows_and_is_told() -> None:
    numbers = as_json(details_of_numbers(np.ones((2, 1, 1)), np.ones((1, 1))))
    classes = as_json(details_of_classes(np.full((2, 1, 2), 0.5), np.zeros(1, dtype=int), ["a", "b"]))
    for found, name in ((numbers, "mae"), (classes, "accuracy")):
        one = found["measures"][name]["ensemble"]
        assert (one["mean"] is None, one["low"], one["high"]) == (False, None, None)
        assert [note for note in found["notes"] if note.startswith("1 row is too few to say how far new rows")]
    assert numbers["examples"] == {"worst": [0], "best": []}


def test_of_few_rows_none_is_among_the_worst_and_the_best_at_once() -> None:
    examples = as_json(details_of_numbers(PREDICTED[:, :7], TARGETS[:7]))["examples"]
    assert sorted(examples["worst"] + examples["best"]) == list(range(7))


def test_a_single_quantile_is_no_interval() -> None:
    found = as_json(details_of_numbers(PREDICTED, TARGETS, quantiles=TARGETS, levels=[0.5]))
    assert [one["name"] for one in found["intervals"]] == ["ensemble"]


# --- predictions that are no numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_predictions_that_are_no_finite_numbers_are_refused_in_a_sentence(value: float) -> None:
    numbers, classes = PREDICTED.copy(), EACH.copy()
    numbers[1, [3, 5]], classes[0, 7] = value, value
    with pytest.raises(UserError, match="no finite numbers for 2 of 80 test rows, row 3 the first"):
        details_of_numbers(numbers, TARGETS)
    with pytest.raises(UserError, match="no finite numbers for 1 of 150 test rows, row 7 the first"):
        details_of_classes(classes, LABELS, NAMES)
    with pytest.raises(UserError, match="no finite numbers for 80 of 80 test rows"):
        details_of_numbers(PREDICTED, TARGETS, quantiles=np.full((80, 2), value), levels=[0.1, 0.9])


def test_passes_that_overflow_are_left_out_and_told() -> None:
    passes = np.full((3, 80), np.inf)
    found = as_json(details_of_numbers(PREDICTED, TARGETS, dropout=passes))
    assert [one["name"] for one in found["intervals"]] == ["ensemble"]
    assert found["notes"] == [
        "With dropout left on, some predictions are no finite numbers: nothing is measured of it."
    ]


# --- images ------------------------------------------------------------------------------------------------------


def test_images_are_whole_numbers_of_the_rows_that_are_asked_for() -> None:
    images = np.linspace(0, 16, 3 * 4).reshape(3, 1, 2, 2)
    assert images_of(images, [2, 0]) == {"2": [[185, 209], [232, 255]], "0": [[0, 23], [46, 70]]}
    coloured = np.zeros((1, 3, 2, 2))
    coloured[0, 1] = 1
    assert images_of(coloured, [0]) == {"0": [[[0, 255, 0]] * 2] * 2}
    assert images_of(np.ones((1, 2, 1, 1)), [0]) == {"0": [[0]]}


def test_a_class_with_one_test_row_has_no_interval_over_rows() -> None:
    """Its recall is 0 or 1; an interval of no width would be a boast."""
    labels = np.array([0, 1, 1, 0, 1, 2])
    found = as_json(details_of_classes(members(labels, 3), labels, ["a", "b", "c"]))
    assert found["notes"][0].startswith("Class 'c': 1 row is too few to say how far new rows would move")
    for name in ("recall", "precision", "f1", "auroc", "average_precision"):
        measures = [one["measures"][name]["ensemble"] for one in found["per_class"]]
        ends = [(one["low"], one["high"]) for one in measures]
        assert None not in (*ends[0], *ends[1]) and ends[2] == (None, None)
    assert found["per_class"][2]["measures"]["recall"]["over_members"]["mean"] is not None
