from pathlib import Path

import pytest
import small
import torch
from test_population import populated
from test_population_ends import assert_leaves_the_others_alone

from eksplora.errors import ConfigError
from eksplora.training.regularization import Penalties, Regularization, bound

ASKED = [
    Regularization(l1=1e-2),
    Regularization(l2=1e-2),
    Regularization(l1=1e-3, l2=2e-3),
    Regularization(max_norm=0.7),
    Regularization(l2=1e-2, max_norm=0.5),
    Regularization(),
]


def test_penalties_are_those_that_autograd_finds() -> None:
    torch.manual_seed(0)
    weights = torch.randn(3, 7, requires_grad=True)
    is_weight = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    asked = [Regularization(l1=0.1), Regularization(l2=0.2), Regularization(l1=0.3, l2=0.4)]
    l1, l2 = torch.tensor([[0.1], [0.0], [0.3]]), torch.tensor([[0.0], [0.2], [0.4]])
    (expected,) = torch.autograd.grad((is_weight * (l1 * weights.abs() + l2 * weights**2)).sum(), weights)
    gradient = torch.zeros(3, 7)
    Penalties(asked, is_weight).add(gradient, weights.detach())
    torch.testing.assert_close(gradient, expected)


def test_a_bound_is_torchs_renorm_of_each_members_units() -> None:
    torch.manual_seed(0)
    dense, kernels = torch.randn(3, 5, 4), torch.randn(3, 6, 2, 3, 3)
    longest = torch.tensor([0.5, 2.0, float("inf")])
    expected = [
        [
            torch.renorm(part, 2, 0, float(most)) if most < torch.inf else part
            for part, most in zip(whole, longest, strict=True)
        ]
        for whole in (dense.clone(), kernels.clone())
    ]
    bound([dense, kernels], longest)
    for ours, theirs in zip((dense, kernels), expected, strict=True):
        torch.testing.assert_close(ours, torch.stack(theirs), rtol=1e-5, atol=1e-7)
    assert dense[0].norm(dim=1).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("asked", ASKED, ids=str)
@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_a_regularized_training_is_the_bare_loop_with_the_penalty_in_its_loss(
    asked: Regularization, kind: str, tmp_path: Path
) -> None:
    recipe = getattr(small, kind)(regularization=asked, optimizer=small.momentum)
    bare, result = small.bare_loop(recipe), small.train(recipe, tmp_path)
    stored = small.load(result)
    for name, value in bare.network.state_dict().items():
        torch.testing.assert_close(stored[name], value, rtol=0, atol=2e-6, msg=name)
    assert result.curves["train/loss"] == pytest.approx(bare.train_loss, rel=1e-4)  # without the penalty


def test_members_with_penalties_and_bounds_of_their_own_are_those_that_train_alone(tmp_path: Path) -> None:
    recipes = [small.regression(regularization=asked) for asked in ASKED]
    together = small.train_together(small.seats(recipes), tmp_path / "together")
    for seat, result in zip(small.seats(recipes), together, strict=True):
        alone = small.train_together([seat], tmp_path / f"alone-{seat.member.index}")
        for name, value in small.load(alone[0]).items():
            torch.testing.assert_close(small.load(result)[name], value, rtol=0, atol=2e-6, msg=name)


def test_a_member_that_leaves_changes_no_bit_of_the_others(tmp_path: Path) -> None:
    seats = small.seats([small.regression(regularization=asked) for asked in ASKED])
    for place in range(len(ASKED)):
        assert_leaves_the_others_alone(seats, place, "is pruned", tmp_path / str(place))


def test_biases_are_neither_penalized_nor_bounded() -> None:
    population = populated(small.seats([small.regression()] * 2))
    is_weight, stack = population.stack.is_weight(), population.stack
    assert is_weight.sum() == sum(weight.numel() for weight in small.weights(small.mlp()))
    marked = torch.where(is_weight.bool(), 1.0, 0.0).expand(2, -1)
    stack.parameter.data.copy_(marked)
    for name, parameter in population.network.named_parameters():
        assert (parameter == (1.0 if "weight" in name else 0.0)).all(), name
    assert [tuple(weight.shape) for weight in stack.weights()] == [(2, 13, 5), (2, 7, 13), (2, 1, 7)]


def test_nothing_is_computed_where_no_member_asks() -> None:
    population = populated(small.seats([small.regression()] * 2))
    assert population._restrictions._penalties is None
    assert population._restrictions._longest is None


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"l1": -1.0}, r"^regularization\.l1 must be a number of at least 0, got -1\.0\. Try "),
        ({"l2": float("nan")}, r"^regularization\.l2 must be .*, got nan\. "),
        ({"max_norm": 0.0}, r"^regularization\.max_norm must be .* or null, got 0\.0\. Try "),
    ],
)
def test_a_value_that_means_nothing_is_refused(values: dict[str, float], error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        Regularization(**values)
