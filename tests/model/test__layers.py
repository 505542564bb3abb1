import pytest
import torch
import torch.nn.functional as F

from eksplora.errors import ConfigError
from eksplora.model._layers import activation_name, dense, normalization_name, per_layer, positive, rate, sizes
from eksplora.model._members import BatchNorm


def test_misspelt_activation_names_key_and_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^model\.activation: unknown activation 'rleu'\. Did you mean 'relu'\?$"):
        activation_name("rleu", "model.activation")


@pytest.mark.parametrize("value", ["batchnorm", None, True])
def test_a_normalization_is_none_or_batch(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^model\.normalization: unknown normalization .* (Valid|Did you mean)"):
        normalization_name(value)


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
    layer = dense(5, [400], ["sigmoid"], [0.5], "none").train()
    y = layer(torch.randn(3, 5))  # (batch, units)
    kept = y != 0  # a sigmoid is never 0: zeros are dropped units
    assert 0.4 < kept.double().mean() < 0.6
    assert y[kept].max() > 1  # kept units are doubled after the sigmoid


def test_dropout_is_off_in_evaluation() -> None:
    layer = dense(5, [40], ["identity"], [0.5], "none").eval()
    x = torch.randn(3, 5)
    torch.testing.assert_close(layer(x), F.linear(x, *layer.parameters()))


def test_names_of_weights_do_not_depend_on_dropout() -> None:
    plain, dropping = (dense(5, [4, 3], ["relu"] * 2, [p] * 2, "none") for p in (0.0, 0.5))
    assert list(plain.state_dict()) == list(dropping.state_dict())


def test_normalization_stands_between_the_map_and_its_activation() -> None:
    layer = dense(5, [7], ["sigmoid"], [0.0], "batch")
    x = torch.randn(6, 5)
    weight, gain, offset = layer.parameters()  # the map has no bias: the normalization would take it out
    y = x @ weight.T
    y = (y - y.mean(0)) / (y.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(layer(x), torch.sigmoid(y * gain + offset))


def test_each_normalization_is_of_its_own_layer() -> None:
    network = dense(5, [7, 3], ["relu"] * 2, [0.5] * 2, "batch")
    assert [len(module.weight) for module in network.modules() if isinstance(module, BatchNorm)] == [7, 3]
