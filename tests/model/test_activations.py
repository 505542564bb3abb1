import math

import pytest
import torch
import torch.nn.functional as F
from stacking import assert_bits_do_not_depend_on_the_others, assert_members_are_as_alone
from torch import nn

from eksplora.errors import ConfigError
from eksplora.model.activations import (
    ACTIVATIONS,
    NON_DECREASING,
    Activation,
    activation_number,
)

X = torch.linspace(-3, 3, 13, dtype=torch.float64)
FORMULAS = {
    "elu": torch.where(X > 0, X, X.exp() - 1),
    "gelu": X * 0.5 * (1 + torch.erf(X / 2**0.5)),
    "hard_tanh": X.clamp(-1, 1),
    "identity": X,
    "leaky_relu": torch.where(X > 0, X, 0.01 * X),
    "prelu": torch.where(X > 0, X, 0.25 * X),
    "relu": X.clamp(min=0),
    "selu": 1.0507009873554805 * torch.where(X > 0, X, 1.6732632423543772 * (X.exp() - 1)),
    "sigmoid": 1 / (1 + (-X).exp()),
    "silu": X / (1 + (-X).exp()),
    "softplus": (1 + X.exp()).log(),
    "tanh": (X.exp() - (-X).exp()) / (X.exp() + (-X).exp()),
    "thresholded_relu": torch.where(X > 1, X, 0),
}
NUMBERED = {
    "elu": (0.3, torch.where(X > 0, X, 0.3 * (X.exp() - 1))),
    "hard_tanh": (2.2, X.clamp(-2.2, 2.2)),
    "leaky_relu": (0.2, torch.where(X > 0, X, 0.2 * X)),
    "prelu": (-0.5, torch.where(X > 0, X, -0.5 * X)),
    "softplus": (3.0, (1 + (3 * X).exp()).log() / 3),
    "thresholded_relu": (0.5, torch.where(X > 0.5, X, 0)),
}
TORCHS: dict[str, nn.Module] = {
    "elu": nn.ELU(),
    "gelu": nn.GELU(),
    "hard_tanh": nn.Hardtanh(),
    "identity": nn.Identity(),
    "leaky_relu": nn.LeakyReLU(),
    "prelu": nn.PReLU(),
    "relu": nn.ReLU(),
    "selu": nn.SELU(),
    "sigmoid": nn.Sigmoid(),
    "silu": nn.SiLU(),
    "softplus": nn.Softplus(),
    "tanh": nn.Tanh(),
    "thresholded_relu": nn.Threshold(1.0, 0.0),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_activation_follows_its_formula(name: str) -> None:
    torch.testing.assert_close(ACTIVATIONS[name]().double()(X), FORMULAS[name])


@pytest.mark.parametrize("name", NUMBERED)
def test_the_number_is_that_of_the_formula(name: str) -> None:
    number, expected = NUMBERED[name]
    torch.testing.assert_close(Activation(name, number).layer().double()(X), expected)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_without_a_number_it_is_torchs_bit_for_bit(name: str) -> None:
    x = torch.randn(40, 5)
    assert torch.equal(ACTIVATIONS[name]()(x), TORCHS[name](x))


def test_every_activation_has_a_formula_here() -> None:
    assert set(ACTIVATIONS) == set(FORMULAS) == set(TORCHS)
    assert {name for name, function in ACTIVATIONS.items() if function.number} == set(NUMBERED)


def test_threshold_itself_is_cut_off() -> None:
    assert Activation("thresholded_relu", 1.5).layer()(torch.tensor([1.4, 1.5, 1.6])).tolist() == pytest.approx(
        [0, 0, 1.6]
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_non_decreasing_never_fall_and_the_others_may(name: str) -> None:
    function = Activation(name, -0.5) if name == "prelu" else Activation(name)
    steps = function.layer().double()(torch.linspace(-20, 20, 4001, dtype=torch.float64)).diff()
    assert bool((steps >= 0).all()) == (name in NON_DECREASING)


@pytest.mark.parametrize("name", sorted(NON_DECREASING & set(NUMBERED)))
@pytest.mark.parametrize("number", [0.001, 0.7, 40.0])
def test_no_number_makes_a_non_decreasing_one_fall(name: str, number: float) -> None:
    steps = Activation(name, number).layer().double()(torch.linspace(-20, 20, 4001, dtype=torch.float64)).diff()
    assert bool((steps >= 0).all())


EXACT = (nn.Hardtanh, nn.Identity, nn.LeakyReLU, nn.ReLU, nn.Threshold)
"""Modules of comparisons and products."""


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_bits_of_the_exact_do_not_depend_on_how_a_loop_is_cut(name: str) -> None:
    layer, x = ACTIVATIONS[name](), torch.randn(333)
    if isinstance(layer, EXACT):
        assert torch.equal(layer(x), torch.cat([layer(x[i : i + 1]) for i in range(len(x))]))


@pytest.mark.parametrize("shape", [(6, 7), (4, 2, 3, 5), (32, 4)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_members_are_as_alone_and_do_not_depend_on_the_others(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layers = [ACTIVATIONS[name]() for _ in range(5)]
    x = torch.randn(5, *shape)
    assert_members_are_as_alone(layers, x, len(shape))
    assert_bits_do_not_depend_on_the_others(layers, x, len(shape))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_rows_give_no_rows(name: str) -> None:
    assert ACTIVATIONS[name]()(torch.zeros(0, 4)).shape == (0, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("elu", 0.0),
        ("elu", -1.0),
        ("softplus", 0),
        ("hard_tanh", 0.0),
        ("leaky_relu", -0.1),
        ("thresholded_relu", -1e-9),
        ("prelu", math.inf),
        ("leaky_relu", math.nan),
        ("elu", True),
        ("elu", "1"),
    ],
)
def test_a_number_out_of_range_names_key_function_and_value(name: str, value: object) -> None:
    with pytest.raises(
        ConfigError, match=rf"^activation\.parameter must be a number.* for {name} \(its .* got .* Try .*=null\.$"
    ):
        activation_number(name, value)


@pytest.mark.parametrize(
    ("name", "value"), [("leaky_relu", 0), ("thresholded_relu", 0.0), ("prelu", -1), ("elu", 1e-3)]
)
def test_ends_of_the_ranges_are_inside(name: str, value: float) -> None:
    assert activation_number(name, value) == float(value)


def test_leaky_relu_in_bfloat16_is_that_of_torch() -> None:
    x = torch.randn(50).bfloat16()
    assert torch.equal(Activation("leaky_relu", 0.3).layer()(x), F.leaky_relu(x, 0.3))
