from collections.abc import Callable, Iterator
from functools import partial
from math import inf, nan, sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from scipy import stats
from torch import Generator, Tensor, nn
from torch.nn import init

from eksplora import initialization
from eksplora.errors import ConfigError
from eksplora.initialization import (
    glorot_normal,
    glorot_uniform,
    he,
    lecun,
    matched,
    normal,
    orthogonal,
    torch_default,
)
from eksplora.model.activations import ACTIVATIONS
from eksplora.model.cnn import CNN
from eksplora.model.cnn_residual import CNNResidual
from eksplora.model.mlp import MLP
from eksplora.model.mlp_residual import MLPResidual

Initialization = Callable[[nn.Module, Generator], None]
CONF = Path(__file__).parents[1] / "conf" / "initialization"


def configured(file: Path) -> Initialization:
    """The function as its file sets it."""
    settings = {key: value for key, value in yaml.safe_load(file.read_text()).items() if key[0] != "_"}
    return partial(getattr(initialization, file.stem), **settings)


CONFIGURED = {file.stem: configured(file) for file in sorted(CONF.glob("*.yaml"))}
EACH = pytest.mark.parametrize("initialize", CONFIGURED.values(), ids=CONFIGURED)


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


def weights(net: nn.Module) -> Iterator[Tensor]:
    return (parameter for parameter in net.parameters() if parameter.dim() > 1)


def biases(net: nn.Module) -> Iterator[Tensor]:
    return (parameter for parameter in net.parameters() if parameter.dim() == 1)


