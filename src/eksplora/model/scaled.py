"""A trained network together with the scaling of its features and of its targets."""

import torch
from torch import Tensor, nn

from eksplora.errors import DataError
from eksplora.ranks import as_normal


class Scaled(nn.Module):
    """Takes raw features, as in the prepared arrays, and returns the network's outputs; numbers in the targets' unit.

    Attributes:
        shift: Subtracted from the features; broadcastable over (rows, ...).
        scale: Then they are divided by it.
        quantiles: Those by which features become normal numbers before both (`eksplora.ranks.as_normal`); None: none.
        target_shift: Added to the outputs, once they are multiplied by `target_scale`; broadcastable over
            (rows, num_outputs).
        target_scale: What outputs are multiplied by.
        is_target_log: Whether outputs are then log(1 + target).
    """

    shift: Tensor
    scale: Tensor
    target_shift: Tensor
    target_scale: Tensor
    quantiles: Tensor | None

    def __init__(
        self,
        *,
        network: nn.Module,
        shift: Tensor,
        scale: Tensor,
        target_shift: Tensor | None = None,
        target_scale: Tensor | None = None,
        target_log: Tensor | None = None,
        quantiles: Tensor | None = None,
    ) -> None:
        """Wrap `network`, which was trained on scaled features, and on scaled targets where these numbers are given.

        Where `target_log` is 1, it was trained on log(1 + target).
        """
        super().__init__()
        self.network = network
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)
        self.register_buffer("quantiles", quantiles)
        self.register_buffer("target_shift", torch.zeros(()) if target_shift is None else target_shift)
        self.register_buffer("target_scale", torch.ones(()) if target_scale is None else target_scale)
        self.is_target_log = target_log is not None and bool(target_log)

    def forward(self, features: Tensor) -> Tensor:
        """Outputs (rows, num_outputs) of raw features (rows, ...).

        Raises:
            DataError: If the network returns anything but a tensor.
        """
        outputs = self.network(self.scaled(features))
        if not isinstance(outputs, Tensor):  # a LightningModule's forward may return what it likes
            raise DataError(
                f"{type(self.network).__name__}: its forward returns a {type(outputs).__name__}. To measure it and to "
                "predict, return one tensor of outputs (rows, outputs)."
            )
        return self.in_unit(outputs)

    def in_unit(self, outputs: Tensor) -> Tensor:
        """Outputs (rows, num_outputs) of the network in the targets' unit."""
        numbers = outputs * self.target_scale + self.target_shift
        return (numbers.expm1() if self.is_target_log else numbers).to(outputs.dtype)

    def scaled(self, features: Tensor) -> Tensor:
        """The features as the network sees them, float32; 0 where one is missing (NaN)."""
        # In 64 bits, as training scaled them, then 32: a served network sees the same numbers.
        raw = features.double()
        raw = raw if self.quantiles is None else as_normal(raw, self.quantiles)
        scaled = ((raw - self.shift) / self.scale).float()
        return torch.where(scaled.isnan(), 0.0, scaled)

    @property
    def middle(self) -> Tensor:
        """Raw features that the network sees as 0; broadcastable over (rows, ...)."""
        if self.quantiles is None:
            return self.shift
        last = len(self.quantiles) - 1
        median = (self.quantiles[last // 2] + self.quantiles[last - last // 2]) / 2
        return torch.where(median.isnan(), self.shift, median)
