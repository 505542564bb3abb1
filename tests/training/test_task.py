from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from scipy import special

from eksplora.errors import ConfigError
from eksplora.loss import quantile
from eksplora.training import task

SCORES = torch.tensor([[0.3, -1.0, 2.0], [0.0, 5.0, -2.0]])


def test_classification_hands_class_numbers_to_the_loss_and_probabilities_to_the_metric() -> None:
    classes = task.classification(num_outputs=3)
    assert classes.num_outputs == 3
    target = classes.target(torch.tensor([2, 0], dtype=torch.int32))
    assert target.dtype == torch.int64
    assert classes.metric_target(target).tolist() == [2, 0]
    np.testing.assert_allclose(classes.prediction(SCORES), special.softmax(SCORES.numpy(), axis=1), rtol=1e-6)
    torch.nn.CrossEntropyLoss()(SCORES, target)


def test_binary_has_one_column_of_log_odds_and_a_flat_metric() -> None:
    binary = task.binary(num_outputs=1)
    odds = torch.tensor([[0.0], [2.0], [-30.0]])
    target = binary.target(torch.tensor([0, 1, 1]))
    assert (target.shape, target.dtype) == ((3, 1), torch.float32)
    assert torch.nn.BCEWithLogitsLoss()(odds, target) > 0
    np.testing.assert_allclose(binary.prediction(odds), special.expit(odds.numpy()[:, 0]), rtol=1e-6)
    assert binary.metric_target(target).tolist() == [0, 1, 1]
    assert binary.metric_target(target).dtype == torch.int64


def test_regression_leaves_numbers_in_their_unit() -> None:
    numbers = task.regression(num_outputs=2)
    target = numbers.target(torch.tensor([[1.5, -2.0]], dtype=torch.float64))
    assert (target.dtype, target.tolist()) == (torch.float32, [[1.5, -2.0]])
    assert numbers.prediction(SCORES) is SCORES
    assert numbers.metric_target(target) is target


def test_half_precision_scores_become_probabilities_in_single_precision() -> None:
    scores = SCORES.to(torch.bfloat16)
    assert task.classification(num_outputs=3).prediction(scores).dtype == torch.float32
    assert task.binary(num_outputs=1).prediction(scores[:, :1]).dtype == torch.float32


def test_quantiles_hand_the_target_to_the_loss_and_the_median_to_the_metric() -> None:
    outputs = torch.tensor([[1.0, 2.0, 4.0], [0.0, 1.0, 1.5]])
    numbers = task.quantiles(num_outputs=3, levels=[0.1, 0.5, 0.9])
    target = numbers.target(torch.tensor([[2.0], [0.5]], dtype=torch.float64))
    assert (target.dtype, target.tolist()) == (torch.float32, [[2.0], [0.5]])
    assert numbers.metric_target(target) is target
    assert numbers.prediction(outputs).tolist() == [[2.0], [1.0]]
    assert quantile(reduction="none", levels=[0.1, 0.5, 0.9])(outputs, target).shape == (2, 3)


@pytest.mark.parametrize(("levels", "place"), [([0.5], 0), ([0.1, 0.5, 0.9], 1), ([0.5, 0.6, 0.7], 0), ([0.3, 0.5], 1)])
def test_the_metric_of_quantiles_gets_the_median(levels: list[float], place: int) -> None:
    outputs = torch.arange(len(levels)).expand(4, -1).float()
    prediction = task.quantiles(num_outputs=len(levels), levels=levels).prediction(outputs)
    assert prediction.tolist() == [[place]] * 4


def test_scaling_outputs_before_the_prediction_scales_the_prediction() -> None:
    numbers, outputs = task.quantiles(num_outputs=3, levels=[0.1, 0.5, 0.9]), torch.randn(5, 3)
    scale, shift = torch.tensor([2.0]), torch.tensor([1.0])  # of the one target column
    assert torch.equal(numbers.prediction(outputs * scale + shift), numbers.prediction(outputs) * scale + shift)


def test_the_file_of_quantiles_has_an_output_for_each_level() -> None:
    file = Path(__file__).parents[2] / "conf" / "task" / "quantiles.yaml"
    settings = {key: value for key, value in yaml.safe_load(file.read_text()).items() if key != "_target_"}
    assert task.quantiles(**settings).num_outputs == len(settings["levels"]) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": [0.1, 0.6, 0.9]}, r"^task\.levels=\[0\.1, 0\.6, 0\.9\] lack the median, .* Add 0\.5\.$"),
        ({"levels": [0.1, 0.9]}, r"task\.levels: 2 levels want .* task\.num_outputs is 3\. Set task\.num_outputs=2\.$"),
        ({"num_outputs": 1}, r"task\.levels: 3 levels want .* task\.num_outputs is 1\. Set task\.num_outputs=3\.$"),
        (
            {"levels": [0.9, 0.5, 0.1]},
            r"task\.levels must be a list of ascending numbers between 0 and 1, got \[0\.9, 0\.5, 0\.1\]\. Try",
        ),
        ({"levels": [0.0, 0.5, 0.9]}, r"task\.levels must be .* Try task\.levels="),
    ],
)
def test_levels_that_cannot_be_learnt_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        task.quantiles(**({"num_outputs": 3, "levels": [0.1, 0.5, 0.9]} | changes))


@pytest.mark.parametrize("shape", [(4, 2), (4,)])
def test_quantiles_of_several_targets_are_refused(shape: tuple[int, ...]) -> None:
    numbers = task.quantiles(num_outputs=1, levels=[0.5])
    with pytest.raises(ConfigError, match=r"^task: quantiles are those of one target .* Choose task=regression\.$"):
        numbers.target(torch.zeros(shape))
