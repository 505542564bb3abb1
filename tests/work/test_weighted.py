"""Measures of rows that count differently, against scikit-learn's with `sample_weight`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric, R2Score
from torchmetrics.classification import (
    BinaryAccuracy,
    BinaryAUROC,
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassF1Score,
)

from eksplora.errors import ConfigError
from eksplora.work.weighted import Weighted, metric_for

RNG = np.random.default_rng(0)
WEIGHTS = RNG.gamma(1.0, size=60)
TARGETS = RNG.normal(size=(60, 2))
NUMBERS = TARGETS + RNG.normal(size=(60, 2))
LABELS = RNG.integers(0, 3, 60)
PROBABILITIES = RNG.dirichlet(np.ones(3), 60) * 0.6 + np.eye(3)[LABELS] * 0.4
BINARY = np.clip(0.3 * (LABELS > 0) + RNG.uniform(0, 0.7, 60), 0, 1)
SAYS = PROBABILITIES.argmax(1)


def of(metric: Metric, predictions: Any, targets: Any) -> float:
    own = Weighted(metric)
    for part in (slice(0, 25), slice(25, 60)):
        own.update(*(torch.from_numpy(array[part]) for array in (predictions, targets, WEIGHTS)))
    return float(own.compute())


@pytest.mark.parametrize(
    ("metric", "known"),
    [
        (MeanAbsoluteError(), reference.mean_absolute_error),
        (MeanSquaredError(), reference.mean_squared_error),
        (R2Score(), reference.r2_score),
    ],
    ids=["mae", "mse", "r2"],
)
def test_measures_of_numbers_are_scikit_learns(metric: Metric, known: Callable[..., float]) -> None:
    assert of(metric, NUMBERS, TARGETS) == pytest.approx(known(TARGETS, NUMBERS, sample_weight=WEIGHTS), rel=1e-5)


def test_the_root_of_several_targets_is_that_of_their_mean_square() -> None:
    known = reference.mean_squared_error(TARGETS, NUMBERS, sample_weight=WEIGHTS)
    assert of(MeanSquaredError(squared=False), NUMBERS, TARGETS) == pytest.approx(known**0.5, rel=1e-5)


@pytest.mark.parametrize(
    ("metric", "known"),
    [
        (MulticlassAccuracy(3, average="micro"), reference.accuracy_score(LABELS, SAYS, sample_weight=WEIGHTS)),
        (MulticlassAccuracy(3), reference.balanced_accuracy_score(LABELS, SAYS, sample_weight=WEIGHTS)),
        (MulticlassF1Score(3), reference.f1_score(LABELS, SAYS, average="macro", sample_weight=WEIGHTS)),
        (
            MulticlassAUROC(3),
            np.mean(
                [reference.roc_auc_score(k == LABELS, PROBABILITIES[:, k], sample_weight=WEIGHTS) for k in range(3)]
            ),
        ),
    ],
    ids=["accuracy", "balanced", "f1", "auroc"],
)
def test_measures_of_classes_are_scikit_learns(metric: Metric, known: float) -> None:
    assert of(metric, PROBABILITIES, LABELS) == pytest.approx(known, rel=1e-5)


def test_measures_of_two_classes_are_scikit_learns() -> None:
    labels = (LABELS > 0).astype(np.int64)
    known = reference.accuracy_score(labels, BINARY > 0.5, sample_weight=WEIGHTS)
    assert of(BinaryAccuracy(), BINARY, labels) == pytest.approx(known, rel=1e-5)
    known = reference.roc_auc_score(labels, BINARY, sample_weight=WEIGHTS)
    assert of(BinaryAUROC(), BINARY, labels) == pytest.approx(known, rel=1e-5)


def test_a_metric_without_a_formula_is_refused_and_without_weights_taken_as_it_is() -> None:
    metric = BinaryAccuracy(threshold=0.3)
    assert metric_for(metric, None) is metric
    with pytest.raises(ConfigError, match=r"BinaryAccuracy as it is set cannot take\. Choose objective="):
        metric_for(metric, WEIGHTS)
