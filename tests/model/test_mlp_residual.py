from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from stacking import assert_members_stand_for_themselves, each_with_some, stacked
from torch import nn

from eksplora.errors import ConfigError
from eksplora.model.activations import ACTIVATIONS
from eksplora.model.dropout import Dropout
from eksplora.model.linear import Linear
from eksplora.model.members import unaware
from eksplora.model.mlp_residual import MLPResidual


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


VALUES: Mapping[str, Any] = {
    "input_shape": [13],
    "num_outputs": 3,
    "widths": [8, 8, 6],
    "activation": "relu",
    "activation_parameter": None,
    "output_activation": "identity",
    "normalization": "none",
    "normalization_place": "before",
    "groups": 2,
    "dropout": 0.0,
    "dropout_kind": "standard",
    "branch_scale": None,
}


def network(**changes: Any) -> MLPResidual:
    return MLPResidual(**{**VALUES, **changes})


def num_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_number_of_parameters_is_that_of_the_drawing() -> None:
    maps = (13 * 8 + 8) + (8 * 8 + 8) + (8 * 6 + 6) + (6 * 3 + 3)
    skips = 13 * 8 + 8 * 6  # the second layer is as wide as the first
    assert num_parameters(network()) == maps + skips
    assert num_parameters(network(normalization="batch")) == maps + skips + (8 + 8 + 6)  # two each, no bias
    assert num_parameters(network(widths=[])) == 13 * 3 + 3


@pytest.mark.parametrize(("given", "scale"), [(None, 1 / 3), (0.7, 0.7), (1.0, 1.0)])
def test_forward_is_the_sum_of_scaled_layer_and_skip_written_out(given: float | None, scale: float) -> None:
    model = network(activation=["tanh", "relu", "elu"], branch_scale=given)
    x = torch.randn(5, 13)
    w1, b1, s1, w2, b2, w3, b3, s3, w4, b4 = model.parameters()
    h = x @ s1.T + scale * torch.tanh(x @ w1.T + b1)
    h = h + scale * torch.relu(h @ w2.T + b2)
    h = h @ s3.T + scale * F.elu(h @ w3.T + b3)
    torch.testing.assert_close(model(x), h @ w4.T + b4)


def test_a_network_recorded_before_there_was_a_scale_has_none() -> None:
    values = {**VALUES}
    del values["branch_scale"]
    assert {layer.scale for layer in MLPResidual(**values).hidden} == {1.0}


@pytest.mark.parametrize("place", ["before", "after"])
def test_normalization_and_dropout_are_inside_the_branch(place: str) -> None:
    model = network(widths=[6], normalization="layer", normalization_place=place, dropout=0.5)
    x = torch.randn(5, 13)
    layers = model.hidden[0].layers
    weight = layers[0].weight
    bias = None if place == "before" else layers[0].bias
    y = F.linear(x, weight, bias)
    y = torch.relu(F.layer_norm(y, [6])) if place == "before" else F.layer_norm(torch.relu(y), [6])
    kept = Dropout(0.5)(torch.ones(5, 6))
    assert 0 < kept.count_nonzero() < 30
    torch.testing.assert_close(model.hidden(x), model.hidden[0].skip(x) + y * kept)


STYLES = product(["none", "batch", "group", "layer"], ["before", "after"])


@pytest.mark.parametrize(("name", "style"), each_with_some(ACTIVATIONS, STYLES))
def test_members_are_as_alone_and_do_not_depend_on_the_others(name: str, style: tuple[str, str]) -> None:
    styled = dict(zip(("normalization", "normalization_place"), style, strict=True))
    networks: list[nn.Module] = [network(**styled, dropout=0.2, activation=name) for _ in range(4)]
    x = torch.randn(4, 7, 13)
    assert unaware(networks[0]) == []
    assert_members_stand_for_themselves(networks, x, 2)


@pytest.mark.parametrize("members", [None, 3])
def test_gradients_that_overwrite_are_those_that_add(members: int | None) -> None:
    model: nn.Module = network(widths=[8, 6, 6])
    if members is not None:
        model = stacked([network(widths=[8, 6, 6]) for _ in range(members)])
    x = torch.randn(*([] if members is None else [members]), 7, 13)
    expected = torch.autograd.grad(model(x).square().sum(), list(model.parameters()))
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    for module in model.modules():
        if isinstance(module, Linear):
            module.overwrites = True
    model(x).square().sum().backward()
    for parameter, slope in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, slope, rtol=1e-5, atol=1e-5)


def test_gains_are_those_of_the_functions_and_none_for_skips_and_the_output() -> None:
    gains = [module.gain for module in network().modules() if isinstance(module, Linear)]
    assert gains == [pytest.approx(2**0.5), None, pytest.approx(2**0.5), pytest.approx(2**0.5), None, None]


def test_images_are_flattened() -> None:
    model, x = network(input_shape=[1, 3, 4]), torch.randn(4, 1, 3, 4)
    torch.testing.assert_close(model(x), model(x.flatten(1)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": 64}, r"^model\.widths must be a list of whole numbers, got 64\. "),
        ({"activation": ["relu"]}, r"^model\.activation has 1 values for 3 layers: "),
        ({"activation_parameter": 0.1}, r"^activation\.parameter=0\.1: relu takes no number\. "),
        ({"normalization": "group", "groups": 4}, r"^model\.groups=4 does not divide model\.widths\[2\]=6\. "),
        ({"normalization_place": "inside"}, r"^model\.normalization_place=inside is unknown\. "),
        ({"dropout": 2}, r"^model\.dropout must be a number of at least 0 and below 1, got 2\. "),
        ({"dropout": 0.1, "dropout_kind": "alpha"}, r"^dropout\.kind=alpha does not go with activation=relu: "),
        ({"output_activation": "linear"}, r"^model\.output_activation=linear is unknown\. "),
        ({"branch_scale": 0}, r"^model\.branch_scale must be a number above 0, got 0\. "),
        ({"num_outputs": 0}, r"^model\.num_outputs must be a whole number of at least 1, got 0\. "),
    ],
)
def test_wrong_value_names_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        network(**changes)