def assert_uniform(values: Tensor, bound: float) -> None:
    """No value beyond the bound, the variance of U(-b, b) is b**2 / 3, and a Kolmogorov-Smirnov test agrees."""
    flat = values.detach().double().flatten()
    assert flat.abs().max() <= bound * (1 + 1e-6)
    assert flat.var() == pytest.approx(bound**2 / 3, rel=0.05)
    assert stats.kstest(flat.numpy(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01


def assert_normal(values: Tensor, std: float) -> None:
    """The deviation is right, tails are not cut off at two deviations, and a Kolmogorov-Smirnov test agrees."""
    flat = values.detach().double().flatten()
    assert flat.std() == pytest.approx(std, rel=0.05)
    assert flat.abs().max() > 3 * std
    assert stats.kstest(flat.numpy(), stats.norm(scale=std).cdf).pvalue > 0.01


def test_glorot_weights_are_uniform_with_the_bound_of_the_paper() -> None:
    net = network()
    glorot_uniform(net, seeded(0))
    w1, _, w2, _ = net.parameters()
    assert_uniform(w1, sqrt(6 / (100 + 200)))
    assert_uniform(w2, sqrt(6 / (200 + 50)))


def test_glorot_fans_of_a_convolution_count_the_pixels_of_its_kernel() -> None:
    net = image_network()
    glorot_uniform(net, seeded(0))
    assert_uniform(next(weights(net)), sqrt(6 / (3 * 25 + 64 * 25)))


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


@pytest.mark.parametrize(
    ("initialize", "check", "sizes"),  # sizes: of the weights (200, 100), (50, 200), and of (64, 3, 5, 5)
    [
        (glorot_normal, assert_normal, [sqrt(2 / 300), sqrt(2 / 250), sqrt(2 / (75 + 1600))]),
        (partial(he, distribution="normal"), assert_normal, [sqrt(2 / 100), sqrt(2 / 200), sqrt(2 / 75)]),
        (partial(he, distribution="uniform"), assert_uniform, [sqrt(6 / 100), sqrt(6 / 200), sqrt(6 / 75)]),
        (partial(lecun, distribution="normal"), assert_normal, [sqrt(1 / 100), sqrt(1 / 200), sqrt(1 / 75)]),
        (partial(lecun, distribution="uniform"), assert_uniform, [sqrt(3 / 100), sqrt(3 / 200), sqrt(3 / 75)]),
        (partial(normal, std=0.3), assert_normal, [0.3, 0.3, 0.3]),
    ],
)
def test_weights_have_the_distribution_of_the_formula(
    initialize: Initialization, check: Callable[[Tensor, float], None], sizes: list[float]
) -> None:
    net, images = network(), image_network()
    initialize(net, seeded(0))
    initialize(images, seeded(0))
    for weight, size in zip([*weights(net), next(weights(images))], sizes, strict=True):
        check(weight, size)


REFERENCES: list[tuple[Initialization, Callable[..., Tensor]]] = [
    (glorot_uniform, init.xavier_uniform_),
    (glorot_normal, init.xavier_normal_),
    (partial(he, distribution="normal"), partial(init.kaiming_normal_, nonlinearity="relu")),
    (partial(he, distribution="uniform"), partial(init.kaiming_uniform_, nonlinearity="relu")),
    (partial(lecun, distribution="normal"), partial(init.kaiming_normal_, nonlinearity="linear")),
    (partial(lecun, distribution="uniform"), partial(init.kaiming_uniform_, nonlinearity="linear")),
    (partial(orthogonal, gain=1.5), partial(init.orthogonal_, gain=1.5)),
    (partial(normal, std=0.05), partial(init.normal_, std=0.05)),
]


@pytest.mark.parametrize("build", [network, image_network])
@pytest.mark.parametrize(("initialize", "reference"), REFERENCES)
def test_weights_are_torchs_own_draws_layer_after_layer(
    initialize: Initialization, reference: Callable[..., Tensor], build: Callable[[], nn.Module]
) -> None:
    net, generator = build(), seeded(11)
    initialize(net, seeded(11))
    for weight in weights(net):
        assert torch.equal(weight, reference(torch.empty_like(weight), generator=generator))
    assert not any(bias.any() for bias in biases(net))


@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_rows_are_orthogonal_or_columns_where_those_are_fewer(gain: float) -> None:
    wide, tall, square, convolution = layers = nn.ModuleList(
        [nn.Linear(30, 10), nn.Linear(10, 30), nn.Linear(20, 20), nn.Conv2d(3, 8, 5)]
    )
    orthogonal(layers, seeded(0), gain=gain)

    def assert_unit(product: Tensor) -> None:
        torch.testing.assert_close(product, gain**2 * torch.eye(len(product)), rtol=0, atol=1e-5)

    assert_unit(wide.weight @ wide.weight.T)
    assert_unit(tall.weight.T @ tall.weight)
    assert_unit(square.weight @ square.weight.T)
    rows = convolution.weight.flatten(1)
    assert_unit(rows @ rows.T)


def test_a_deep_linear_network_of_orthogonal_layers_keeps_lengths() -> None:
    layers = nn.Sequential(*(nn.Linear(50, 50) for _ in range(100)))
    orthogonal(layers, seeded(0), gain=1.0)
    x = torch.randn(20, 50, generator=seeded(1))
    torch.testing.assert_close(layers(x).norm(dim=1), x.norm(dim=1), rtol=1e-4, atol=0)


def gained(layer: nn.Module, gain: float | None) -> nn.Module:
    layer.gain = gain
    return layer


def test_matched_gives_each_layer_the_deviation_that_its_gain_asks_for() -> None:
    layers = nn.Sequential(
        gained(nn.Linear(200, 300), sqrt(2)), gained(nn.Conv2d(8, 100, 5), 1.0), gained(nn.Linear(300, 100), None)
    )
    matched(layers, seeded(0))
    linear, convolution, bounded = weights(layers)
    assert_normal(linear, sqrt(2 / 200))
    assert_normal(convolution, sqrt(1 / (8 * 25)))
    assert_uniform(bounded, sqrt(6 / (300 + 100)))
    assert not any(bias.any() for bias in biases(layers))


def test_matched_draws_in_the_order_of_the_layers() -> None:
    layers = nn.Sequential(gained(nn.Linear(7, 9), 1.3), nn.Linear(9, 4), gained(nn.Conv2d(3, 4, 2), 0.9))
    matched(layers, seeded(2))
    generator = seeded(2)
    first, second, third = weights(layers)
    assert torch.equal(first, torch.empty(9, 7).normal_(0, 1.3 / sqrt(7), generator=generator))
    assert torch.equal(second, init.xavier_uniform_(torch.empty(4, 9), generator=generator))
    assert torch.equal(third, torch.empty(4, 3, 2, 2).normal_(0, 0.9 / sqrt(12), generator=generator))


def test_matched_is_glorot_where_no_layer_has_a_gain() -> None:
    ours, theirs = (nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Conv1d(6, 2, 3)) for _ in range(2))
    matched(ours, seeded(4))
    glorot_uniform(theirs, seeded(4))
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_matched_is_he_for_relu_and_lecun_for_selu() -> None:
    for name, reference in (("relu", he), ("selu", lecun)):
        ours, theirs = deep(name), deep(name)
        matched(ours.hidden, seeded(0))
        reference(theirs.hidden, seeded(0), distribution="normal")
        for a, b in zip(weights(ours.hidden), weights(theirs.hidden), strict=True):
            torch.testing.assert_close(a, b)


DEPTH, WIDTH, ROWS = 20, 256, 512


def deep(activation: str) -> MLP:
    return MLP(
        input_shape=[WIDTH],
        num_outputs=1,
        widths=[WIDTH] * DEPTH,
        activation=activation,
        output_activation="identity",
        dropout=0.0,
    )


RESIDUAL: dict[str, Any] = {
    "num_outputs": 1,
    "activation_parameter": None,
    "output_activation": "identity",
    "normalization": "none",
    "groups": 8,
    "dropout": 0.0,
    "dropout_kind": "standard",
    "branch_scale": None,
}


def deep_residual(activation: str, depth: int = DEPTH, **changes: Any) -> MLPResidual:
    widths = {"input_shape": [WIDTH], "widths": [WIDTH] * depth, "normalization_place": "before"}
    return MLPResidual(activation=activation, **widths, **RESIDUAL | changes)


def deep_images(activation: str, depth: int = DEPTH, **changes: Any) -> CNNResidual:
    """Two convolutions a block, behind the first."""
    sizes = {"input_shape": [32, 8, 8], "filters": [32], "blocks": depth // 2}
    return CNNResidual(activation=activation, **sizes, **RESIDUAL | changes)


def layers_of(net: nn.Module) -> list[nn.Module]:
    return [net.stem, *net.stages[0]] if isinstance(net, CNNResidual) else list(net.hidden)


@torch.no_grad()
def signals_through(net: nn.Module, initialize: Initialization, seed: int) -> tuple[Tensor, Tensor]:
    """What comes out of each layer, or block, for rows of N(0, 1): its mean square, and its variance between rows.

    Both (layers,). The second is what the layers after can tell inputs apart by.
    """
    generator = seeded(seed)
    initialize(net, generator)
    shape = (16, 32, 8, 8) if isinstance(net, CNNResidual) else (ROWS, WIDTH)
    x, found = torch.randn(shape, generator=generator), []
    for layer in layers_of(net):
        x = layer(x)
        found.append(torch.stack([x.square().mean(), x.var(0).mean()]))
    moments, spread = torch.stack(found, 1)
    return moments, spread


def signals(activation: str, initialize: Initialization, seed: int) -> tuple[Tensor, Tensor]:
    return signals_through(deep(activation), initialize, seed)


@pytest.mark.parametrize("build", [deep, deep_residual, deep_images])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_matched_signals_neither_die_out_nor_blow_up_in_20_layers(
    activation: str, build: Callable[[str], nn.Module]
) -> None:
    """Within a factor of 100 of the input's second moment; that of tanh falls by design, to about 1 / (2 * 20)."""
    for seed in range(4):
        moments, _ = signals_through(build(activation), matched, seed)
        assert moments.min() > 0.01
        assert moments.max() < 100


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_residual_layers_keep_second_moments_within_a_factor_of_two_and_inputs_apart(activation: str) -> None:
    for seed in range(2):
        moments, spread = signals_through(deep_residual(activation), matched, seed)
        assert 0.9 < moments.min() <= moments.max() < 2
        assert spread.min() > 0.9


@pytest.mark.parametrize(
    ("build", "depths", "limit"),  # limit: of the last second moment to that of the shallower network
    [(deep_residual, (10, 80), 1.1), (deep_images, (10, 40), 1.5)],
)
def test_the_sum_of_scaled_branches_has_a_size_of_its_own_at_any_depth(
    build: Callable[[str, int], nn.Module], depths: tuple[int, int], limit: float
) -> None:
    shallow, deeper = (signals_through(build("relu", depth), matched, 0)[0][-1] for depth in depths)
    assert 1 / limit < deeper / shallow < limit


@pytest.mark.parametrize(
    ("build", "least"), [(partial(deep_residual, branch_scale=1.0), 1e6), (partial(deep_images, branch_scale=1.0), 500)]
)
def test_without_a_scale_residual_signals_blow_up(build: Callable[[str], nn.Module], least: float) -> None:
    assert min(signals_through(build("relu"), matched, seed)[0][-1] for seed in range(4)) > least


FORGETFUL = {"sigmoid", "softplus"}
"""Activations whose outputs have a mean so far from 0 that it drowns what differs between inputs."""


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - FORGETFUL))
@pytest.mark.parametrize("build", [deep, deep_images])
def test_matched_inputs_can_be_distinguished_after_20_layers(
    activation: str, build: Callable[[str], nn.Module]
) -> None:
    assert min(signals_through(build(activation), matched, seed)[1].min() for seed in range(4)) > 0.01


