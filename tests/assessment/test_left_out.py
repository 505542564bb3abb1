"""The interval of a metric that is known by its values alone."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eksplora.assessment.left_out import of_any
from eksplora.evaluation import regression
from eksplora.evaluation.numbers import details_of_numbers
from eksplora.evaluation.predicted import Predicted


def rmse(prediction: NDArray[np.float64], targets: NDArray[Any]) -> float:
    return float(np.sqrt(((prediction - targets) ** 2).mean()))


@pytest.mark.parametrize("members", [1, 4])
def test_it_is_that_of_the_measure_of_the_same_name(members: int) -> None:
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(250, 1))
    each = targets + rng.normal(size=(members, 250, 1)) + np.arange(members)[:, None, None]
    assert regression.measures(each[0, :, 0], targets[:, 0])["rmse"] == pytest.approx(rmse(each[0], targets))
    known = details_of_numbers(Predicted(each), targets).measures["rmse"].ensemble
    found = of_any(rmse, each, targets, "rmse")
    assert (found.mean, found.low, found.high) == pytest.approx((known.mean, known.low, known.high))
    assert (found.n, found.scope) == (250, "new rows, trained on these")


def test_a_metric_that_fewer_rows_do_not_define_has_no_interval() -> None:
    def needs_all(prediction: NDArray[np.float64], targets: NDArray[Any]) -> float:
        if len(targets) < 30:
            raise ValueError("too few")
        return 1.0

    found = of_any(needs_all, np.zeros((2, 30, 1)), np.zeros((30, 1)), "own")
    assert (found.mean, found.low) == (1.0, None)


def test_few_rows_of_a_class_are_too_few() -> None:
    labels = np.array([0] * 20 + [1])
    found = of_any(lambda prediction, targets: float(prediction.mean()), np.full((1, 21, 2), 0.5), labels, "auroc")
    assert (found.mean, found.low) == (0.5, None)
