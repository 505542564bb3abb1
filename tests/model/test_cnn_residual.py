from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from stacking import assert_members_stand_for_themselves, each_with_some
from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.model._images import Conv2d
from eksplora.model.activations import ACTIVATIONS
from eksplora.model.cnn_residual import CNNResidual
from eksplora.model.dropout import Dropout
from eksplora.model.members import unaware


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


VALUES: Mapping[str, Any] = {
    "input_shape": [2, 8, 7],
    "num_outputs": 3,
    "filters": [4, 6],
    "blocks": [1, 2],
    "activation": "relu",
    "activation_parameter": None,
    "normalization": "batch",
    "groups": 2,
    "dropout": 0.0,
    "dropout_kind": "standard",
    "output_activation": "identity",
    "branch_scale": None,
}


def network(**changes: Any) -> CNNResidual:
    return CNNResidual(**{**VALUES, **changes})


def num_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_number_of_parameters_is_that_of_the_drawing() -> None:
    first = (9 * 2 * 4 + 8) + 2 * (9 * 4 * 4 + 8)  # the stem, and the one block of stage 1
    second = (9 * 4 * 6 + 12) + 3 * (9 * 6 * 6 + 12) + (4 * 6 + 12)  # two blocks, and a projection
    assert num_parameters(network()) == first + second + 6 * 3 + 3
    convolutions = 1 + 2 + 4 + 1
    biases = (4 * 3 + 6 * 5) - 2 * (4 * 3 + 6 * 5)
    assert num_parameters(network(normalization="none")) == num_parameters(network()) + biases
    assert sum(isinstance(module, nn.Conv2d) for module in network().modules()) == convolutions


def test_resnet_20_has_as_many_parameters_as_he_et_al_say() -> None:
    """0.27 million, table 6; ours has projections (option B), the paper's none."""
    model = network(input_shape=[3, 32, 32], num_outputs=10, filters=[16, 32, 64], blocks=3)
    projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert num_parameters(model) - projections == 269_722


