"""A trained network together with the scaling of its features."""

from torch import Tensor, nn


class Scaled(nn.Module):
    """Takes raw features, as in the prepared arrays, and returns the network's outputs.

    Attributes:
        shift: Subtracted from the features; broadcastable over (rows, ...).
        scale: Then they are divided by it.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, *, network: nn.Module, shift: Tensor, scale: Tensor) -> None:
        """Wrap `network`, which was trained on scaled features."""
        super().__init__()
        self.network = network
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)

    def forward(self, features: Tensor) -> Tensor:
        """Outputs (rows, num_outputs) of raw features (rows, ...)."""
        scaled = ((features.double() - self.shift) / self.scale).float()
        outputs: Tensor = self.network(scaled)
        return outputs
