from typing import Any

import pytest
import torch
from torch import nn

from eksplora.explain.architecture import architecture
from eksplora.model.cnn import CNN
from eksplora.model.cnn_residual import CNNResidual
from eksplora.model.cnn_uniform import cnn_uniform
from eksplora.model.mlp import MLP
from eksplora.model.mlp_residual import MLPResidual
from eksplora.model.mlp_uniform import mlp_uniform
from eksplora.model.scaled import Scaled
from eksplora.records.architecture import ArchitectureRecord

PLAIN = {"output_activation": "identity", "dropout": 0.0, "activation": "relu"}
CONVOLUTIONS = {"padding": "valid", "pool": 2, "kernel": 3, "hidden_units": [16]} | PLAIN
RESIDUAL = {"activation_parameter": None, "groups": 2, "dropout_kind": "standard"} | PLAIN


def cnn(**changes: Any) -> CNN:
    return CNN(**({"input_shape": [1, 28, 28], "num_outputs": 10, "filters": [32]} | CONVOLUTIONS | changes))


def column(found: ArchitectureRecord, key: str) -> list[Any]:
    return [getattr(layer, key) for layer in found.layers]


def test_the_reference_cnn_is_as_computed_by_hand() -> None:
    found = architecture(cnn(kernel=4, hidden_units=[128]), torch.zeros(1, 28, 28))
    assert column(found, "kind") == ["Conv2d", "MaxPool2d", "ReLU", "Linear", "ReLU", "Linear"]
    assert column(found, "output") == ["32 x 25 x 25", "32 x 12 x 12", "32 x 12 x 12", "128", "128", "10"]
    assert column(found, "parameters") == [4 * 4 * 32 + 32, 0, 0, 12 * 12 * 32 * 128 + 128, 0, 128 * 10 + 10]
    assert column(found, "multiply_adds") == [25 * 25 * 32 * 16, 0, 0, 12 * 12 * 32 * 128, 0, 128 * 10]
    assert column(found, "receptive_field") == ["4 x 4", "5 x 5", "5 x 5", "", "", ""]
    assert (found.input, found.parameters, found.multiply_adds) == ("1 x 28 x 28", 591_786, 911_104)
    assert column(found, "name") == ["blocks.0.0", "blocks.0.1", "blocks.0.2", "hidden.0.0", "hidden.0.1", "output"]


def test_the_reference_mlp_is_as_computed_by_hand() -> None:
    network = MLP(input_shape=[13], num_outputs=1, widths=[128] * 4, **PLAIN)
    found = architecture(network, torch.zeros(13))
    assert column(found, "kind") == [*["Linear", "ReLU"] * 4, "Linear"]
    assert column(found, "parameters") == [13 * 128 + 128, 0, *[128 * 128 + 128, 0] * 3, 129]
    assert found.parameters == 51_457
    assert found.multiply_adds == 13 * 128 + 3 * 128 * 128 + 128 == 50_944
    assert set(column(found, "receptive_field")) == {""}


def test_receptive_fields_grow_by_the_step_of_the_pools_before() -> None:
    network = cnn(filters=[4, 4, 4], kernel=[3, 2, 3], pool=[2, 2, 1], padding="same", activation="gelu")
    found = architecture(network, torch.zeros(1, 28, 28))
    # 3; pool 3 + 1; kernel 2 at step 2: 4 + 2; pool 6 + 2; kernel 3 at step 4: 8 + 2 * 4
    fields = dict(zip(column(found, "name"), column(found, "receptive_field"), strict=True))
    named = ["blocks.0.0", "blocks.0.2", "blocks.1.0", "blocks.1.1", "blocks.1.3", "blocks.2.0"]
    assert [fields[name] for name in named] == ["3 x 3", "4 x 4", "4 x 4", "6 x 6", "8 x 8", "16 x 16"]
    assert column(found, "kind")[1] == "GELU"


