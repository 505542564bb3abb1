import numpy as np
import torch
from scipy import special

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
