"""The blocks of a plain convolutional network.

Shapes: (rows, channels, height, width); sizes of images, kernels and pools are in pixels a side.
"""

from dataclasses import dataclass

from torch import nn

from eksplora.errors import ConfigError
from eksplora.model._gain import gain_before
from eksplora.model._images import AvgPool2d, Conv2d, MaxPool2d
from eksplora.model._normalization import Normalization
from eksplora.model.activations import NON_DECREASING, Activation
from eksplora.model.dropout import dropouts

PADDINGS = ("same", "valid")
POOLINGS: dict[str, type[nn.Module]] = {"max": MaxPool2d, "average": AvgPool2d}

Shape = tuple[int, int, int]
"""(channels, height, width)"""


@dataclass(frozen=True)
class ConvBlock:
    """One block: a convolution, normalization, activation, pooling, dropout; its values are checked.

    Attributes:
        number: Its index, from 0.
        filters: Output channels.
        kernel: Pixels a side of the convolution.
        pool: Pixels a side of the pooling; 1: none.
        function: The activation.
        rate: Fraction of the numbers that training drops at the end.
        padding: `valid` or `same`.
        pooling: `max` or `average`.
        normalization: Before the activation, or at the end, before the dropout.
    """

    number: int
    filters: int
    kernel: int
    pool: int
    function: Activation
    rate: float
    padding: str
    pooling: str
    normalization: Normalization

    def layers(self, shape: Shape) -> nn.Sequential:
        """The layers for images of this shape.

        Raises:
            ConfigError: If kernel or pool are larger than what they slide over, or groups do not divide the filters.
        """
        convolved, pooled = self._convolved(shape), self.pooled(shape)
        _, height, width = convolved if self.normalization.place == "before" else pooled
        normal = self.normalization.layers(self.filters, f"model.filters[{self.number}]", height * width)
        parts = self.normalization.arranged(normal, self._activation_and_pool())
        return nn.Sequential(*self._convolution(shape[0]), *parts, *dropouts(self.rate, "standard", self.function))

    def pooled(self, shape: Shape) -> Shape:
        """Output shape of the block, after a check that its kernel and pool fit."""
        filters, height, width = self._convolved(shape)
        self._check_fits("pool", self.pool, height, width)
        return filters, height // self.pool, width // self.pool

    def _convolved(self, shape: Shape) -> Shape:
        _, height, width = shape
        if self.padding == "same":
            return self.filters, height, width
        self._check_fits("kernel", self.kernel, height, width)
        return self.filters, height - self.kernel + 1, width - self.kernel + 1

    def _check_fits(self, what: str, side: int, height: int, width: int) -> None:
        """Refuse a kernel or pool that is larger than the image it slides over."""
        if side > min(height, width):
            raise ConfigError(
                f"model.{what}: block {self.number + 1} has a {side}x{side} {what} on an input of {height}x{width} "
                f"pixels. Give a smaller model.{what}, fewer blocks or model.padding=same."
            )

    def _convolution(self, channels: int) -> list[nn.Module]:
        """The convolution, before it the zeros that `same` needs; a normalization right after it replaces the bias."""
        is_uneven = self.padding == "same" and self.kernel % 2 == 0
        side = self.kernel // 2 if self.padding == "same" and not is_uneven else 0
        # The normalization has an offset of its own.
        has_bias = not self.normalization.replaces_bias
        convolution = Conv2d(channels, self.filters, self.kernel, padding=side, bias=has_bias)
        convolution.gain = gain_before(self.function)
        if not is_uneven:
            return [convolution]
        # An even kernel has no middle: one zero more on the right and below, as torch has it.
        before, after = (self.kernel - 1) // 2, self.kernel // 2
        # torch pads this case alike, but warns and copies at every call
        return [nn.ZeroPad2d((before, after, before, after)), convolution]

    def _activation_and_pool(self) -> list[nn.Module]:
        """The activation, then the pooling if windows are larger than one pixel; or the pooling first where it may be.

        The largest value of a window is the value of its largest number if the activation never decreases; it then has
        only one number of each window to work on. Gradients are the same except where the activation's rounding makes
        different numbers of a window equal: that of the true largest gets the gradient then, not the first of them.
        """
        pools = [POOLINGS[self.pooling](self.pool)] if self.pool > 1 else []
        if self.pooling == "max" and self.function.name in NON_DECREASING:
            return [*pools, self.function.layer()]
        return [self.function.layer(), *pools]