def test_fields_and_steps_may_differ_by_direction() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, (3, 5), stride=(2, 1), dilation=(1, 2)), nn.MaxPool2d((2, 1), (1, 3)))
    found = architecture(network, torch.zeros(1, 20, 20))
    assert column(found, "receptive_field") == ["3 x 9", "5 x 9"]
    network.append(nn.AvgPool2d(2, 1))
    assert column(architecture(network, torch.zeros(1, 20, 20)), "receptive_field")[2] == "7 x 12"


def test_residual_blocks_see_what_their_branch_sees() -> None:
    network = CNNResidual(
        input_shape=[1, 28, 28], num_outputs=10, filters=[4, 8], blocks=1, normalization="batch", **RESIDUAL
    )
    found = architecture(network, torch.zeros(1, 28, 28))
    fields = dict(zip(column(found, "name"), column(found, "receptive_field"), strict=True))
    assert fields["stem.0"] == "3 x 3"
    assert fields["stages.0.0.branch.3"] == fields["stages.0.0.function"] == "7 x 7"
    assert fields["stages.1.0.skip.0"] == "7 x 7"  # one pixel at a stride of 2 sees no more
    assert fields["stages.1.0.branch.0"] == "9 x 9"
    assert fields["stages.1.0.branch.3"] == fields["stages.1.0.function"] == "13 x 13"  # 9 + 2 * 2
    assert fields["output"] == ""


EVERY = {
    "cnn": cnn(padding="same", kernel=2, activation="prelu", normalization="batch", block_dropout=0.1),
    "cnn_uniform": cnn_uniform(
        blocks=2, **({"input_shape": [1, 28, 28], "num_outputs": 10, "filters": 4} | CONVOLUTIONS)
    ),
    "cnn_residual": CNNResidual(
        input_shape=[1, 28, 28], num_outputs=10, filters=[4, 8], blocks=2, normalization="group", **RESIDUAL
    ),
    "mlp": MLP(
        input_shape=[1, 28, 28], num_outputs=1, widths=[8, 8], normalization="layer", **PLAIN | {"dropout": 0.5}
    ),
    "mlp_uniform": mlp_uniform(
        layers=2, units=8, input_shape=[1, 28, 28], num_outputs=2, **PLAIN | {"activation": ["tanh", "prelu"]}
    ),
    "mlp_residual": MLPResidual(
        input_shape=[1, 28, 28],
        num_outputs=1,
        widths=[8, 4],
        normalization="none",
        normalization_place="before",
        **RESIDUAL,
    ),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_parameter_is_in_one_line(name: str) -> None:
    found = architecture(EVERY[name], torch.zeros(1, 28, 28))
    assert sum(column(found, "parameters")) == found.parameters > 0
    assert len(set(column(found, "name"))) == len(found.layers)


@pytest.mark.parametrize("name", EVERY)
def test_the_network_stays_as_it_is(name: str) -> None:
    network = EVERY[name].train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    architecture(network, torch.zeros(1, 28, 28))
    assert all(module.training and not module._forward_hooks for module in network.modules())
    assert all((value == before[key]).all() for key, value in network.state_dict().items())


def test_layers_that_write_their_own_gradients_are_seen_one_by_one() -> None:
    network = MLP(input_shape=[13], num_outputs=1, widths=[8, 8], **PLAIN)
    for layer in (module for module in network.modules() if isinstance(module, nn.Linear)):
        layer.overwrites = True
        for parameter in layer.parameters():
            parameter.grad = torch.zeros_like(parameter)
    found = architecture(network, torch.zeros(13))
    assert column(found, "kind") == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]


def test_a_network_with_its_scaling_has_the_same_layers() -> None:
    inner = MLP(input_shape=[13], num_outputs=1, widths=[8], **PLAIN)
    network = Scaled(network=inner, shift=torch.zeros(13), scale=torch.ones(13))
    found = architecture(network, torch.zeros(13, dtype=torch.float64))
    assert column(found, "name") == ["network.hidden.0.0", "network.hidden.0.1", "network.output"]
