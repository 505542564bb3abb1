"""Networks with known explanations, one per member, as one callable."""

import torch
from torch import Tensor, nn

from eksplora.model.mlp import MLP


class Linear:
    """outputs = features @ weight + bias, of members (members, features, num_outputs)."""

    def __init__(self, members: int, features: int, num_outputs: int = 1, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.weight = torch.randn(members, features, num_outputs, generator=generator, dtype=torch.float64)
        self.bias = torch.randn(members, 1, num_outputs, generator=generator, dtype=torch.float64)

    def __call__(self, features: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, features.flatten(2).to(self.weight.dtype), self.weight)


def perceptrons(members: int, inputs: int, outputs: int, widths: list[int], seed: int = 0) -> nn.Module:
    """An MLP whose parameters carry a leading member dimension, in evaluation mode."""
    torch.manual_seed(seed)
    network = MLP(
        input_shape=[inputs],
        num_outputs=outputs,
        widths=widths,
        activation="tanh",
        output_activation="identity",
        dropout=0.0,
    )
    for module in network.modules():
        for name, parameter in list(module._parameters.items()):
            if parameter is not None:
                scale = 1 / parameter.shape[-1] ** 0.5
                module._parameters[name] = nn.Parameter(
                    torch.randn(members, *parameter.shape) * scale, requires_grad=False
                )
    return network.eval()


def table(rows: int, features: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, features, generator=generator, dtype=torch.float64)
