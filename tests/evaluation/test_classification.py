"""Measures of classes against scikit-learn's and torchmetrics', on random and on degenerate input."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn import metrics as reference
from torchmetrics.functional import classification as torch_reference

from eksplora.evaluation._weights import once
from eksplora.evaluation.classification import confusion, measures, scores


def drawn(rows: int, classes: int, seed: int, signal: float = 1.0) -> tuple[NDArray[Any], NDArray[Any]]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=rows)
    logits = generator.normal(size=(rows, classes)) + signal * np.eye(classes)[labels]
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True), labels


def expected(
    probabilities: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any] | None = None
) -> dict[str, float]:
    """What scikit-learn says of all rows, all classes present."""
    said, classes = probabilities.argmax(1), probabilities.shape[1]
    own: dict[str, Any] = {"sample_weight": weights}
    macro = own | {"average": "macro", "zero_division": 0.0}
    one = np.eye(classes)[labels]
    rest = reference.multilabel_confusion_matrix(labels, said, sample_weight=weights)
    tn, fp = rest[:, 0, 0], rest[:, 0, 1]
    ap = reference.average_precision_score(one, probabilities, average=None, **own)
    found = {
        "accuracy": reference.accuracy_score(labels, said, **own),
        "balanced_accuracy": reference.balanced_accuracy_score(labels, said, **own),
        "recall": reference.recall_score(labels, said, **macro),
        "precision": reference.precision_score(labels, said, **macro),
        "f1": reference.f1_score(labels, said, **macro),
        "f2": reference.fbeta_score(labels, said, beta=2, **macro),
        "jaccard": reference.jaccard_score(labels, said, **macro),
        "specificity": np.mean(tn / (tn + fp)),
        "hamming": reference.hamming_loss(labels, said, **own),
        "mcc": reference.matthews_corrcoef(labels, said, **own),
        "kappa": reference.cohen_kappa_score(labels, said, **own),
        "log_loss": reference.log_loss(labels, probabilities, labels=range(classes), **own),
        "average_precision": ap[1] if classes == 2 else np.mean(ap),
        **{
            f"top_{k}_accuracy": reference.top_k_accuracy_score(
                labels, probabilities, k=k, labels=range(classes), **own
            )
            for k in (2, 3)
            if classes > k
        },
    }
    score = probabilities[:, 1] if classes == 2 else probabilities
    found["auroc"] = reference.roc_auc_score(labels, score, multi_class="ovr", average="macro", **own)
    squares = ((probabilities - one) ** 2).sum(1) / (2 if classes == 2 else 1)
    found["brier"] = np.average(squares, weights=weights)
    return found


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_measures_are_scikit_learns(classes: int) -> None:
    probabilities, labels = drawn(300, classes, seed=classes)
    found = measures(probabilities, labels)
    wanted = expected(probabilities, labels)
    assert set(found) == {*wanted, "calibration_error"}
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_two_class_brier_is_scikit_learns() -> None:
    probabilities, labels = drawn(200, 2, seed=1)
    assert measures(probabilities, labels)["brier"] == pytest.approx(
        reference.brier_score_loss(labels, probabilities[:, 1])
    )


@pytest.mark.parametrize("classes", [3, 5])
def test_measures_are_torchmetrics(classes: int) -> None:
    probabilities, labels = drawn(300, classes, seed=classes)
    found = measures(probabilities, labels)
    given: Any = (torch.from_numpy(probabilities), torch.from_numpy(labels))
    wanted = {
        "calibration_error": torch_reference.multiclass_calibration_error(*given, classes, n_bins=15),
        "specificity": torch_reference.multiclass_specificity(*given, classes, average="macro"),
        "mcc": torch_reference.multiclass_matthews_corrcoef(*given, classes),
        "kappa": torch_reference.multiclass_cohen_kappa(*given, classes),
        "auroc": torch_reference.multiclass_auroc(*given, classes),
        "average_precision": torch_reference.multiclass_average_precision(*given, classes),
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(float(value), rel=1e-5), name


@pytest.mark.parametrize("classes", [2, 4])
def test_rows_that_count_several_times_are_weights(classes: int) -> None:
    probabilities, labels = drawn(120, classes, seed=7)
    weights = np.random.default_rng(0).integers(0, 4, size=(3, 120)).astype(float)
    found = scores(probabilities, labels, weights).overall
    for place, own in enumerate(weights):
        for name, value in expected(probabilities, labels, own).items():
            assert found[name][place] == pytest.approx(value, rel=1e-9), name


def test_equal_scores_are_one_threshold() -> None:
    labels = np.array([0, 1, 1, 0, 1, 0])
    score = np.array([0.2, 0.5, 0.5, 0.5, 0.9, 0.9])
    found = measures(np.column_stack([1 - score, score]), labels)
    assert found["auroc"] == pytest.approx(reference.roc_auc_score(labels, score))
    assert found["average_precision"] == pytest.approx(reference.average_precision_score(labels, score))


def test_a_perfect_model_has_perfect_measures() -> None:
    labels = np.arange(30) % 3
    found = measures(np.eye(3)[labels], labels)
    for name in ("accuracy", "balanced_accuracy", "recall", "specificity", "precision", "f1", "f2", "mcc", "kappa"):
        assert found[name] == 1, name
    for name in ("hamming", "log_loss", "brier", "calibration_error"):
        assert found[name] == 0, name
    assert (found["auroc"], found["average_precision"], found["jaccard"]) == (1, 1, 1)


def test_a_constant_answer_has_no_correlation_and_no_area_beyond_chance() -> None:
    labels = np.arange(30) % 3
    found = measures(np.tile([0.5, 0.3, 0.2], (30, 1)), labels)
    assert (found["mcc"], found["kappa"]) == (None, None)
    assert (found["auroc"], found["accuracy"]) == (0.5, pytest.approx(1 / 3))
    assert found["precision"] == pytest.approx(1 / 9), "nothing is predicted as two classes: 0, as scikit-learn"


def test_a_class_without_rows_is_left_out_of_means_and_is_undefined_itself() -> None:
    probabilities, labels = drawn(200, 4, seed=3)
    labels[labels == 2] = 1
    found = scores(probabilities, labels, once(200))
    said = probabilities.argmax(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recall = reference.recall_score(labels, said, labels=[0, 1, 3], average="macro")
        assert found.overall["balanced_accuracy"][0] == pytest.approx(reference.balanced_accuracy_score(labels, said))
    assert found.overall["recall"][0] == pytest.approx(recall)
    assert [bool(np.isnan(found.per_class[name][0, 2])) for name in ("recall", "f1", "auroc", "specificity")] == [
        True,
        True,
        True,
        False,
    ]
    each = [reference.roc_auc_score(labels == number, probabilities[:, number]) for number in (0, 1, 3)]
    assert found.overall["auroc"][0] == pytest.approx(np.mean(each))


def test_one_row_and_one_class_are_reported_without_a_number_that_is_none() -> None:
    found = measures(np.array([[0.7, 0.3]]), np.array([0]))
    assert (found["accuracy"], found["recall"], found["auroc"], found["mcc"], found["average_precision"]) == (
        1,
        1,
        None,
        None,
        None,
    )
    assert all(value is None or np.isfinite(value) for value in found.values())


def test_the_table_of_confusion_is_scikit_learns() -> None:
    probabilities, labels = drawn(100, 5, seed=5)
    wanted = reference.confusion_matrix(labels, probabilities.argmax(1), labels=range(5))
    np.testing.assert_array_equal(confusion(probabilities, labels), wanted)


def test_of_equal_probabilities_the_first_class_is_the_likeliest_in_every_accuracy() -> None:
    found = measures(np.full((4, 4), 0.25), np.arange(4))
    assert [found[name] for name in ("accuracy", "top_2_accuracy", "top_3_accuracy")] == [0.25, 0.5, 0.75]
