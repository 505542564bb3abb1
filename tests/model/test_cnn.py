import warnings
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from stacking import assert_members_are_as_alone, assert_members_stand_for_themselves, each_with_some, gradients
from torch import nn

from eksplora.errors import ConfigError
from eksplora.model.activations import ACTIVATIONS, NON_DECREASING
from eksplora.model.cnn import CNN
from eksplora.model.dropout import AlphaDropout, Dropout
from eksplora.model.members import unaware


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def cnn(**changes: Any) -> CNN:
    values: Mapping[str, Any] = {
        "input_shape": [1, 28, 28],
        "num_outputs": 10,
        "filters": [32],
        "kernel": 4,
        "pool": 2,
        "padding": "valid",
        "activation": "relu",
        "hidden_units": [128],
        "dropout": 0.0,
        "output_activation": "identity",
    }
    return CNN(**{**values, **changes})


def num_parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 591_786),  # the reference: 4*4*32 + 32, 12*12*32*128 + 128, 128*10 + 10
        ({"kernel": 3, "filters": [32] * 3}, 24_330),  # 320 + 2 * 9_248, then a 1x1 image: 32*128 + 128, 1290
        ({"kernel": 3, "padding": "same"}, 804_554),  # 320, 14*14*32*128 + 128, 1290
        ({"hidden_units": []}, 46_634),  # 544, 12*12*32*10 + 10
        ({"pool": 1, "filters": [4], "hidden_units": 32}, 80_430),  # 68, 25*25*4*32 + 32, 330
    ],
)
def test_number_of_parameters_is_that_of_the_drawing(changes: dict[str, Any], count: int) -> None:
    assert num_parameters(cnn(**changes)) == count


def test_forward_is_the_chain_of_layers_written_out() -> None:
    network = cnn(
        input_shape=[3, 11, 9],
        filters=[4, 6],
        kernel=[3, 2],
        pool=[2, 1],
        activation=["tanh", "elu", "sigmoid"],
        hidden_units=[7],
        num_outputs=5,
    )
    x = torch.randn(2, 3, 11, 9)
    w1, b1, w2, b2, w3, b3, w4, b4 = network.parameters()
    y = F.max_pool2d(torch.tanh(F.conv2d(x, w1, b1)), 2)  # (2, 4, 4, 3)
    y = F.elu(F.conv2d(y, w2, b2)).flatten(1)  # (2, 6 * 3 * 2)
    torch.testing.assert_close(network(x), F.linear(torch.sigmoid(F.linear(y, w3, b3)), w4, b4))


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 9])
def test_same_padding_is_that_of_torch(kernel: int) -> None:
    network = cnn(input_shape=[2, 7, 6], kernel=kernel, padding="same", activation="identity", pool=1)
    x = torch.randn(3, 2, 7, 6)
    weight, bias = network.blocks.parameters()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch's own path copies its input for even kernels, and says so
        expected = F.conv2d(x, weight, bias, padding="same")
    torch.testing.assert_close(network.blocks(x), expected)


def test_memory_format_does_not_change_the_scores() -> None:
    network = cnn(filters=[8, 8])
    x = torch.randn(4, 1, 28, 28)
    plain = network(x)
    last = network.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, plain)


def test_a_number_of_hidden_units_is_one_layer() -> None:
    number, listed = cnn(hidden_units=16), cnn(hidden_units=[16])
    assert [p.shape for p in number.parameters()] == [p.shape for p in listed.parameters()]


