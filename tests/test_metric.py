"""The metrics of `conf/metric` against scikit-learn, and the objectives of `conf/objective` that name them."""

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics
import yaml
from sklearn import metrics as sk

CONF = Path(__file__).parents[1] / "conf"
OF_LABELS = ("label_f1", "mean_average_precision", "subset_accuracy")
NAMES = ("accuracy", "auroc", "binary_accuracy", "f1", "mae", "mse", "r2", "rmse", *OF_LABELS)
RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 60)
SCORES = RNG.normal(size=(60, 3)) + 1.5 * np.eye(3)[CLASSES]  # raw scores (logits)
PROBABILITIES = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
LABELS = RNG.integers(0, 2, 60)
LOG_ODDS = RNG.normal(size=60) + LABELS
TARGET = RNG.normal(size=60)
PREDICTED = TARGET + RNG.normal(size=60)
ROW_LABELS = RNG.integers(0, 2, (60, 3))
CHANCES = np.clip(0.5 + 0.3 * (ROW_LABELS - 0.5) + RNG.normal(0, 0.2, (60, 3)), 0, 1)

REFERENCE: dict[str, Callable[[], float]] = {
    "accuracy": lambda: sk.accuracy_score(CLASSES, SCORES.argmax(axis=1)),
    "auroc": lambda: sk.roc_auc_score(CLASSES, PROBABILITIES, multi_class="ovr", average="macro"),
    "binary_accuracy": lambda: sk.accuracy_score(LABELS, LOG_ODDS > 0),
    "f1": lambda: sk.f1_score(CLASSES, SCORES.argmax(axis=1), average="macro"),
    "label_f1": lambda: sk.f1_score(ROW_LABELS, CHANCES > 0.5, average="macro"),
    "mean_average_precision": lambda: sk.average_precision_score(ROW_LABELS, CHANCES, average="macro"),
    "subset_accuracy": lambda: sk.accuracy_score(ROW_LABELS, CHANCES > 0.5),
    "mae": lambda: sk.mean_absolute_error(TARGET, PREDICTED),
    "mse": lambda: sk.mean_squared_error(TARGET, PREDICTED),
    "r2": lambda: sk.r2_score(TARGET, PREDICTED),
    "rmse": lambda: sk.root_mean_squared_error(TARGET, PREDICTED),
}


def read(group: str, name: str) -> dict[str, Any]:
    text = (
        (CONF / group / f"{name}.yaml")
        .read_text()
        .replace("${data.num_classes}", "3")
        .replace("${data.num_targets}", "3")
    )
    settings: dict[str, Any] = yaml.safe_load(text)
    return settings


def metric_class(name: str) -> type[torchmetrics.Metric]:
    module, _, attribute = read("metric", name)["_target_"].rpartition(".")
    found: type[torchmetrics.Metric] = getattr(importlib.import_module(module), attribute)
    return found


def built(name: str) -> torchmetrics.Metric:
    return metric_class(name)(**{key: value for key, value in read("metric", name).items() if key != "_target_"})


@pytest.mark.parametrize("name", NAMES)
def test_metric_over_batches_equals_scikit_learn_over_all_rows(name: str) -> None:
    classes, binary, regression = (SCORES, CLASSES), (LOG_ODDS, LABELS), (PREDICTED, TARGET)
    labels = dict.fromkeys(OF_LABELS, (CHANCES, ROW_LABELS))
    inputs = {**labels, "accuracy": classes, "auroc": classes, "f1": classes, "binary_accuracy": binary}.get(
        name, regression
    )
    metric = built(name)
    for rows in (slice(0, 50), slice(50, 60)):  # a last batch that is smaller
        metric.update(*(torch.tensor(values[rows]) for values in inputs))
    assert float(metric.compute()) == pytest.approx(REFERENCE[name](), rel=1e-5)


def test_every_metric_has_an_objective_and_a_reference_here() -> None:
    assert {path.stem for path in (CONF / "metric").glob("*.yaml")} == set(NAMES)
    assert {path.stem for path in (CONF / "objective").glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_direction_of_an_objective_is_that_of_its_metric(name: str) -> None:
    better = "maximize" if metric_class(name).higher_is_better else "minimize"
    assert read("objective", name)["direction"] == better


@pytest.mark.parametrize("name", NAMES)
def test_objective_is_named_as_its_metric_in_curves(name: str) -> None:
    assert read("objective", name)["metric"] == name.removeprefix("binary_")


@pytest.mark.parametrize("name", NAMES)
def test_checks_of_every_batch_are_off_where_a_metric_has_them(name: str) -> None:
    has_checks = "validate_args" in inspect.signature(metric_class(name).__init__).parameters
    assert (read("metric", name).get("validate_args") is False) == has_checks
