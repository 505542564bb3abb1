"""Layers that compute one network, or many at once: a population's members.

A layer whose tensors have the shape of one member works as torch's own and has the same names in its `state_dict`.
One whose tensors carry a leading member dimension, as `torch.stack` makes it of many, takes inputs with that dimension
first. It reads which from its own tensors at every call.

Shapes: (rows, features) or (rows, channels, height, width); of many members (members, rows, ...). In between, images
lie as (rows, members * channels, height, width), the form that convolutions in groups take.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.model._activations import ACTIVATIONS

GOLDEN = 0x9E3779B97F4A7C15 - 2**64
"""What SplitMix64 adds between two draws: 2**64 divided by the golden ratio, as a signed number."""
FACTORS = (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)
BITS = 24
"""Random bits that decide on one unit: as many as a float32 rate has."""

_FUNCTIONS = {type(part) for make in ACTIVATIONS.values() for part in make().modules()}
MOMENTUM, EPSILON = 0.1, 1e-5
"""Of batch normalization: torch's defaults."""

TRANSPARENT = {nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ZeroPad2d, *_FUNCTIONS}
"""Torch's own modules that hold no tensors and treat every row and number alike, however many dimensions lead."""


def unaware(network: nn.Module) -> list[str]:
    """Names of the types in a network that cannot compute several members at once, in order; none: it can.

    A class of ours says `knows_members = True` in its own body: one derived from it must say so again, because it may
    compute something else.

    Examples:
        >>> unaware(nn.Sequential(Conv2d(1, 4, 3), nn.ReLU(), nn.LayerNorm(4)))
        ['LayerNorm']
    """
    kinds = dict.fromkeys(type(module) for module in network.modules())
    return [kind.__name__ for kind in kinds if kind not in TRANSPARENT and not vars(kind).get("knows_members", False)]


def _fold(x: Tensor) -> Tensor:
    """(members, rows, channels, ...) to (rows, members * channels, ...)."""
    return x.transpose(0, 1).flatten(1, 2)