def test_dropout_acts_on_dense_layers_in_training_only() -> None:
    network = cnn(dropout=0.5, filters=[2], hidden_units=[40, 30])
    x = torch.randn(2, 1, 28, 28)
    first = network(x)
    layers = [module for module in network.modules() if isinstance(module, Dropout)]
    assert layers == [layer[-1] for layer in network.hidden]
    for layer in layers:
        layer.key = torch.tensor(1)
    assert not torch.equal(network(x), first)
    plain = cnn(filters=[2], hidden_units=[40, 30])
    plain.load_state_dict(network.state_dict())
    assert torch.equal(network.eval()(x), plain(x))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_pooling_goes_before_a_non_decreasing_activation(name: str) -> None:
    pool, activation = cnn(activation=name).blocks[0][1:]
    if name not in NON_DECREASING:
        pool, activation = activation, pool
    assert (type(pool).__name__, type(activation)) == ("MaxPool2d", type(ACTIVATIONS[name]()))


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_order_of_pooling_and_activation_changes_nothing(name: str, normalization: str) -> None:
    network = cnn(activation=name, input_shape=[2, 12, 12], filters=[4], normalization=normalization).double()
    x = torch.randn(6, 2, 12, 12, dtype=torch.float64)
    block = network.blocks[0]
    written_out = nn.Sequential(*block[:-2], ACTIVATIONS[name]().double(), nn.MaxPool2d(2))
    for ours, reference in zip(gradients(block, x, 4), gradients(written_out, x, 4), strict=True):
        torch.testing.assert_close(ours, reference)


@pytest.mark.parametrize("name", sorted(NON_DECREASING))
def test_equal_numbers_of_a_window_give_the_gradient_to_the_first_in_either_order(name: str) -> None:
    x = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.5, 0.1, 0.5, 0.5]]).view(1, 1, 2, 4).requires_grad_()
    number = 0.2 if name == "thresholded_relu" else None  # at 1 it would put out nothing here
    pool, function = nn.MaxPool2d(2), ACTIVATIONS[name](number)
    slopes = [torch.autograd.grad(y.sum(), x)[0] for y in (function(pool(x)), pool(function(x)))]
    assert torch.equal(*slopes)
    assert slopes[0].flatten().nonzero().flatten().tolist() == [0, 2]


def test_where_rounding_makes_numbers_equal_the_largest_gets_the_gradient() -> None:
    network = cnn(input_shape=[1, 2, 2], filters=[1], kernel=1, pool=2, activation="sigmoid", hidden_units=[])
    x = torch.tensor([[5.0, 5.0 + 1e-6], [0.0, 0.0]]).view(1, 1, 2, 2).requires_grad_()
    assert x[0, 0, 0, 0] < x[0, 0, 0, 1]
    assert torch.equal(*torch.sigmoid(x[0, 0, 0]))
    with torch.no_grad():
        for parameter, value in zip(network.blocks.parameters(), (1.0, 0.0), strict=True):
            parameter.fill_(value)
    (slope,) = torch.autograd.grad(network.blocks(x).sum(), x)
    assert slope.flatten().nonzero().flatten().tolist() == [1]


def test_names_of_weights_are_those_of_every_version() -> None:
    names = ["blocks.0.0.weight", "blocks.0.0.bias", "blocks.1.0.weight", "blocks.1.0.bias"]
    names += ["hidden.0.0.weight", "hidden.0.0.bias", "output.weight", "output.bias"]
    for activation in ("relu", "gelu"):
        network = cnn(filters=[4, 4], kernel=3, dropout=0.5, activation=activation)
        assert list(network.state_dict()) == names
    even = cnn(filters=[4], padding="same")
    assert list(even.state_dict()) == ["blocks.0.1.weight", "blocks.0.1.bias", *names[4:]]


def test_batch_normalization_follows_every_map_but_the_last() -> None:
    network = cnn(filters=[4, 6], kernel=[3, 2], padding="same", hidden_units=[7], normalization="batch")
    kinds = [[type(module).__name__ for module in block] for block in [*network.blocks, *network.hidden]]
    assert kinds == [
        ["Conv2d", "BatchNorm", "MaxPool2d", "ReLU"],
        ["ZeroPad2d", "Conv2d", "BatchNorm", "MaxPool2d", "ReLU"],
        ["Linear", "BatchNorm", "ReLU"],
    ]
    assert num_parameters(network) == 9 * 4 + 2 * 4 + 4 * 4 * 6 + 2 * 6 + 7 * 7 * 6 * 7 + 2 * 7 + 7 * 10 + 10


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_members_stacked_give_what_each_gives_alone(normalization: str, padding: str, activation: str) -> None:
    changes = {"filters": [4, 5], "kernel": [3, 2], "hidden_units": [7], "dropout": 0.5, "activation": activation}
    shape = [2, 9, 8]
    networks = [cnn(input_shape=shape, padding=padding, normalization=normalization, **changes) for _ in range(3)]
    for number, network in enumerate(networks):
        network.hidden[0][-1].key = torch.tensor(number)
    assert unaware(networks[0]) == []
    assert_members_are_as_alone(networks, torch.randn(3, 6, *shape), 2)


