import pytest
import torch
import torch.nn.functional as F

from eksplora.errors import ConfigError
from eksplora.model._layers import ACTIVATIONS, activation_name, dense, per_layer, positive, rate, sizes

X = torch.linspace(-3, 3, 13, dtype=torch.float64)
FORMULAS = {
    "elu": torch.where(X > 0, X, X.exp() - 1),
    "gelu": X * 0.5 * (1 + torch.erf(X / 2**0.5)),
    "identity": X,
    "relu": X.clamp(min=0),
    "selu": 1.0507009873554805 * torch.where(X > 0, X, 1.6732632423543772 * (X.exp() - 1)),
    "sigmoid": 1 / (1 + (-X).exp()),
    "silu": X / (1 + (-X).exp()),
    "softplus": (1 + X.exp()).log(),
    "tanh": (X.exp() - (-X).exp()) / (X.exp() + (-X).exp()),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_activation_follows_its_formula(name: str) -> None:
    torch.testing.assert_close(ACTIVATIONS[name]()(X), FORMULAS[name])


def test_every_activation_has_a_formula_here() -> None:
    assert set(ACTIVATIONS) == set(FORMULAS)


def test_misspelt_activation_names_key_and_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^model\.activation: unknown activation 'rleu'\. Did you mean 'relu'\?$"):
        activation_name("rleu", "model.activation")


@pytest.mark.parametrize("value", [0, -3, 2.0, True, "8", None])
def test_a_size_is_a_positive_whole_number(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^model\.num_outputs must be a positive whole number, got "):
        positive(value, "model.num_outputs")


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), True, "0.5"])
def test_a_rate_is_a_fraction(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^model\.dropout must be a fraction from 0 to 1, got "):
        rate(value, "model.dropout")


@pytest.mark.parametrize("value", [64, "64", None])
def test_sizes_are_a_list(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^model\.widths must be a list .* Write model\.widths=\[64,64\]\.$"):
        sizes(value, "model.widths")


def test_a_wrong_entry_of_a_list_is_named_by_its_index() -> None:
    with pytest.raises(ConfigError, match=r"^model\.widths\[1\] must be .*, got -3\."):
        sizes([4, -3], "model.widths")


def test_one_value_is_for_all_layers_and_a_list_is_one_each() -> None:
    assert per_layer(3, 2, "model.kernel", positive) == [3, 3]
    assert per_layer([3, 5], 2, "model.kernel", positive) == [3, 5]


def test_list_of_another_length_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"^model\.kernel has 3 values for 2 layers: \[3, 3, 3\]\. Give one .* of 2\.$"
    ):
        per_layer([3, 3, 3], 2, "model.kernel", positive)


def test_value_for_no_layers_is_checked_too() -> None:
    with pytest.raises(ConfigError, match=r"model\.activation: unknown activation 'nope'"):
        per_layer("nope", 0, "model.activation", activation_name)


def test_dropout_comes_after_the_activation() -> None:
    torch.manual_seed(0)
    layer = dense(5, [400], ["sigmoid"], [0.5]).train()
    y = layer(torch.randn(3, 5))  # (batch, units)
    kept = y != 0  # a sigmoid is never 0: zeros are dropped units
    assert 0.4 < kept.double().mean() < 0.6
    assert y[kept].max() > 1  # kept units are doubled after the sigmoid


def test_dropout_is_off_in_evaluation() -> None:
    layer = dense(5, [40], ["identity"], [0.5]).eval()
    x = torch.randn(3, 5)
    torch.testing.assert_close(layer(x), F.linear(x, *layer.parameters()))


def test_names_of_weights_do_not_depend_on_dropout() -> None:
    plain, dropping = (dense(5, [4, 3], ["relu"] * 2, [p] * 2) for p in (0.0, 0.5))
    assert list(plain.state_dict()) == list(dropping.state_dict())
