"""Normalization of one network's features, or of many members' at once.

Shapes: (rows, features) or (rows, channels, height, width); of many members (members, rows, ...).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.model._images import fold, unfold
from eksplora.model._layout import apart, laid, with_gradient_laid
from eksplora.ranges import check_choice, check_count

NAMES = ("none", "batch", "group", "layer")
PLACES = ("before", "after")
MOMENTUM, EPSILON = 0.1, 1e-5
"""Torch's defaults."""


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
            return apart(self._normalize, x, self.running_mean, self.running_var, self.weight, self.bias)
        return self._normalize_members(x)

    def _normalize(self, x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.batch_norm(x, mean, variance, weight, bias, self.training, MOMENTUM, EPSILON)

    def _normalize_members(self, x: Tensor) -> Tensor:
        """The same for x (members, rows, features, ...), in operations whose bits do not depend on the others."""
        others = [1, *range(3, x.dim())]
        each = (len(x), 1, -1, *(1 for _ in others[1:]))
        mean, variance = self.running_mean, self.running_var
        if self.training:
            # (members, features), over rows and pixels
            mean = x.mean(others)
            variance = (x - mean.view(each)).square().mean(others)
            count = x.numel() // self.weight.numel()
            with torch.no_grad():
                self.running_mean.mul_(1 - MOMENTUM).add_(mean * MOMENTUM)
                # count / (count - 1) makes the biased variance unbiased (Bessel), as torch stores it.
                self.running_var.mul_(1 - MOMENTUM).add_(variance * (MOMENTUM * count / (count - 1)))
        scale = self.weight / (variance + EPSILON).sqrt()
        return (x - mean.view(each)) * scale.view(each) + self.bias.view(each)


class GroupNorm(nn.Module):
    """Group normalization: every row by itself, features or channels in groups of neighbours; torch's for members too.

    y = weight * (x - mean) / sqrt(variance + 1e-5) + bias, with the mean and (biased) variance of the row's group, over
    all its features, or channels and pixels; weight and bias per feature or channel. Source: Wu and He, "Group
    normalization", ECCV 2018; one group is layer normalization (Ba, Kiros and Hinton 2016, arXiv:1607.06450), over
    channels and pixels alike.

    Args:
        groups: How many; it divides `features`.
        features: Features or channels.
    """

    knows_members = True

    def __init__(self, groups: int, features: int) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalized x: (rows, features) or (rows, channels, height, width), or members of it."""
        # `torch.group_norm` is without the check of `torch.nn.functional`, which refuses a batch of no rows
        if self.weight.dim() == 1:
            return torch.group_norm(x, self.groups, self.weight, self.bias, EPSILON)
        if x.dim() == 3:  # rows are independent, whosever they are
            # (members * rows, features); weight and bias differ between members and come after.
            y = torch.group_norm(x.flatten(0, 1), self.groups, None, None, EPSILON).view(x.shape)
            return y * self.weight.unsqueeze(1) + self.bias.unsqueeze(1)
        return self._normalize_images(x)

    def _normalize_images(self, x: Tensor) -> Tensor:
        """The same for members of images: channel by channel, as other layouts are summed in an order of their own."""
        folded = fold(with_gradient_laid(laid, x)).contiguous()
        # Members' groups side by side: none crosses from one member to the next.
        groups, weight, bias = len(x) * self.groups, self.weight.flatten(), self.bias.flatten()
        return unfold(torch.group_norm(folded, groups, weight, bias, EPSILON), len(x))


@dataclass(frozen=True)
class Normalization:
    """Normalization of a network's feature maps.

    Attributes:
        name: `none`; `batch`; `group`; `layer`, which is one group.
        place: `before` the activation (Ioffe and Szegedy 2015, section 3.2) or `after` it.
        groups: Of group normalization.
    """

    name: str = "none"
    place: str = "before"
    groups: int = 8

    @classmethod
    def of(cls, name: object, place: object, groups: object) -> "Normalization":
        """The layers, from the values of a configuration.

        Raises:
            ConfigError: If one of them is wrong.
        """
        return cls(
            check_choice(name, "model.normalization", NAMES),
            check_choice(place, "model.normalization_place", PLACES),
            check_count(groups, "model.groups"),
        )

    @property
    def replaces_bias(self) -> bool:
        """Whether it comes right after the maps, with an offset of its own."""
        return self.name != "none" and self.place == "before"

    def layers(self, features: int, key: str, pixels: int = 1) -> list[nn.Module]:
        """The layers, none or one, that normalize this many features, or channels of so many pixels.

        Args:
            features: Features or channels.
            key: Where the configuration has their number.
            pixels: Of an image.

        Raises:
            ConfigError: If the groups do not go with the features.
        """
        if self.name == "none":
            return []
        if self.name == "batch":
            return [BatchNorm(features)]
        groups = self.groups if self.name == "group" else 1
        given = "model.normalization=layer" if self.name == "layer" else f"model.groups={groups}"
        if features % groups:
            raise ConfigError(f"{given} does not divide {key}={features}. Give a number that divides every layer's.")
        if features // groups * pixels == 1:
            raise ConfigError(
                f"{given} leaves one number a group of {key}={features}, which would always become 0. "
                "Choose fewer groups or another model.normalization."
            )
        return [GroupNorm(groups, features)]

    def arranged(self, normal: list[nn.Module], functions: list[nn.Module]) -> list[nn.Module]:
        """These layers in the order that the place asks for."""
        return [*normal, *functions] if self.place == "before" else [*functions, *normal]
