import pytest
import torch

from eksplora.model._activations import ACTIVATIONS, NON_DECREASING

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


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_non_decreasing_never_fall_and_the_others_do(name: str) -> None:
    steps = ACTIVATIONS[name]()(torch.linspace(-20, 20, 4001, dtype=torch.float64)).diff()
    assert bool((steps >= 0).all()) == (name in NON_DECREASING)