def convolved(x: Tensor, convolution: nn.Module, normal: nn.Module, stride: int = 1) -> Tensor:
    """A convolution and batch normalization in training, in plain torch."""
    y = F.conv2d(x, convolution.weight, None, stride, convolution.weight.shape[-1] // 2)
    return F.batch_norm(y, None, None, normal.weight, normal.bias, training=True)


def test_forward_is_the_network_written_out() -> None:
    model = network()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(5, 2, 8, 7)
    h = torch.relu(convolved(x, *model.stem[:2]))
    one, two, three = (block for stage in model.stages for block in stage)
    for block, stride in ((one, 1), (two, 2), (three, 1)):
        y = torch.relu(convolved(h, *block.branch[:2], stride))
        y = convolved(y, *block.branch[3:])
        skip = convolved(h, *block.skip, stride) if stride == 2 else h
        h = torch.relu(y + skip)
    assert h.shape == (5, 6, 4, 4)  # 8x7 halved, up
    torch.testing.assert_close(model(x), model.output(h.mean((2, 3))), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("given", "scale"), [(None, 3**-0.5), (0.7, 0.7), (1.0, 1.0)])
def test_forward_without_normalization_adds_scaled_branches_each_with_its_own_activation(
    given: float | None, scale: float
) -> None:
    model = network(normalization="none", activation=["relu", "tanh", "elu", "softplus"], branch_scale=given)
    x = torch.randn(5, 2, 8, 7)
    h = torch.relu(F.conv2d(x, *model.stem[0].parameters(), padding=1))
    blocks = [block for stage in model.stages for block in stage]
    for block, function, stride in zip(blocks, (torch.tanh, F.elu, F.softplus), (1, 2, 1), strict=True):
        y = function(F.conv2d(h, *block.branch[0].parameters(), stride=stride, padding=1))
        y = F.conv2d(y, *block.branch[2].parameters(), padding=1)
        skip = F.conv2d(h, *block.skip[0].parameters(), stride=stride) if stride == 2 else h
        h = function(skip + scale * y)
    torch.testing.assert_close(model(x), model.output(h.mean((2, 3))), rtol=1e-4, atol=1e-5)


def test_a_network_recorded_before_there_was_a_scale_has_none() -> None:
    values = {**VALUES, "normalization": "none"}
    del values["branch_scale"]
    assert {block.scale for stage in CNNResidual(**values).stages for block in stage} == {1.0}


def test_dropout_acts_on_the_averages_before_the_output() -> None:
    model = network(dropout=0.5)
    x = torch.randn(5, 2, 8, 7)
    averages = model.stages(model.stem(x)).mean((2, 3))
    torch.testing.assert_close(model(x), model.output(averages * Dropout(0.5)(torch.ones(5, 6))))


@pytest.mark.parametrize(("name", "normalization"), each_with_some(ACTIVATIONS, ["none", "batch", "group", "layer"]))
def test_members_are_as_alone_and_do_not_depend_on_the_others(name: str, normalization: str) -> None:
    networks: list[nn.Module] = [
        network(activation=name, normalization=normalization, dropout=0.2, blocks=1) for _ in range(3)
    ]
    x = torch.randn(3, 6, 2, 8, 7)
    assert unaware(networks[0]) == []
    assert_members_stand_for_themselves(networks, x, 2)


def test_gains_are_those_of_the_function_and_none_for_skips_and_the_output() -> None:
    model = network(blocks=1)
    gains = {name: module.gain for name, module in model.named_modules() if hasattr(module, "gain")}
    assert gains.pop("stages.1.0.skip.0") is None
    assert gains.pop("output") is None
    assert list(gains.values()) == [pytest.approx(2**0.5)] * 5


def test_gains_are_those_of_each_blocks_own_function() -> None:
    model = network(normalization="none", activation=["relu", "selu", "tanh", "relu"])
    gains = [convolution.gain for convolution in model.modules() if isinstance(convolution, Conv2d)]
    two, one = pytest.approx(2**0.5), pytest.approx(1.0)
    assert gains == [two, one, one, None, None, None, two, two]  # the last None: of the projection


def test_digits_fit_three_stages_and_not_five() -> None:
    assert network(input_shape=[1, 8, 8], filters=[4, 4, 4, 4], blocks=1)(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    with pytest.raises(
        ConfigError,
        match=r"^model\.filters has 5 stages, but stage 5 would halve an image of 1x1 pixels\. Give at most 4",
    ):
        network(input_shape=[1, 8, 8], filters=[4] * 5, blocks=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filters": []}, r"^model\.filters must have an entry for each stage, got \[\]\. "),
        ({"blocks": [1]}, r"^model\.blocks has 1 values for 2 layers"),
        ({"blocks": 0}, r"^model\.blocks must be a whole number of at least 1, got 0\. "),
        ({"input_shape": [13]}, r"^model\.input_shape must be \(channels, height, width\), got \[13\]\. "),
        ({"activation": ["relu", "selu"]}, r"^model\.activation has 2 values for 4 layers: \['relu', 'selu'\]\. "),
        ({"activation": ["relu", "selu", "relu", "rleu"]}, r"^model\.activation\[3\]=rleu is unknown\. "),
        ({"branch_scale": -1.0}, r"^model\.branch_scale must be a number above 0, got -1\.0\. "),
        ({"activation_parameter": 0.1}, r"^activation\.parameter=0\.1: relu takes no number\. "),
        ({"normalization": "group", "groups": 4}, r"^model\.groups=4 does not divide model\.filters\[1\]=6\. "),
        ({"dropout": 0.1, "dropout_kind": "alpha"}, r"^dropout\.kind=alpha does not go with model=cnn_residual: "),
        ({"dropout": [0.1]}, r"^model\.dropout must be a number of at least 0 and below 1, got \[0\.1\]\. "),
        ({"output_activation": "softmax"}, r"^model\.output_activation=softmax is unknown\. "),
    ],
)
def test_wrong_value_names_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        network(**changes)
