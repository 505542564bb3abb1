"""First weights of a network, drawn from a given generator and from nothing else.

Each function sets the weights of every linear and convolution layer in place, in the order of `network.modules()`:
equal generator state, equal weights. The generator must be on the device of the weights. Biases become 0, except by
`torch_default`. A layer's fans are the numbers that go into one of its outputs and that one of its inputs goes into; a
convolution's count the pixels of its kernel. Normal distributions are not cut off, as Keras' are at two deviations.
"""

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Literal

from torch import Generator, Tensor, nn
from torch.nn import init

from eksplora.ranges import check_choice, check_number

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
DISTRIBUTIONS = {"normal": init.kaiming_normal_, "uniform": init.kaiming_uniform_}


def _layers(network: nn.Module) -> Iterator[nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d]:
    """Each layer with a weight (outputs, inputs, *kernel) and perhaps a bias (outputs,)."""
    return (module for module in network.modules() if isinstance(module, WEIGHTED))


def _draw(network: nn.Module, draw: Callable[[Tensor], object]) -> None:
    """Each layer's weights set by `draw`, its biases to 0."""
    for layer in _layers(network):
        draw(layer.weight)
        if layer.bias is not None:
            init.zeros_(layer.bias)


def _fan_in(weight: Tensor) -> int:
    """Numbers that go into one output."""
    return weight[0].numel()


def _variance_scaled(
    network: nn.Module, generator: Generator, distribution: str, nonlinearity: Literal["relu", "linear"]
) -> None:
    """Weights of mean 0 and variance 2 / fan_in (relu) or 1 / fan_in (linear)."""
    fill = DISTRIBUTIONS[check_choice(distribution, "initialization.distribution", DISTRIBUTIONS)]
    _draw(network, lambda weight: fill(weight, nonlinearity=nonlinearity, generator=generator))


def glorot_uniform(network: nn.Module, generator: Generator) -> None:
    """Weights from U(-a, a) with a = sqrt(6 / (fan_in + fan_out)).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    2010, equation 16. The default of Keras for dense and convolution layers.
    """
    _draw(network, lambda weight: init.xavier_uniform_(weight, generator=generator))


def glorot_normal(network: nn.Module, generator: Generator) -> None:
    """Weights from N(0, 2 / (fan_in + fan_out)).

    Source: Glorot and Bengio, see `glorot_uniform`, equation 12.
    """
    _draw(network, lambda weight: init.xavier_normal_(weight, generator=generator))


def he(network: nn.Module, generator: Generator, *, distribution: str) -> None:
    """Weights of variance 2 / fan_in, for ReLU.

    Source: He et al., "Delving deep into rectifiers", ICCV 2015, equation 10.

    Args:
        network: Whose weights are set.
        generator: The only source of randomness.
        distribution: `normal`, or `uniform` of the same variance: U(-a, a) with a = sqrt(6 / fan_in).

    Raises:
        ConfigError: If the distribution is unknown.
    """
    _variance_scaled(network, generator, distribution, "relu")


def lecun(network: nn.Module, generator: Generator, *, distribution: str) -> None:
    """Weights of variance 1 / fan_in, for SELU and for functions that are about the identity around 0.

    Source: LeCun et al., "Efficient BackProp", 1998, section 4.6.

    Args:
        network: Whose weights are set.
        generator: The only source of randomness.
        distribution: `normal`, or `uniform` of the same variance: U(-a, a) with a = sqrt(3 / fan_in).

    Raises:
        ConfigError: If the distribution is unknown.
    """
    _variance_scaled(network, generator, distribution, "linear")


def orthogonal(network: nn.Module, generator: Generator, *, gain: float) -> None:
    """Weights (outputs, fan_in) whose rows, or columns where those are fewer, are orthogonal and of length `gain`.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", ICLR
    2014, section 3.

    Args:
        network: Whose weights are set.
        generator: The only source of randomness.
        gain: Above 0; 1 keeps lengths.

    Raises:
        ConfigError: If the gain is out of its range.
    """
    factor = check_number(gain, "initialization.gain", above=0, usual=1.0)
    _draw(network, lambda weight: init.orthogonal_(weight, factor, generator=generator))


def normal(network: nn.Module, generator: Generator, *, std: float) -> None:
    """Weights from N(0, std**2), whatever a layer's size.

    Source: Keras' `RandomNormal`, https://keras.io/api/layers/initializers/#randomnormal-class.

    Args:
        network: Whose weights are set.
        generator: The only source of randomness.
        std: Standard deviation of the weights; above 0.

    Raises:
        ConfigError: If the deviation is out of its range.
    """
    deviation = check_number(std, "initialization.std", above=0, usual=0.05)
    _draw(network, lambda weight: init.normal_(weight, std=deviation, generator=generator))


def matched(network: nn.Module, generator: Generator) -> None:
    """Initialization by the activation after each layer: signals neither vanish nor explode with depth.

    A layer with a `gain` g gets weights from N(0, g**2 / fan_in), one whose `gain` is None, or that has none, those of
    `glorot_uniform`. The network knows what follows a layer and sets the gains such that the second moment of what
    comes out of the activation stays from layer to layer: sqrt(2) for ReLU, 1 for SELU, and None for bounded functions.
    Residual networks have the same gains, and multiply what a branch adds (see `eksplora.model._branch`). Source: He et
    al., see `he`, and Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017, section 2; for other
    functions our own, see `eksplora.model._gain`.

    No weights help where an activation's mean is far from 0: under sigmoid and softplus the second moment stays too,
    but of what differs between inputs less than 1e-8 is left after 20 layers.
    """
    for layer in _layers(network):
        gain = getattr(layer, "gain", None)
        if gain is None:
            glorot_uniform(layer, generator)
        else:
            normal(layer, generator, std=gain / sqrt(_fan_in(layer.weight)))


def torch_default(network: nn.Module, generator: Generator) -> None:
    """Weights and biases from U(-b, b) with b = 1 / sqrt(fan_in).

    The same draws, in the same order, as `reset_parameters` of torch's layers; source: LeCun et al., "Efficient
    BackProp", 1998, and the documentation of `torch.nn.Linear`.
    """
    for layer in _layers(network):
        init.kaiming_uniform_(layer.weight, a=sqrt(5), generator=generator)  # gain sqrt(1/3), so b = 1 / sqrt(fan_in)
        if layer.bias is not None:
            bound = 1 / sqrt(_fan_in(layer.weight))
            init.uniform_(layer.bias, -bound, bound, generator=generator)
