"""First weights of a network, drawn from a given generator and from nothing else.

Each function sets the weights of every linear and convolution layer in place, in the order of `network.modules()`:
equal generator state, equal weights. The generator must be on the device of the weights.
"""

from collections.abc import Iterator
from math import sqrt

from torch import Generator, Tensor, nn
from torch.nn import init

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def _layers(network: nn.Module) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Weight (outputs, inputs, *kernel) and bias (outputs,) of each layer."""
    return ((module.weight, module.bias) for module in network.modules() if isinstance(module, WEIGHTED))


def glorot_uniform(network: nn.Module, generator: Generator) -> None:
    """Weights from U(-a, a) with a = sqrt(6 / (fan_in + fan_out)), biases 0.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    2010, equation 16. The default of Keras for dense and convolution layers; there as here a convolution's fans count
    the pixels of its kernel.
    """
    for weight, bias in _layers(network):
        init.xavier_uniform_(weight, generator=generator)
        if bias is not None:
            init.zeros_(bias)


def torch_default(network: nn.Module, generator: Generator) -> None:
    """Weights and biases from U(-b, b) with b = 1 / sqrt(fan_in).

    The same draws, in the same order, as `reset_parameters` of torch's layers; source: LeCun et al., "Efficient
    BackProp", 1998, and the documentation of `torch.nn.Linear`.
    """
    for weight, bias in _layers(network):
        init.kaiming_uniform_(weight, a=sqrt(5), generator=generator)  # gain sqrt(1/3), so b = 1 / sqrt(fan_in)
        if bias is not None:
            bound = 1 / sqrt(weight[0].numel())
            init.uniform_(bias, -bound, bound, generator=generator)
