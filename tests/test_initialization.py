from collections.abc import Callable
from math import sqrt

import pytest
import torch
from scipy import stats
from torch import Generator, Tensor, nn

from eksplora.initialization import glorot_uniform, torch_default
from eksplora.model.cnn import CNN
from eksplora.model.mlp import MLP

Initialization = Callable[[nn.Module, Generator], None]
BOTH = pytest.mark.parametrize("initialize", [glorot_uniform, torch_default])


def seeded(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


def network() -> nn.Module:
    return MLP(
        input_shape=[100], num_outputs=50, widths=[200], activation="relu", output_activation="identity", dropout=0.0
    )


def image_network() -> nn.Module:
    return CNN(
        input_shape=[3, 12, 12],
        num_outputs=10,
        filters=[64],
        kernel=5,
        pool=2,
        padding="valid",
        activation="relu",
        hidden_units=[40],
        dropout=0.0,
        output_activation="identity",
    )


def assert_uniform(values: Tensor, bound: float) -> None:
    """No value beyond the bound, the variance of U(-b, b) is b**2 / 3, and a Kolmogorov-Smirnov test agrees."""
    flat = values.detach().double().flatten()
    assert flat.abs().max() <= bound * (1 + 1e-6)
    assert flat.var() == pytest.approx(bound**2 / 3, rel=0.05)
    assert stats.kstest(flat.numpy(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01


def test_glorot_weights_are_uniform_with_the_bound_of_the_paper() -> None:
    net = network()
    glorot_uniform(net, seeded(0))
    w1, b1, w2, b2 = net.parameters()
    assert_uniform(w1, sqrt(6 / (100 + 200)))
    assert_uniform(w2, sqrt(6 / (200 + 50)))
    assert not b1.any()
    assert not b2.any()


def test_glorot_fans_of_a_convolution_count_the_pixels_of_its_kernel() -> None:
    net = image_network()
    glorot_uniform(net, seeded(0))
    weight, bias = list(net.parameters())[:2]
    assert_uniform(weight, sqrt(6 / (3 * 25 + 64 * 25)))
    assert not bias.any()


def test_torch_default_is_uniform_with_one_over_root_of_fan_in() -> None:
    net = network()
    torch_default(net, seeded(0))
    w1, b1, w2, _ = net.parameters()
    assert_uniform(w1, 1 / sqrt(100))
    assert_uniform(w2, 1 / sqrt(200))
    assert 0.9 / sqrt(100) < b1.abs().max() <= 1 / sqrt(100)


@pytest.mark.parametrize("build", [network, image_network])
def test_torch_default_draws_what_torch_draws(build: Callable[[], nn.Module]) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        reference = build()
    net = build()
    torch_default(net, seeded(3))
    for ours, theirs in zip(net.parameters(), reference.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@BOTH
def test_weights_are_a_function_of_the_seed(initialize: Initialization) -> None:
    nets = [network() for _ in range(3)]
    for net, seed in zip(nets, (5, 5, 6), strict=True):
        initialize(net, seeded(seed))
    first, second, other = ([p.clone() for p in net.parameters()] for net in nets)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])


@BOTH
def test_global_random_state_is_neither_read_nor_changed(initialize: Initialization) -> None:
    nets = [network(), network()]
    for net, noise in zip(nets, (1, 2), strict=True):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        initialize(net, seeded(0))
        assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


@BOTH
def test_a_layer_without_bias_is_initialized_too(initialize: Initialization) -> None:
    layer = nn.Linear(4, 3, bias=False)
    nn.init.zeros_(layer.weight)
    initialize(layer, seeded(0))
    assert layer.weight.all()