SMALL = {"input_shape": [2, 9, 8], "num_outputs": 3, "filters": [4, 6], "kernel": [3, 2], "padding": "same"}


STYLES = product(["none", "batch", "group", "layer"], ["before", "after"], ["max", "average"])


@pytest.mark.parametrize(("name", "style"), each_with_some(ACTIVATIONS, STYLES))
def test_a_members_bits_do_not_depend_on_the_others(name: str, style: tuple[str, str, str]) -> None:
    styled = dict(zip(("normalization", "normalization_place", "pooling"), style, strict=True))
    networks = [cnn(**SMALL, **styled, groups=2, activation=name, hidden_units=[8], block_dropout=0.2) for _ in "abc"]
    x = torch.randn(3, 6, 2, 9, 8)
    assert_members_stand_for_themselves(networks, x, 2)


def test_normalization_after_the_activation_is_after_the_pooling_and_leaves_the_biases() -> None:
    network = cnn(**SMALL, normalization="group", normalization_place="after", groups=2, hidden_units=[8])
    kinds = [[type(module).__name__ for module in block] for block in [*network.blocks, *network.hidden]]
    assert kinds == [
        ["Conv2d", "MaxPool2d", "ReLU", "GroupNorm"],
        ["ZeroPad2d", "Conv2d", "MaxPool2d", "ReLU", "GroupNorm"],
        ["Linear", "ReLU", "GroupNorm"],
    ]
    count = 9 * 2 * 4 + 4 + 2 * 4 + 4 * 4 * 6 + 6 + 2 * 6 + 2 * 2 * 6 * 8 + 8 + 2 * 8 + 8 * 3 + 3
    assert num_parameters(network) == count


def test_average_pooling_comes_after_the_activation() -> None:
    network = cnn(input_shape=[2, 9, 8], filters=[4], kernel=3, pooling="average", hidden_units=[], num_outputs=3)
    x = torch.randn(5, 2, 9, 8)
    w1, b1, w2, b2 = network.parameters()
    y = F.avg_pool2d(F.relu(F.conv2d(x, w1, b1)), 2).flatten(1)
    torch.testing.assert_close(network(x), F.linear(y, w2, b2))


def test_block_dropout_zeroes_single_numbers_at_the_end_of_each_block() -> None:
    network = cnn(**SMALL, block_dropout=[0.5, 0.0], activation="sigmoid")
    assert [type(block[-1]).__name__ for block in network.blocks] == ["Dropout", "Elementwise"]
    y = network.blocks[0](torch.randn(50, 2, 9, 8))  # a sigmoid is never 0
    dropped = (y == 0).double()
    assert 0.45 < dropped.mean() < 0.55
    assert 0 < dropped.mean((2, 3)).min() < dropped.mean((2, 3)).max() < 1  # not whole channels


def test_alpha_dropout_is_for_dense_layers_after_selu() -> None:
    network = cnn(activation=["relu", "selu"], dropout=0.1, dropout_kind="alpha")
    assert isinstance(network.hidden[0][-1], AlphaDropout)


def test_gains_are_those_of_the_functions_and_none_at_the_output() -> None:
    network = cnn(**SMALL, activation=["relu", "selu", "tanh"])
    gains = [module.gain for module in network.modules() if hasattr(module, "gain")]
    assert gains == [pytest.approx(2**0.5), pytest.approx(1.0), None, None]