@pytest.mark.parametrize("activation", sorted(FORGETFUL))
def test_after_20_layers_of_a_mean_far_from_zero_inputs_are_alike_even_if_matched(activation: str) -> None:
    assert max(signals(activation, matched, seed)[1][-1] for seed in range(4)) < 1e-8


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("activation", "initialize", "ratio"),  # ratio: of a layer's second moment to that of the layer before
    [
        ("relu", glorot_uniform, 0.5),
        ("relu", partial(normal, std=0.05), 0.32),  # 0.05**2 * 256 / 2
        ("relu", partial(normal, std=0.2), 5.12),  # 0.2**2 * 256 / 2
        ("identity", partial(he, distribution="normal"), 2.0),  # ReLU's gain without the ReLU
    ],
)
def test_signals_die_out_or_blow_up_under_what_does_not_match(
    activation: str, initialize: Initialization, ratio: float, seed: int
) -> None:
    moments, _ = signals(activation, initialize, seed)
    assert moments[-1] ** (1 / DEPTH) == pytest.approx(ratio, rel=0.1)
    assert not 1e-4 < moments[-1] < 1e4


def test_under_torchs_default_biases_are_all_that_is_left_of_a_deep_relu_network() -> None:
    moments, spread = signals("relu", torch_default, 0)
    assert moments[-1] > 1e-4
    assert spread[-1] < 6.0 ** (1 - DEPTH)  # a variance of 1 / (3 fan_in), then half of it is cut off


