"""All members in one pass against each network by itself."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from eksplora.inference.stacked import Together, everyone
from eksplora.model.cnn import CNN
from eksplora.model.mlp import MLP
from eksplora.model.mlp_residual import MLPResidual
from eksplora.model.scaled import Scaled

ROWS = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 3)))
COMMON: dict[str, Any] = {"activation": "relu", "output_activation": "identity", "dropout": 0.0}


def mlp(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return MLP(input_shape=[3], num_outputs=2, widths=[5, 4], **COMMON)


def unaware(seed: int) -> nn.Module:
    network = mlp(seed)
    network.hidden.append(nn.LayerNorm(4))  # type: ignore[operator, union-attr]
    return network


def scaled(network: nn.Module, number: int) -> Scaled:
    """Each member has learned from other rows, so its scaling is its own."""
    return Scaled(
        network=network,
        shift=torch.full((3,), float(number)),
        scale=torch.full((3,), 2.0 + number),
        target_shift=torch.tensor(float(number)),
        target_scale=torch.tensor([1.5, 2.5]),
    ).eval()


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("make", "is_fused"), [(mlp, True), (unaware, False)])
def test_outputs_are_those_of_each_network(make: Any, is_fused: bool, count: int) -> None:
    networks = [scaled(make(number), number) for number in range(count)]
    found = Together(networks)
    assert found.is_fused == is_fused
    wanted = torch.stack([network(ROWS) for network in networks])
    torch.testing.assert_close(found(everyone(ROWS, count)), wanted.detach())


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("make", "is_fused"), [(mlp, True), (unaware, False)])
def test_hidden_is_what_the_last_layer_is_given(make: Any, is_fused: bool, count: int) -> None:
    networks = [scaled(make(number), number) for number in range(count)]
    hidden = Together(networks).hidden(everyone(ROWS, count))
    assert hidden.shape == (count, 6, 4)
    for own, features in zip(networks, hidden, strict=True):
        outputs = own.network.output(features) * own.target_scale + own.target_shift  # type: ignore[operator, union-attr]
        torch.testing.assert_close(outputs, own(ROWS))


def test_members_may_be_given_rows_of_their_own_and_gradients_reach_them() -> None:
    networks = [scaled(mlp(number), number) for number in range(2)]
    rows = torch.stack([ROWS, ROWS + 1]).requires_grad_()
    Together(networks)(rows)[:, :, 0].sum().backward()
    for number, own in enumerate(networks):
        alone = (ROWS + number).requires_grad_()
        own(alone)[:, 0].sum().backward()
        torch.testing.assert_close(rows.grad[number], alone.grad)  # type: ignore[index]


def test_images_and_residual_networks_go_together_too() -> None:
    def image_network(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return CNN(
            input_shape=[1, 8, 8],
            num_outputs=3,
            filters=[4],
            kernel=3,
            pool=2,
            padding="same",
            hidden_units=[6],
            **COMMON,
        )

    images = torch.rand(5, 1, 8, 8, dtype=torch.float64)
    networks = [Scaled(network=image_network(n), shift=torch.zeros(()), scale=torch.ones(())).eval() for n in range(2)]
    torch.testing.assert_close(
        Together(networks)(everyone(images, 2)), torch.stack([network(images) for network in networks]).detach()
    )
    assert Together(networks).hidden(everyone(images, 2)).shape == (2, 5, 6)
    own: dict[str, Any] = {"activation_parameter": None, "normalization": "none", "normalization_place": "before"}
    own |= {"groups": 1, "dropout_kind": "standard"}
    residual = [MLPResidual(input_shape=[3], num_outputs=1, widths=[4, 4], **COMMON, **own) for _ in range(2)]
    networks = [Scaled(network=one, shift=torch.zeros(3), scale=torch.ones(3)).eval() for one in residual]
    assert Together(networks).hidden(everyone(ROWS, 2)).shape == (2, 6, 4)


def test_the_networks_stay_as_they_are() -> None:
    networks = [scaled(mlp(number), number) for number in range(2)]
    before = [network(ROWS).detach().clone() for network in networks]
    Together(networks)
    for network, wanted in zip(networks, before, strict=True):
        torch.testing.assert_close(network(ROWS), wanted)
        assert all(parameter.requires_grad for parameter in network.parameters())


class Foreign(nn.Module):
    """A network with none of our attributes, whose last layer is called by another name, and another one made last."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.head = nn.Linear(4, 2)
        self.body = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).tanh()).softmax(1)


@pytest.mark.parametrize("count", [1, 3])
def test_hidden_units_of_a_foreign_network_are_what_its_last_layer_is_given(count: int) -> None:
    networks = [scaled(Foreign(number), number) for number in range(count)]
    together = Together(networks)
    hidden = together.hidden(everyone(ROWS, count))
    assert not together.is_fused and hidden.shape == (count, 6, 4)
    for own, units in zip(networks, hidden, strict=True):
        outputs = own.network.head(units).softmax(1) * own.target_scale + own.target_shift  # type: ignore[operator, union-attr]
        torch.testing.assert_close(outputs, own(ROWS))


def test_a_network_without_weights_has_no_hidden_units() -> None:
    with pytest.raises(ValueError, match="no hidden units"):
        Together([scaled(nn.Flatten(), 0)]).hidden(everyone(ROWS, 1))
