from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from stacking import assert_members_are_as_alone, assert_members_stand_for_themselves, each_with_some
from torch import nn

from eksplora.errors import ConfigError
from eksplora.model._normalization import BatchNorm
from eksplora.model.activations import ACTIVATIONS
from eksplora.model.dropout import Dropout
from eksplora.model.members import unaware
from eksplora.model.mlp import MLP


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def mlp(**changes: Any) -> MLP:
    values: Mapping[str, Any] = {
        "input_shape": [13],
        "num_outputs": 1,
        "widths": [128] * 4,
        "activation": "relu",
        "output_activation": "identity",
        "dropout": 0.0,
    }
    return MLP(**{**values, **changes})


CHOICES = {"identity": nn.Identity, "relu": nn.ReLU, "selu": nn.SELU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def num_parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 51_457),  # the reference: 13*128 + 128, three times 128*128 + 128, 128 + 1
        ({"widths": [32]}, 481),
        ({"widths": [256, 128, 64], "num_outputs": 10, "input_shape": [1, 28, 28]}, 242_762),
        ({"widths": []}, 14),
    ],
)
def test_number_of_parameters_is_that_of_the_drawing(changes: dict[str, Any], count: int) -> None:
    assert num_parameters(mlp(**changes)) == count


def test_forward_is_the_chain_of_layers_written_out() -> None:
    network = mlp(widths=[6, 5], activation=["tanh", "sigmoid"], num_outputs=3, output_activation="softplus")
    x = torch.randn(4, 13)
    w1, b1, w2, b2, w3, b3 = network.parameters()
    expected = F.softplus((torch.sigmoid(torch.tanh(x @ w1.T + b1) @ w2.T + b2)) @ w3.T + b3)
    torch.testing.assert_close(network(x), expected)


def test_without_hidden_layers_it_is_a_linear_model() -> None:
    network = mlp(widths=[], num_outputs=2)
    x = torch.randn(4, 13)
    weight, bias = network.parameters()
    torch.testing.assert_close(network(x), x @ weight.T + bias)


def test_an_example_of_any_shape_is_flattened() -> None:
    network = mlp(input_shape=[1, 8, 8], num_outputs=10)
    x = torch.randn(4, 1, 8, 8)
    assert network(x).shape == (4, 10)
    torch.testing.assert_close(network(x), network(x.flatten(1)))


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("shape", [(13,), (2, 3, 4)])
def test_members_stacked_give_what_each_gives_alone(normalization: str, shape: tuple[int, ...]) -> None:
    changes = {"input_shape": list(shape), "widths": [7, 5], "dropout": [0.5, 0.0], "normalization": normalization}
    networks = [mlp(**changes, num_outputs=2) for _ in range(3)]
    for number, network in enumerate(networks):
        for dropout in (module for module in network.modules() if isinstance(module, Dropout)):
            dropout.key, dropout.rate = torch.tensor(number), torch.tensor(0.2 * number)
    assert unaware(networks[0]) == []
    assert_members_are_as_alone(networks, torch.randn(3, 4, *shape), 2)


def test_names_of_weights_are_those_of_every_version_and_do_not_depend_on_dropout() -> None:
    names = [f"hidden.{layer}.0.{part}" for layer in range(2) for part in ("weight", "bias")]
    for rate in (0.0, 0.5):
        assert list(mlp(widths=[7, 5], dropout=rate).state_dict()) == [*names, "output.weight", "output.bias"]


def test_batch_normalization_follows_every_hidden_map() -> None:
    network = mlp(widths=[7, 5], normalization="batch", output_activation="sigmoid")
    kinds = [type(module).__name__ for layer in network.hidden for module in layer]
    assert kinds == ["Linear", "BatchNorm", "ReLU"] * 2
    assert sum(isinstance(module, BatchNorm) for module in network.modules()) == 2
    assert num_parameters(network) == 13 * 7 + 2 * 7 + 7 * 5 + 2 * 5 + 5 + 1


@pytest.mark.parametrize("layers", range(1, 7))
@pytest.mark.parametrize("units", [4, 256])
def test_every_shape_of_the_reference_study_can_be_built(layers: int, units: int) -> None:
    assert mlp(widths=[units] * layers)(torch.zeros(2, 13)).shape == (2, 1)


