import pytest
import torch
import torch.nn.functional as F
from torch import nn

from eksplora.errors import ConfigError
from eksplora.model._layers import activations, dense, last_activation
from eksplora.model._normalization import BatchNorm, GroupNorm, Normalization
from eksplora.model.activations import Activation
from eksplora.model.dropout import AlphaDropout
from eksplora.model.linear import Linear


def test_dropout_comes_after_the_activation() -> None:
    torch.manual_seed(0)
    layer = dense(5, [400], [Activation("sigmoid")], [0.5], Normalization()).train()
    y = layer(torch.randn(3, 5))  # (batch, units)
    kept = y != 0  # a sigmoid is never 0: zeros are dropped units
    assert 0.4 < kept.double().mean() < 0.6
    assert y[kept].max() > 1  # kept units are doubled after the sigmoid


def test_dropout_is_off_in_evaluation() -> None:
    layer = dense(5, [40], [Activation("identity")], [0.5], Normalization()).eval()
    x = torch.randn(3, 5)
    torch.testing.assert_close(layer(x), F.linear(x, *layer.parameters()))


def test_names_of_weights_do_not_depend_on_dropout() -> None:
    plain, dropping = (dense(5, [4, 3], [Activation("relu")] * 2, [p] * 2, Normalization()) for p in (0.0, 0.5))
    assert list(plain.state_dict()) == list(dropping.state_dict())


def test_normalization_stands_between_the_map_and_its_activation() -> None:
    layer = dense(5, [7], [Activation("sigmoid")], [0.0], Normalization("batch"))
    x = torch.randn(6, 5)
    weight, gain, offset = layer.parameters()  # the map has no bias: the normalization would take it out
    y = x @ weight.T
    y = (y - y.mean(0)) / (y.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(layer(x), torch.sigmoid(y * gain + offset))


def test_each_normalization_is_of_its_own_layer() -> None:
    network = dense(5, [7, 3], [Activation("relu")] * 2, [0.5] * 2, Normalization("batch"))
    assert [len(module.weight) for module in network.modules() if isinstance(module, BatchNorm)] == [7, 3]


def test_normalization_after_the_activation_leaves_the_map_its_bias() -> None:
    layer = dense(5, [6], [Activation("tanh")], [0.0], Normalization("group", "after", 2))
    x = torch.randn(4, 5)
    weight, bias, gain, offset = layer.parameters()
    expected = F.group_norm(torch.tanh(F.linear(x, weight, bias)), 2, gain, offset)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("name", ["batch", "group", "layer"])
def test_order_is_map_normalization_and_activation_as_asked_then_dropout(name: str, place: str) -> None:
    layer = dense(5, [6], [Activation("selu")], [0.5], Normalization(name, place, 2), kind="alpha")[0]
    normal = BatchNorm if name == "batch" else GroupNorm
    kinds = [type(module) for module in layer]
    assert kinds[0] is Linear
    assert kinds[1 if place == "before" else 2] is normal
    assert kinds[3:] == [AlphaDropout]
    assert (layer[0].bias is None) == (place == "before")


def test_groups_that_do_not_divide_name_the_layer() -> None:
    functions = [Activation("relu")] * 2
    with pytest.raises(ConfigError, match=r"^model\.groups=8 does not divide model\.hidden_units\[1\]=12\. "):
        dense(5, [16, 12], functions, [0.0] * 2, Normalization("group"), key="model.hidden_units")


def test_every_map_has_the_gain_of_the_function_after_it() -> None:
    functions = [Activation("relu"), Activation("tanh"), Activation("selu"), Activation("leaky_relu", 1.0)]
    layers = dense(5, [4] * 4, functions, [0.0] * 4, Normalization("batch"))
    assert [layer[0].gain for layer in layers] == [pytest.approx(2**0.5), None, pytest.approx(1.0), pytest.approx(1.0)]
    assert Linear(2, 2).gain is None


def test_misspelt_activation_names_key_and_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^model\.activation=rleu is unknown\. Did you mean 'relu'\?$"):
        activations("rleu", 2, None)


def test_one_number_goes_to_the_layers_that_take_one() -> None:
    expected = [Activation("elu", 0.5), Activation("tanh"), Activation("leaky_relu", 0.5)]
    assert activations(["elu", "tanh", "leaky_relu"], 3, 0.5) == expected
    assert activations("elu", 2, 2) == [Activation("elu", 2.0)] * 2
    assert activations("elu", 2, None) == [Activation("elu")] * 2


@pytest.mark.parametrize("count", [0, 2])
def test_a_number_that_no_layer_takes_is_refused(count: int) -> None:
    with pytest.raises(ConfigError, match=r"^activation\.parameter=0\.3: relu takes no number\. Give null"):
        activations("relu", count, 0.3)
    with pytest.raises(ConfigError, match=r"^activation\.parameter=0\.3: relu, tanh takes? no number\. Give null"):
        activations(["relu", "tanh"], 2, 0.3)


def test_the_last_activation_has_its_default_number() -> None:
    x = torch.linspace(-2, 2, 9)
    assert isinstance(last_activation("relu"), nn.ReLU)
    assert torch.equal(last_activation("leaky_relu")(x), F.leaky_relu(x, 0.01))
