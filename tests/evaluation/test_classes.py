"""Details of a classification: whole, finite, and true of the rows they name."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from reread import as_json
from sklearn import metrics as reference

from eksplora.evaluation.classes import details_of_classes
from eksplora.evaluation.predicted import Predicted

GENERATOR = np.random.default_rng(0)


def members(labels: NDArray[Any], classes: int, count: int = 3) -> NDArray[Any]:
    logits = GENERATOR.normal(size=(count, len(labels), classes)) + 1.5 * np.eye(classes)[labels]
    powers = np.exp(logits)
    return powers / powers.sum(2, keepdims=True)


LABELS = GENERATOR.integers(4, size=150)
NAMES = ["<b>&", "größer", "三", "d"]
EACH = members(LABELS, 4)
CLASSES = as_json(details_of_classes(Predicted(EACH), LABELS, NAMES))


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


def test_a_class_without_a_test_row_is_named_and_a_perfect_model_confuses_nothing() -> None:
    labels = np.array([0, 1, 1, 0])
    found = as_json(details_of_classes(Predicted(np.eye(3)[labels][None]), labels, ["a", "b", "c"]))
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
    found = as_json(details_of_classes(Predicted(members(labels, 2)), labels, ["no", "yes"]))
    assert [curve["name"] for curve in found["curves"]["roc"]] == ["yes"]
    assert "top_2_accuracy" not in found["measures"]


def test_passes_with_dropout_stand_beside_the_ensemble() -> None:
    found = as_json(details_of_classes(Predicted(EACH, members(LABELS, 4, count=10)), LABELS, NAMES))
    assert [one["name"] for one in found["agreements"]] == ["ensemble", "dropout"]
    assert not [note for note in found["notes"] if "drops nothing" in note]


def test_a_single_row_has_no_interval_over_rows_and_the_notes_say_so() -> None:
    found = as_json(details_of_classes(Predicted(np.full((2, 1, 2), 0.5)), np.zeros(1, dtype=int), ["a", "b"]))
    one = found["measures"]["accuracy"]["ensemble"]
    assert (one["mean"] is None, one["low"], one["high"]) == (False, None, None)
    assert [note for note in found["notes"] if note.startswith("1 row is too few to say how far new rows")]


def test_a_class_with_one_test_row_has_no_interval_over_rows() -> None:
    """Its recall is 0 or 1; an interval of no width would be a boast."""
    labels = np.array([0, 1, 1, 0, 1, 2])
    found = as_json(details_of_classes(Predicted(members(labels, 3)), labels, ["a", "b", "c"]))
    assert found["notes"][0].startswith("Class 'c': 1 row is too few to say how far new rows would move")
    for name in ("recall", "precision", "f1", "auroc", "average_precision"):
        measures = [one["measures"][name]["ensemble"] for one in found["per_class"]]
        ends = [(one["low"], one["high"]) for one in measures]
        assert None not in (*ends[0], *ends[1]) and ends[2] == (None, None)
    assert found["per_class"][2]["measures"]["recall"]["over_members"]["mean"] is not None
