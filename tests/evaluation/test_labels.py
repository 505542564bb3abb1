"""Measures of several labels per row, against scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from eksplora.evaluation.labels import details_of_labels, scores
from eksplora.evaluation.predicted import Predicted
from eksplora.records.record import to_json

RNG = np.random.default_rng(0)
LABELS = (RNG.random((80, 3)) < [0.5, 0.3, 0.6]).astype(np.int64)
EACH = np.clip(LABELS * 0.4 + RNG.uniform(0, 0.6, size=(3, 80, 3)), 0, 1)
TOGETHER = EACH.mean(0)
SAYS = (TOGETHER > 0.5).astype(np.int64)
WEIGHTS = RNG.gamma(1.0, size=80)
NAMES = ["red", "round", "large"]


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
def test_measures_are_scikit_learns(weights: Any) -> None:
    found = scores(TOGETHER, LABELS, (np.ones(80) if weights is None else weights)[None])
    known = {
        "subset_accuracy": reference.accuracy_score(LABELS, SAYS, sample_weight=weights),
        "hamming": reference.hamming_loss(LABELS, SAYS, sample_weight=weights),
        "label_f1": reference.f1_score(LABELS, SAYS, average="macro", sample_weight=weights),
        "mean_average_precision": reference.average_precision_score(LABELS, TOGETHER, sample_weight=weights),
        "auroc": reference.roc_auc_score(LABELS, TOGETHER, sample_weight=weights),
        "log_loss": np.mean(
            [reference.log_loss(LABELS[:, place], TOGETHER[:, place], sample_weight=weights) for place in range(3)]
        ),
    }
    for name, value in known.items():
        assert found[name][0] == pytest.approx(value), name
    recalls = reference.recall_score(LABELS, SAYS, average=None, sample_weight=weights)
    np.testing.assert_allclose(found["class recall"][0], recalls)


def test_details_have_each_label_by_its_name_with_an_interval() -> None:
    found = details_of_labels(Predicted(EACH), LABELS, NAMES)
    assert found.kind == "labels" and found.classes == NAMES
    assert [(one.name, one.rows) for one in found.per_class] == list(zip(NAMES, LABELS.sum(0), strict=True))
    for one in [*found.measures.values(), *(own.measures["recall"] for own in found.per_class)]:
        known = one.ensemble
        assert known.low < known.mean <= known.high  # type: ignore[operator]
    assert [one.name for one in found.curves.roc] == NAMES
    area = reference.roc_auc_score(LABELS[:, 1], TOGETHER[:, 1])
    assert found.curves.roc[1].area == pytest.approx(area)
    assert to_json(found)


def test_the_rows_that_are_shown_are_the_worst_and_the_best_by_all_labels() -> None:
    found = details_of_labels(Predicted(EACH), LABELS, NAMES)
    own = np.where(LABELS == 1, TOGETHER, 1 - TOGETHER)
    loss = -np.log(own).mean(1)
    assert found.examples.worst == np.argsort(-loss)[:12].tolist()
    worst = found.examples.worst[0]
    said = ", ".join(name for name, has in zip(NAMES, LABELS[worst], strict=True) if has) or "none"
    assert found.rows_table[0].actual == said


def test_a_label_that_no_row_has_is_left_out_of_the_means() -> None:
    labels = np.concatenate([LABELS[:, :2], np.zeros((80, 1), dtype=np.int64)], axis=1)
    found = scores(TOGETHER, labels, np.ones((1, 80)))
    assert found["label_f1"][0] == pytest.approx(reference.f1_score(labels[:, :2], SAYS[:, :2], average="macro"))
    assert any("large" in note for note in details_of_labels(Predicted(EACH), labels, NAMES).notes)
