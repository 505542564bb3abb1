from math import erf, exp, inf, pi, sqrt

import pytest
import torch
from scipy.integrate import quad

from eksplora.model._gain import gain_before
from eksplora.model.activations import ACTIVATIONS, Activation


def gain_of(activation: Activation) -> float:
    gain = gain_before(activation)
    assert gain is not None
    return gain


def density(z: float) -> float:
    return exp(-z * z / 2) / sqrt(2 * pi)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.25, 1.0, 3.0])
@pytest.mark.parametrize("name", ["leaky_relu", "prelu"])
def test_rectifiers_have_the_gain_of_he_et_al(name: str, slope: float) -> None:
    assert gain_before(Activation(name, slope)) == pytest.approx(sqrt(2 / (1 + slope**2)), rel=1e-8)  # float32


def test_relu_has_the_square_root_of_two_and_selu_one() -> None:
    assert gain_before(Activation("relu")) == pytest.approx(sqrt(2), rel=1e-12)
    assert gain_before(Activation("selu")) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("theta", [0.0, 0.3, 1.0, 2.345])
def test_thresholded_relu_lets_a_second_moment_of_one_through(theta: float) -> None:
    gain = gain_of(Activation("thresholded_relu", theta))
    end = theta / gain
    moment = end * density(end) + (1 - erf(end / sqrt(2))) / 2  # E[z^2; z > end], by parts
    assert gain**2 * moment == pytest.approx(1, rel=1e-10)


@pytest.mark.parametrize("alpha", [0.1, 1.0, 2.0])
def test_elu_lets_a_second_moment_of_one_through(alpha: float) -> None:
    gain = gain_of(Activation("elu", alpha))

    def half(shift: float) -> float:
        """E[exp(shift * z); z < 0]"""
        return exp(shift**2 / 2) * (1 + erf(-shift / sqrt(2))) / 2

    assert gain**2 / 2 + alpha**2 * (half(2 * gain) - 2 * half(gain) + half(0)) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("name", ["silu", "gelu", "softplus"])
def test_smooth_ones_let_a_second_moment_of_one_through(name: str) -> None:
    gain, function = gain_of(Activation(name)), ACTIVATIONS[name]().double()

    def integrand(z: float) -> float:
        return float(function(torch.tensor(gain * z, dtype=torch.float64))) ** 2 * density(z)

    moment = sum(quad(integrand, *ends, epsabs=1e-12)[0] for ends in ((-inf, 0), (0, inf)))
    assert moment == pytest.approx(1, rel=1e-8)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "hard_tanh", "identity"])
def test_bounded_functions_and_none_have_no_gain(name: str) -> None:
    assert gain_before(Activation(name)) is None


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_where_there_is_a_gain_a_layer_keeps_a_second_moment_of_one(name: str) -> None:
    activation = Activation(name)
    gain = gain_before(activation)
    if gain is None:
        return
    torch.manual_seed(0)
    function = activation.layer().double()
    weight = torch.randn(512, 2000, dtype=torch.float64) * gain / sqrt(512)
    with torch.no_grad():
        y = function(torch.randn(2000, 512, dtype=torch.float64) @ weight)
    assert y.square().mean().item() == pytest.approx(1, rel=0.1)


def test_a_threshold_that_nothing_passes_has_no_gain() -> None:
    assert gain_before(Activation("thresholded_relu", 50_000.0)) is None


def test_a_softplus_that_gives_too_much_at_zero_keeps_its_own_second_moment() -> None:
    """softplus(0) = ln 2 / beta, which is 1.39 for beta 0.5: no weights bring it to 1."""
    gain, function = gain_of(Activation("softplus", 0.5)), Activation("softplus", 0.5).layer().double()

    def integrand(z: float) -> float:
        return float(function(torch.tensor(z, dtype=torch.float64))) ** 2 * density(z)

    assert gain == pytest.approx(1 / sqrt(quad(integrand, -inf, inf)[0]), rel=1e-8)
