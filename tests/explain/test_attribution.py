from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
import torch
from linear_members import Linear, perceptrons, table
from torch import Tensor

from eksplora.explain._members import evaluated, explained_output, probabilities
from eksplora.explain.attribution import integrated_gradients, mean_magnitude, shapley_values

FIRST = torch.zeros(6, dtype=torch.long)


def exact(function: Any, row: Tensor, background: Tensor) -> np.ndarray:
    """Shapley values by their definition: all coalitions, weighted (Shapley 1953)."""
    count = len(row)

    def worth(coalition: tuple[int, ...]) -> float:
        mixed = background.clone()
        mixed[:, list(coalition)] = row[list(coalition)]
        return float(function(mixed).mean())

    values = np.zeros(count)
    for feature in range(count):
        others = [place for place in range(count) if place != feature]
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for coalition in combinations(others, size):
                values[feature] += weight * (worth((*coalition, feature)) - worth(coalition))
    return values


@pytest.mark.parametrize("members", [1, 3])
def test_shap_values_of_a_linear_model_are_weight_times_distance_from_the_mean(members: int) -> None:
    networks, rows, background = Linear(members, 5, num_outputs=2), table(6, 5), table(9, 5, seed=2)
    explained = torch.tensor([0, 1, 1, 0, 1, 0])
    found = shapley_values(networks, rows, background, explained, members=members, turns=1, seed=0)
    weights = networks.weight[:, :, explained].transpose(1, 2)  # (members, rows, features)
    np.testing.assert_allclose(found, weights * (rows - background.mean(0)), rtol=1e-5, atol=1e-5)


def test_shap_values_add_up_to_the_difference_from_the_mean_output() -> None:
    networks, rows, background = perceptrons(3, 4, 2, [16, 16]), table(6, 4).float(), table(20, 4, seed=2).float()
    found = shapley_values(networks, rows, background, FIRST + 1, members=3, turns=1, seed=0)
    expected = evaluated(networks, rows, 3)[:, :, 1] - evaluated(networks, background, 3)[:, :, 1].mean(1, keepdim=True)
    np.testing.assert_allclose(found.sum(2), expected, atol=1e-5)


def test_one_pair_of_orders_is_exact_where_features_interact_in_twos() -> None:
    def product(features: Tensor) -> Tensor:
        return (features[..., :1] * features[..., 1:2] + 3 * features[..., 1:2] * features[..., 2:3]) * 2

    rows, background = table(6, 3), table(5, 3, seed=2)
    found = shapley_values(product, rows, background, FIRST, members=1, turns=1, seed=0)
    expected = [exact(product, row, background) for row in rows]
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_shap_values_come_near_those_of_the_definition_with_more_orders() -> None:
    networks, rows, background = perceptrons(2, 4, 1, [16]), 2 * table(6, 4).float(), table(8, 4, seed=2).float()
    found = shapley_values(networks, rows, background, FIRST, members=2, turns=200, seed=0)
    for member in range(2):
        expected = [exact(lambda x, member=member: evaluated(networks, x, 2)[member], row, background) for row in rows]
        np.testing.assert_allclose(found[member], expected, atol=0.01)


def test_rows_and_background_in_several_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    networks, rows, background = Linear(2, 5), table(6, 5), table(9, 5, seed=2)
    whole = shapley_values(networks, rows, background, FIRST, members=2, turns=1, seed=0)
    monkeypatch.setattr("eksplora.explain.attribution._PAIRS", 4)
    monkeypatch.setattr("eksplora.explain.attribution._NUMBERS", 100)
    parts = shapley_values(networks, rows, background, FIRST, members=2, turns=1, seed=0)
    np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_the_seed_decides_the_orders() -> None:
    networks, rows, background = perceptrons(1, 6, 1, [16]), table(6, 6).float(), table(4, 6, seed=2).float()
    first, again, other = (
        shapley_values(networks, rows, background, FIRST, members=1, turns=1, seed=seed) for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_integrated_gradients_of_a_linear_model_are_weight_times_distance() -> None:
    networks, rows, baseline = Linear(3, 5, num_outputs=2), table(6, 5), table(1, 5, seed=2)[0]
    explained = torch.tensor([0, 1, 1, 0, 1, 0])
    found = integrated_gradients(networks, rows, baseline, explained, members=3, steps=10)
    weights = networks.weight[:, :, explained].transpose(1, 2)
    np.testing.assert_allclose(found, weights * (rows - baseline), rtol=1e-5, atol=1e-6)


def test_integrated_gradients_add_up_and_keep_members_apart() -> None:
    networks, rows, baseline = perceptrons(3, 4, 2, [16, 16]), table(6, 4).float(), torch.zeros(4)
    found = integrated_gradients(networks, rows, baseline, FIRST + 1, members=3, steps=50)
    expected = evaluated(networks, rows, 3)[:, :, 1] - evaluated(networks, baseline[None], 3)[:, :, 1]
    np.testing.assert_allclose(found.sum(2), expected, atol=1e-5)


def test_integrated_gradients_in_blocks_of_a_row_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    networks, rows, baseline = perceptrons(2, 4, 1, [16]), table(6, 4).float(), torch.zeros(4)
    whole = integrated_gradients(networks, rows, baseline, FIRST, members=2, steps=10)
    monkeypatch.setattr("eksplora.explain._members._ROWS", 1)
    np.testing.assert_allclose(
        integrated_gradients(networks, rows, baseline, FIRST, members=2, steps=10), whole, atol=1e-6
    )


def test_the_explained_class_is_the_one_that_members_predict_together() -> None:
    # two of three lean to class 0, but the third is so sure of class 1 that the mean probability is larger
    scores = torch.tensor([[[0.2, 0.0]], [[0.2, 0.0]], [[0.0, 9.0]]])
    assert explained_output(scores, is_classes=True).tolist() == [1]
    assert explained_output(scores, is_classes=False).tolist() == [0]


def test_a_single_score_is_the_log_odds_of_the_second_class() -> None:
    log_odds = torch.tensor([[[0.0], [2.0]], [[0.0], [-2.0]]])
    np.testing.assert_allclose(probabilities(log_odds), [[0.5, 0.5], [0.5, 0.5]])
    assert explained_output(log_odds, is_classes=True).tolist() == [0, 0]


def test_mean_magnitude_ignores_signs() -> None:
    assert mean_magnitude(np.array([[[1.0, -2.0], [-3.0, 0.0]]])).tolist() == [[2.0, 1.0]]