@EACH
def test_weights_are_a_function_of_the_seed(initialize: Initialization) -> None:
    nets = [network() for _ in range(3)]
    for net, seed in zip(nets, (5, 5, 6), strict=True):
        initialize(net, seeded(seed))
    first, second, other = ([p.clone() for p in net.parameters()] for net in nets)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])


@EACH
def test_global_random_state_is_neither_read_nor_changed(initialize: Initialization) -> None:
    nets = [network(), network()]
    for net, noise in zip(nets, (1, 2), strict=True):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        initialize(net, seeded(0))
        assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


@EACH
def test_a_layer_without_bias_is_initialized_too(initialize: Initialization) -> None:
    layer = nn.Linear(4, 3, bias=False)
    init.zeros_(layer.weight)
    initialize(layer, seeded(0))
    assert layer.weight.all()


@EACH
def test_normalizations_keep_their_factors(initialize: Initialization) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    initialize(net, seeded(0))
    assert net[1].weight.eq(1).all()
    assert not net[1].bias.any()


@pytest.mark.parametrize("value", [0, -1.0, nan, inf, "1", None, True])
@pytest.mark.parametrize(("initialize", "key"), [(orthogonal, "gain"), (normal, "std")])
def test_value_out_of_range_names_its_key(initialize: Callable[..., None], key: str, value: object) -> None:
    with pytest.raises(
        ConfigError, match=rf"^initialization\.{key} must be a number above 0, got .*\. Try initialization\.{key}="
    ):
        initialize(network(), seeded(0), **{key: value})


@pytest.mark.parametrize("initialize", [he, lecun])
def test_unknown_distribution_is_refused_with_the_nearest(initialize: Callable[..., None]) -> None:
    with pytest.raises(ConfigError, match=r"^initialization\.distribution=norml is unknown\. Did you mean 'normal'\?"):
        initialize(network(), seeded(0), distribution="norml")
    with pytest.raises(ConfigError, match=r"distribution=\['normal'\] is unknown\. "):
        initialize(network(), seeded(0), distribution=["normal"])