def test_what_configurations_of_earlier_versions_lack_changes_nothing() -> None:
    later = {"normalization_place": "before", "activation_parameter": None, "block_dropout": 0.0, "pooling": "max"}
    assert str(cnn()) == str(cnn(**later, groups=8, dropout_kind="standard"))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "changes", [{"filters": [32] * n, "kernel": 3} for n in (1, 2, 3)] + [{"kernel": k} for k in (2, 5, 6, 9)]
)
def test_every_shape_of_the_reference_study_can_be_built(changes: dict[str, Any], padding: str) -> None:
    assert cnn(padding=padding, **changes)(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_kernel_larger_than_its_input_names_block_sizes_key_and_way_out() -> None:
    with pytest.raises(
        ConfigError,
        match=r"^model\.kernel: block 2 has a 9x9 kernel on an input of 3x4 pixels\. Give a smaller model\.kernel",
    ):
        cnn(input_shape=[1, 8, 10], filters=[4, 4], kernel=[3, 9])


def test_pool_larger_than_its_input_names_block_sizes_and_key() -> None:
    with pytest.raises(ConfigError, match=r"^model\.pool: block 1 has a 7x7 pool on an input of 5x5 pixels\. "):
        cnn(input_shape=[1, 8, 8], pool=7)


def test_kernel_and_pool_as_large_as_their_input_fit() -> None:
    assert cnn(input_shape=[1, 8, 8], kernel=8, pool=1)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert cnn(input_shape=[1, 8, 8], kernel=1, pool=8)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filters": []}, r"^model\.filters must have an entry for each block, got \[\]\. "),
        ({"filters": 32}, r"^model\.filters must be a list of whole numbers, got 32\. "),
        ({"filters": [32, -1]}, r"^model\.filters\[1\] must be a whole number of at least 1, got -1\. "),
        ({"kernel": 0}, r"^model\.kernel must be a whole number of at least 1, got 0\. "),
        ({"kernel": [3, 3]}, r"^model\.kernel has 2 values for 1 layers: \[3, 3\]\. "),
        ({"pool": "2"}, r"^model\.pool must be a whole number of at least 1, got '2'\. "),
        ({"padding": "sam"}, r"^model\.padding=sam is unknown\. Did you mean 'same'\?$"),
        ({"activation": ["relu"]}, r"^model\.activation has 1 values for 2 layers"),
        ({"activation": "tan"}, r"^model\.activation=tan is unknown\. Did you mean 'tanh'\?$"),
        ({"hidden_units": [0]}, r"^model\.hidden_units\[0\] must be a whole number of at least 1, got 0\. "),
        ({"hidden_units": None}, r"^model\.hidden_units\[0\] must be a whole number of at least 1, got null\. "),
        ({"dropout": -0.1}, r"^model\.dropout must be a number of at least 0 and below 1, got -0\.1\. "),
        ({"output_activation": "softmax"}, r"^model\.output_activation=softmax is unknown\. "),
        (
            {"input_shape": [13]},
            r"^model\.input_shape must be \(channels, height, width\), got \[13\]\. .*model=mlp\.$",
        ),
        ({"normalization": "later"}, r"^model\.normalization=later is unknown\. Did you mean 'layer'"),
        ({"normalization": "group", "groups": 5}, r"^model\.groups=5 does not divide model\.filters\[0\]=32\. "),
        (
            {"normalization": "group", "hidden_units": [12]},
            r"^model\.groups=8 does not divide model\.hidden_units\[0\]",
        ),
        ({"pooling": "mean"}, r"^model\.pooling=mean is unknown\. Valid: average, max\.$"),
        ({"block_dropout": [0.1, 0.1]}, r"^model\.block_dropout has 2 values for 1 layers"),
        ({"dropout": 0.1, "dropout_kind": "alpha"}, r"^dropout\.kind=alpha does not go with activation=relu: "),
        ({"activation_parameter": 0.1}, r"^activation\.parameter=0\.1: relu takes no number\. "),
        ({"num_outputs": True}, r"^model\.num_outputs must be a whole number of at least 1, got true\. "),
    ],
)
def test_wrong_value_names_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cnn(**changes)