@pytest.mark.parametrize(
    "names",
    [
        ["sigmoid"] * 4 + ["identity"],
        ["tanh", "tanh", "relu", "relu", "identity"],
        ["selu"] * 4 + ["identity"],
        ["relu"] * 5,
    ],
)
def test_every_choice_of_activations_of_the_reference_study_can_be_built(names: list[str]) -> None:
    network = mlp(activation=names[:-1], output_activation=names[-1])
    kinds = [type(module) for module in network.modules() if type(module) in CHOICES.values()]
    assert kinds == [CHOICES[name] for name in names]


STYLES = product(["none", "batch", "group", "layer"], ["before", "after"])


@pytest.mark.parametrize(("name", "style"), each_with_some(ACTIVATIONS, STYLES))
def test_a_members_bits_do_not_depend_on_the_others(name: str, style: tuple[str, str]) -> None:
    changes = {"widths": [20, 6], "num_outputs": 3, "activation": name, "groups": 2, "dropout": 0.2}
    styled = dict(zip(("normalization", "normalization_place"), style, strict=True))
    networks = [mlp(**changes, **styled) for _ in range(4)]
    x = torch.randn(4, 6, 13)
    assert unaware(networks[0]) == []
    assert_members_stand_for_themselves(networks, x, 2)


def test_what_configurations_of_earlier_versions_lack_changes_nothing() -> None:
    old, new = mlp(), mlp(normalization_place="before", groups=8, activation_parameter=None, dropout_kind="standard")
    assert str(old) == str(new)
    assert list(old.state_dict()) == list(new.state_dict())


def test_activation_parameter_reaches_the_hidden_layers() -> None:
    network = mlp(widths=[6], activation="leaky_relu", activation_parameter=0.5)
    x = torch.randn(4, 13)
    w1, b1, w2, b2 = network.parameters()
    torch.testing.assert_close(network(x), F.linear(F.leaky_relu(F.linear(x, w1, b1), 0.5), w2, b2))


def test_gains_are_those_of_the_functions_and_none_at_the_output() -> None:
    network = mlp(widths=[6, 5], activation=["relu", "tanh"], output_activation="softplus")
    assert [layer[0].gain for layer in network.hidden] == [pytest.approx(2**0.5), None]
    assert network.output.gain is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": 64}, r"^model\.widths must be a list of whole numbers, got 64\. "),
        ({"widths": "64"}, r"^model\.widths must be a list of whole numbers, got '64'\. "),
        ({"widths": [64, 0]}, r"^model\.widths\[1\] must be a whole number of at least 1, got 0\. "),
        ({"widths": [64, 6.5]}, r"^model\.widths\[1\] must be a whole number of at least 1, got 6\.5\. "),
        ({"activation": ["relu"]}, r"^model\.activation has 1 values for 4 layers: \['relu'\]\. "),
        ({"activation": "rel"}, r"^model\.activation=rel is unknown\. Did you mean 'relu'\?"),
        (
            {"output_activation": "linear"},
            r"^model\.output_activation=linear is unknown\. Valid: .*identity",
        ),
        ({"dropout": 1.5}, r"^model\.dropout must be a number of at least 0 and below 1, got 1\.5\. "),
        ({"dropout": [0.1, 0.1]}, r"^model\.dropout has 2 values for 4 layers"),
        ({"normalization": "bach"}, r"^model\.normalization=bach is unknown\. Did you mean 'batch'\?$"),
        ({"normalization": "group", "groups": 7}, r"^model\.groups=7 does not divide model\.widths\[0\]=128\. "),
        (
            {"normalization_place": "behind"},
            r"^model\.normalization_place=behind is unknown\. Valid: after, before\.$",
        ),
        ({"activation_parameter": 0.1}, r"^activation\.parameter=0\.1: relu takes no number\. "),
        (
            {"activation": "elu", "activation_parameter": 0.0},
            r"^activation\.parameter must be a number above 0 for ",
        ),
        ({"dropout_kind": "alfa"}, r"^dropout\.kind=alfa is unknown\. Did you mean 'alpha'\?$"),
        ({"dropout_kind": "alpha", "dropout": 0.1}, r"^dropout\.kind=alpha does not go with activation=relu: "),
        ({"num_outputs": 0}, r"^model\.num_outputs must be a whole number of at least 1, got 0\. "),
        ({"input_shape": 13}, r"^model\.input_shape must be a list"),
    ],
)
def test_wrong_value_names_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mlp(**changes)
