import pytest
import torch
from stacking import assert_bits_do_not_depend_on_the_others, assert_is_torchs, assert_members_are_as_alone, stacked
from torch import nn

from eksplora.model._prelu import PReLU


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 5, 2)])
@pytest.mark.parametrize("slope", [0.25, -0.5, 0.0])
def test_a_plain_layer_is_torchs(slope: float, shape: tuple[int, ...]) -> None:
    assert_is_torchs(PReLU(slope), nn.PReLU(), shape)


def test_the_slope_is_one_parameter_that_starts_where_it_is_set() -> None:
    (weight,) = PReLU(0.1).parameters()
    assert weight.tolist() == pytest.approx([0.1])


@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 5, 2), (1, 1), (300, 200)])
def test_members_are_as_alone_and_do_not_depend_on_the_others(shape: tuple[int, ...]) -> None:
    layers = [PReLU(0.1 * number - 0.1) for number in range(5)]
    x = torch.randn(5, *shape)
    assert_members_are_as_alone(layers, x, len(shape))
    assert_bits_do_not_depend_on_the_others(layers, x, len(shape))


def test_gradients_are_those_of_the_definition() -> None:
    layer = stacked([PReLU(0.2), PReLU(0.7)]).double()
    x = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, _: layer(x), (x, layer.weight))


def test_under_autocast_its_slope_stays_in_single_precision() -> None:
    layers = [PReLU(0.2), PReLU(0.7)]
    x = torch.randn(2, 6, 5).bfloat16()
    y = stacked(layers)(x)
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, torch.stack([layer(rows) for layer, rows in zip(layers, x, strict=True)]))


def test_no_rows_give_a_gradient_of_zero() -> None:
    layer = stacked([PReLU(0.2), PReLU(0.7)])
    layer(torch.zeros(2, 0, 4)).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[0.0], [0.0]]
