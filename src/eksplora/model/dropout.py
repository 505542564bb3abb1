"""Dropout whose masks are a function of keys and places: the same alone and among others, on any device."""

import torch
from torch import Tensor, nn

from eksplora.draw import BITS, GOLDEN, mix64
from eksplora.errors import ConfigError
from eksplora.model.activations import Activation

KINDS = ("standard", "alpha")
ALPHA = 1.7580993408473766
"""Limit of SELU far below zero, times -1: its scale times its alpha."""


class Dropout(nn.Module):
    """Zeroes units at random and divides the others by 1 - rate, so that their mean stays; in training only.

    The draw for a unit is a function of (key, its row in the batch, its place in the row) and of nothing else. So it is
    the same for a member alone and among others, on any device and however a batch is divided over devices. Whoever
    trains sets `key` before every step, and `first` and `every` where a batch is divided; without, all masks are alike.
    Draw i of SplitMix64 from the seed `key` decides on unit i of the batch. Source: see `mix64`; dropout: Srivastava et
    al., "Dropout", JMLR 2014.

    Args:
        rate: Fraction in [0, 1] of the units that are zeroed; with 1 all are, and no gradient passes.

    Attributes:
        rate: The fraction: () or (members,), float32.
        key: Seed of this step's mask: () or (members,), int64.
        first: Row of the whole batch that is row 0 here.
        every: Distance, in the whole batch, between two rows that are neighbours here.
    """

    knows_members = True
    rate: Tensor
    key: Tensor

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.register_buffer("rate", torch.tensor(rate, dtype=torch.float32), persistent=False)
        self.register_buffer("key", torch.zeros((), dtype=torch.long), persistent=False)
        self.first, self.every = 0, 1
        self._known: dict[tuple[object, ...], Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        """The input (rows, ...), or members of it, with the dropped units at 0."""
        return x * self._factors(x) if self.training else x

    def _factors(self, x: Tensor) -> Tensor:
        """Factor of each unit: 0 or 1 / (1 - rate)."""
        # () or (members,); where all units are dropped 1 / 0 is not taken.
        scale = torch.where(self.rate < 1, 1 / (1 - self.rate), 0.0)
        return (self._keep(x) * self._broadcast(scale, x)).to(x.dtype)

    def _keep(self, x: Tensor) -> Tensor:
        """Whether each unit is kept."""
        counters = self._counters(x.shape[self.rate.dim() :], x.device)
        # The upper BITS of 64, as a number from 0: exact integer comparison, alike on every device.
        bits = mix64(self._broadcast(self.key, x) + counters) >> 64 - BITS & (1 << BITS) - 1
        return bits >= self._broadcast((self.rate * (1 << BITS)).round().long(), x)

    def _broadcast(self, number: Tensor, x: Tensor) -> Tensor:
        """A number (), or (members,), with dimensions that broadcast over a batch."""
        return number.view(number.shape + (1,) * (x.dim() - number.dim()))

    def _counters(self, shape: torch.Size, device: torch.device) -> Tensor:
        """GOLDEN * (position + 1) of each unit of a batch of this shape (rows, ...)."""
        known = (shape, device, self.first, self.every)
        if known not in self._known:
            rows = self.first + self.every * torch.arange(shape[0], device=device)
            units = torch.arange(shape[1:].numel(), device=device)
            positions = rows.unsqueeze(1) * len(units) + units  # (rows, units)
            # int64 wraps around silently, as SplitMix64 wants it.
            self._known[known] = (positions + 1).mul_(GOLDEN).view(shape)
        return self._known[known]


class AlphaDropout(Dropout):
    """Sets units at random to what SELU saturates at, then shifts and scales all, so that mean 0 and variance 1 stay.

    With d = 1 if a unit is kept, otherwise 0: y = a * (d * x - (1 - d) * 1.758) + b, where b = a * rate * 1.758 and
    a = 1 / sqrt((1 - rate) * (1 + rate * 1.758^2)). With rate 1 all are 0. The draw is that of `Dropout`. Source:
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NIPS 2017, section "New dropout
    technique".
    """

    knows_members = True

    def forward(self, x: Tensor) -> Tensor:
        """The input (rows, ...), or members of it, with the dropped units at a value that keeps mean and variance."""
        if not self.training:
            return x
        keep = self._keep(x)
        passing = torch.where(self.rate < 1, 1.0, 0.0)
        # a of the docstring; the clamp keeps rate 1 from dividing by 0.
        scale = passing / ((1 - self.rate) * (1 + self.rate * ALPHA**2)).sqrt().clamp(min=torch.finfo().tiny)
        # b where a unit is kept; a * -1.758 + b where it is dropped.
        kept, dropped = scale * ALPHA * self.rate, scale * ALPHA * (self.rate - 1)
        scale, kept, dropped = (self._broadcast(number, x) for number in (scale, kept, dropped))
        return x * (keep * scale).to(x.dtype) + torch.where(keep, kept, dropped).to(x.dtype)


def dropouts(rate: float, kind: str, after: Activation) -> list[nn.Module]:
    """The layers, none or one, that drop this fraction of what comes out of an activation: `Dropout`, `AlphaDropout`.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014; alpha
    dropout: Klambauer et al., "Self-normalizing neural networks", NIPS 2017.

    Raises:
        ConfigError: If alpha dropout does not suit the activation.
    """
    if rate == 0:  # it would only draw masks of ones
        return []
    if kind == "standard":
        return [Dropout(rate)]
    if after.name != "selu":
        raise ConfigError(
            f"dropout.kind=alpha does not go with activation={after.name}: the values that it sets keep mean and "
            "variance of SELU's outputs only. Choose activation=selu or dropout.kind=standard."
        )
    return [AlphaDropout(rate)]
