from pathlib import Path

import pytest
import small
import torch
from test_population import populated
from torch import nn

from eksplora.errors import ConfigError
from eksplora.training.clipping import Clipping, Limits, clip_norm


@pytest.mark.parametrize("longest", [1e-3, 1.0, 1e3, float("inf")])
def test_each_members_gradient_is_clipped_as_torch_does_for_one(longest: float) -> None:
    torch.manual_seed(0)
    gradients = torch.randn(4, 192) * torch.tensor([[1e-4], [1e-1], [1.0], [1e3]])
    expected = []
    for row in gradients:
        parameter = nn.Parameter(torch.zeros(192))
        parameter.grad = row.clone()
        nn.utils.clip_grad_norm_(parameter, longest)
        expected.append(parameter.grad)
    clipped = gradients.clone()
    clip_norm(clipped, torch.full((4, 1), longest))
    torch.testing.assert_close(clipped, torch.stack(expected), rtol=1e-6, atol=0)  # a norm is a sum of 192 squares
    assert torch.equal(clipped[0], gradients[0]) == (longest >= 1e-2)


def test_a_limit_is_a_members_own() -> None:
    gradients = torch.ones(3, 4)
    clip_norm(gradients, torch.tensor([[1.0], [float("inf")], [4.0]]))
    assert gradients.tolist() == [pytest.approx([0.5] * 4), [1.0] * 4, [1.0] * 4]


@pytest.mark.parametrize("longest", [0.05, 100.0])
def test_a_clipped_training_is_the_bare_loop_with_torchs_clipping(longest: float, tmp_path: Path) -> None:
    recipe = small.regression(clipping=Clipping(norm=longest), optimizer=small.momentum)
    bare, result = small.bare_loop(recipe), small.train(recipe, tmp_path)
    stored = small.load(result)
    for name, value in bare.network.state_dict().items():
        torch.testing.assert_close(stored[name], value, rtol=0, atol=1e-6)  # norm of one row against norm of norms


def test_numbers_beyond_a_members_value_are_cut_off() -> None:
    gradients = torch.tensor([[-3.0, 0.5, 2.0]] * 3)
    Limits([Clipping(value=1.0), Clipping(), Clipping(value=2.5)], torch.device("cpu")).clip(gradients)
    assert gradients.tolist() == [[-1.0, 0.5, 1.0], [-3.0, 0.5, 2.0], [-2.5, 0.5, 2.0]]


def test_values_are_cut_before_norms() -> None:
    gradients = torch.tensor([[30.0, 4.0, 0.0]])
    Limits([Clipping(value=3.0, norm=1.0)], torch.device("cpu")).clip(gradients)
    norm = 3 * 2**0.5  # of [3, 3, 0]
    torch.testing.assert_close(gradients, torch.tensor([[3.0, 3.0, 0.0]]) / norm)


@pytest.mark.parametrize("value", [1e-3, 0.1])
def test_a_training_cut_by_value_is_the_bare_loop_with_torchs_cut(value: float, tmp_path: Path) -> None:
    recipe = small.regression(clipping=Clipping(value=value), optimizer=small.momentum)
    bare, result = small.bare_loop(recipe), small.train(recipe, tmp_path)
    stored = small.load(result)
    for name, tensor in bare.network.state_dict().items():
        torch.testing.assert_close(stored[name], tensor, rtol=0, atol=1e-6)


def test_limits_cost_nothing_where_no_member_has_one() -> None:
    clipped = small.regression(clipping=Clipping(norm=1))
    assert populated(small.seats([small.regression()] * 2))._restrictions._limits is None
    assert populated(small.seats([small.regression(), clipped]))._restrictions._limits is not None


@pytest.mark.parametrize("key", ["norm", "value"])
@pytest.mark.parametrize("limit", [0.0, -1.0, float("inf"), float("nan")])
def test_a_limit_that_means_nothing_is_refused(key: str, limit: float) -> None:
    with pytest.raises(ConfigError, match=rf"^clipping\.{key} must be a number above 0 or null, got {limit}\. "):
        Clipping(**{key: limit})