def _unfold(x: Tensor, members: int) -> Tensor:
    """(rows, members * channels, ...) to (members, rows, channels, ...)."""
    return x.view(len(x), members, x.shape[1] // members, *x.shape[2:]).transpose(0, 1)


def _pixel_by_pixel(x: Tensor) -> Tensor:
    """The same images with all channels of a pixel side by side in memory, on a CPU.

    A convolution's outputs then lie so too, and max pooling takes 0.5 instead of 3.8 ms for 32 of them of 25x25 pixels.
    """
    return x.to(memory_format=torch.channels_last) if x.device.type == "cpu" else x


def flattened(x: Tensor) -> Tensor:
    """Images (..., channels, height, width) as rows of numbers, channel by channel.

    On a CPU their gradient is laid pixel by pixel, as the layers before have them: over two layouts the backward pass
    of a ReLU takes 0.32 ms instead of 0.01 (32 images of 12x12 pixels and 32 channels; the copy takes 0.02).
    """
    if x.requires_grad and x.device.type == "cpu":
        x.register_hook(_laid_by_pixel)  # type: ignore[no-untyped-call]
    return x.flatten(-3)


def _laid_by_pixel(x: Tensor) -> Tensor:
    """The same images with all channels of a pixel side by side in memory, those of all members too."""
    order = (0, 2, 3, 1) if x.dim() == 4 else (1, 3, 4, 0, 2)
    return x.permute(order).contiguous().permute([order.index(axis) for axis in range(x.dim())])


class Conv2d(nn.Conv2d):
    """A convolution padded with zeros: weight (filters, channels, kernel, kernel), or members of it."""

    knows_members = True

    def forward(self, x: Tensor) -> Tensor:
        """(rows, channels, height, width) to (rows, filters, ...); with a member dimension first where it has one."""
        if self.weight.dim() == 4:
            return super().forward(_pixel_by_pixel(x))
        if len(x) > 1:
            return self._convolve(x, self.weight, self.bias)
        bias = (
            None if self.bias is None else self.bias.expand(2, -1)
        )  # a single group has kernels, and bits, of its own
        return self._convolve(x.expand(2, -1, -1, -1, -1), self.weight.expand(2, -1, -1, -1, -1), bias)[:1]

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """A group of channels per member."""
        members = len(x)
        y = F.conv2d(
            _pixel_by_pixel(_fold(x)),
            weight.flatten(0, 1),
            None if bias is None else bias.flatten(),
            self.stride,
            self.padding,
            self.dilation,
            members * self.groups,
        )
        return _unfold(y, members)


class MaxPool2d(nn.MaxPool2d):
    """The largest number of each window, of images (rows, channels, height, width) or members of them."""

    knows_members = True

    def forward(self, x: Tensor) -> Tensor:
        """(..., height, width) to the number of whole windows in each direction."""
        if x.dim() == 4:
            pooled: Tensor = super().forward(x)
            return pooled
        return _unfold(super().forward(_fold(x)), len(x))


class BatchNorm(nn.Module):
    """Batch normalization per feature, or per channel of images: torch's BatchNorm1d and BatchNorm2d in one.

    y = weight * (x - mean) / sqrt(variance + 1e-5) + bias; the mean and (biased) variance are those of the batch in
    training and the running ones in evaluation; training moves the running ones by a tenth towards the batch's mean and
    unbiased variance. Source: Ioffe and Szegedy, "Batch Normalization", ICML 2015, algorithms 1 and 2.

    The rows of a batch depend on each other here: none may be added for padding, and devices that share a batch each
    normalize by their own rows.

    Args:
        features: Features or channels.
    """

    knows_members = True
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        """Normalized x: (rows, features) or (rows, channels, height, width), or members of it.

        Raises:
            ConfigError: If a batch in training has one number per feature only: it has no variance.
        """
        if self.training:
            self.num_batches_tracked.add_(1)
        if self.training and x.numel() == self.weight.numel():
            raise ConfigError(
                "model.normalization=batch needs batches of two rows or more, got one row. "
                "Choose data.batch_size such that the last batch of an epoch has more than one row."
            )
        if self.weight.dim() == 1:
            return self._normalize(x, self.running_mean, self.running_var, self.weight, self.bias)
        if x.dim() == 5 and x.device.type == "cpu":  # sums over images would depend on how the others lie in memory
            tensors = (x, self.running_mean, self.running_var, self.weight, self.bias)
            return torch.stack([self._normalize(*member) for member in zip(*tensors, strict=True)])
        return self._normalize_members(x)

    def _normalize(self, x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.batch_norm(x, mean, variance, weight, bias, self.training, MOMENTUM, EPSILON)

    def _normalize_members(self, x: Tensor) -> Tensor:
        """The same for x (members, rows, features, ...), in operations whose bits do not depend on the others."""
        others = [1, *range(3, x.dim())]
        each = (len(x), 1, -1, *(1 for _ in others[1:]))
        mean, variance = self.running_mean, self.running_var
        if self.training:
            mean = x.mean(others)
            variance = (x - mean.view(each)).square().mean(others)
            count = x.numel() // self.weight.numel()
            with torch.no_grad():
                self.running_mean.mul_(1 - MOMENTUM).add_(mean * MOMENTUM)
                self.running_var.mul_(1 - MOMENTUM).add_(variance * (MOMENTUM * count / (count - 1)))
        scale = self.weight / (variance + EPSILON).sqrt()
        return (x - mean.view(each)) * scale.view(each) + self.bias.view(each)


def mix64(z: Tensor) -> Tensor:
    """Each 64-bit number (int64) scrambled, so that neighbouring numbers become unrelated ones; one to one.

    The function `mix64` of SplitMix64 with the constants of Stafford's variant 13. Source: Steele, Lea and Flood, "Fast
    splittable pseudorandom number generators", OOPSLA 2014, figure 17, and `java.util.SplittableRandom`. int64
    arithmetic wraps around as unsigned does; a logical shift is an arithmetic one without the copies of the sign.

    Examples:
        >>> mix64(torch.tensor(0)), hex(mix64(torch.tensor(GOLDEN)).item() + 2**64)  # the first draw from seed 0
        (tensor(0), '0xe220a8397b1dcdaf')
    """
    z = _stir(_stir(z, 30, FACTORS[0]), 27, FACTORS[1])
    return z.bitwise_xor_(z >> 31 & (1 << 33) - 1)


def _stir(z: Tensor, shift: int, factor: int) -> Tensor:
    """One round of `mix64`: (z ^ (z >>> shift)) * factor."""
    return (z >> shift).bitwise_and_((1 << 64 - shift) - 1).bitwise_xor_(z).mul_(factor)


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
        """What each unit is multiplied by: 0 or 1 / (1 - rate)."""
        counters = self._counters(x.shape[self.rate.dim() :], x.device)
        each = self.rate.shape + (1,) * counters.dim()  # (), or (members,), as numbers that broadcast over a batch
        bits = mix64(self.key.view(each) + counters) >> 64 - BITS & (1 << BITS) - 1
        keep = bits >= (self.rate * (1 << BITS)).round().long().view(each)
        scale = torch.where(self.rate < 1, 1 / (1 - self.rate), 0.0).view(each)
        return (keep * scale).to(x.dtype)

    def _counters(self, shape: torch.Size, device: torch.device) -> Tensor:
        """GOLDEN * (position + 1) of each unit of a batch of this shape (rows, ...)."""
        known = (shape, device, self.first, self.every)
        if known not in self._known:
            rows = self.first + self.every * torch.arange(shape[0], device=device)
            units = torch.arange(shape[1:].numel(), device=device)
            positions = rows.unsqueeze(1) * len(units) + units  # (rows, units)
            self._known[known] = (positions + 1).mul_(GOLDEN).view(shape)
        return self._known[known]
