"""Layers of images, of one network or of many members at once.

Shapes: (rows, channels, height, width); of many members (members, rows, ...). In between, images lie as (rows, members
* channels, height, width), the form that convolutions in groups take.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eksplora.model._layout import laid, with_gradient_laid


def fold(x: Tensor) -> Tensor:
    """(members, rows, channels, ...) to (rows, members * channels, ...)."""
    return x.transpose(0, 1).flatten(1, 2)


def unfold(x: Tensor, members: int) -> Tensor:
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
    if x.device.type == "cpu":
        with_gradient_laid(laid, x)
    return x.flatten(-3)


def _with_one_more(members: Tensor) -> Tensor:
    """The members, the last of them twice."""
    if len(members) == 1:
        # A view: nothing is copied.
        return members.expand(2, *(-1 for _ in members.shape[1:]))
    return torch.cat([members, members[-1:]])


FEWEST = 16
"""Channels that a convolution on a CPU handles at once, at most (AVX-512). The gradient of a 1x1 convolution with a
stride and fewer input channels is written past the end of a buffer there, and the process dies sooner or later:
https://github.com/uxlfoundation/oneDNN/issues/6035."""


class Conv2d(nn.Conv2d):
    """A convolution padded with zeros: weight (filters, channels, kernel, kernel), or members of it.

    Attributes:
        gain: First weights should have a standard deviation of gain / sqrt(fan_in), see `gain_before`; None: Glorot's.
    """

    knows_members = True
    gain: float | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(rows, channels, height, width) to (rows, filters, ...); with a member dimension first where it has one."""
        if self.weight.dim() == 4:
            return self._conv2d(x, self.weight, self.bias, self.groups)
        if len(x) > 1 and len(x) * x.shape[2] != 3:
            return self._convolve(x, self.weight, self.bias)
        # a single group, and with AVX2 three groups of one channel, have kernels, and bits, of their own
        bias = None if self.bias is None else _with_one_more(self.bias)
        return self._convolve(_with_one_more(x), _with_one_more(self.weight), bias)[: len(x)]

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """A group of channels per member."""
        members = len(x)
        flat = None if bias is None else bias.flatten()
        # (members * filters, channels, kernel, kernel): group m holds member m's filters.
        y = self._conv2d(fold(x), weight.flatten(0, 1), flat, members * self.groups)
        return unfold(with_gradient_laid(_pixel_by_pixel, y), members)

    def _conv2d(self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        """Torch's own; where its library has a fault, on the pixels that the stride goes to, picked before."""
        stride = self.stride
        if self.kernel_size == (1, 1) and weight.shape[1] < FEWEST and x.device.type == "cpu":
            # A 1x1 kernel looks at no other pixel, so skipping pixels first is the same convolution.
            x, stride = x[..., :: stride[0], :: stride[1]], (1, 1)
        return F.conv2d(_pixel_by_pixel(x), weight, bias, stride, self.padding, self.dilation, groups)


class MaxPool2d(nn.MaxPool2d):
    """The largest number of each window, of images (rows, channels, height, width) or members of them."""

    knows_members = True

    def forward(self, x: Tensor) -> Tensor:
        """(..., height, width) to the number of whole windows in each direction."""
        if x.dim() == 4:
            pooled: Tensor = super().forward(x)
            return pooled
        return unfold(super().forward(fold(x)), len(x))


class AvgPool2d(nn.AvgPool2d):
    """The mean of each window, of images (rows, channels, height, width) or members of them."""

    knows_members = True

    def forward(self, x: Tensor) -> Tensor:
        """(..., height, width) to the number of whole windows in each direction."""
        if x.dim() == 4:
            return super().forward(x)
        return unfold(super().forward(fold(x)), len(x))


def averaged(x: Tensor) -> Tensor:
    """The mean over the pixels of each channel, (..., channels, height, width) to (..., channels).

    Source: Lin, Chen and Yan, "Network in network", ICLR 2014, section 3.2.
    """
    return x.flatten(-2).contiguous().mean(-1)  # side by side: the order of a sum depends on how its numbers lie
