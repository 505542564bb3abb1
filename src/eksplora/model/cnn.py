"""Convolutional network: images to scores through convolution blocks and dense layers.

Shapes: (rows, channels, height, width); sizes of images, kernels and pools are in pixels a side.
"""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from eksplora.errors import ConfigError, nearest
from eksplora.model._activations import ACTIVATIONS, NON_DECREASING
from eksplora.model._layers import (
    activation_name,
    dense,
    dense_layers,
    is_list,
    normalization_name,
    normalizations,
    per_layer,
    positive,
    rate,
    sizes,
)
from eksplora.model._linear import Linear, chain
from eksplora.model._members import Conv2d, MaxPool2d, flattened

PADDINGS = ("same", "valid")


def _image_shape(value: Sequence[int]) -> tuple[int, int, int]:
    """The checked (channels, height, width)."""
    shape = sizes(value, "model.input_shape")
    if len(shape) != 3:
        raise ConfigError(
            f"model.input_shape must be (channels, height, width), got {shape}. Choose data of images, or model=mlp."
        )
    return shape[0], shape[1], shape[2]


def _filters(value: Sequence[int]) -> list[int]:
    """The checked filters of each block."""
    filters = sizes(value, "model.filters")
    if not filters:
        raise ConfigError("model.filters must have an entry for each block, got []. Give one or more, or model=mlp.")
    return filters


def _check_fits(block: int, what: str, side: int, shape: tuple[int, int, int]) -> None:
    """Refuse a kernel or pool that is larger than the image it slides over."""
    height, width = shape[1:]
    if side > min(height, width):
        raise ConfigError(
            f"model.{what}: block {block} has a {side}x{side} {what} on an input of {height}x{width} pixels. "
            f"Give a smaller model.{what}, fewer blocks or model.padding=same."
        )


def _convolution(channels: int, filters: int, kernel: int, padding: str, normalization: str) -> list[nn.Module]:
    """The convolution, before it the zeros that `same` needs, after it the normalization, which replaces the bias."""
    normal = normalizations(normalization, filters)
    if padding == "same" and kernel % 2 == 0:  # torch pads this case alike, but warns and copies at every call
        before, after = (kernel - 1) // 2, kernel // 2
        zeros = nn.ZeroPad2d((before, after, before, after))
        return [zeros, Conv2d(channels, filters, kernel, bias=not normal), *normal]
    side = kernel // 2 if padding == "same" else 0
    return [Conv2d(channels, filters, kernel, padding=side, bias=not normal), *normal]


def _activation_and_pool(activation: str, pool: int) -> list[nn.Module]:
    """The activation, then the pooling if windows are larger than one pixel; or the pooling first where it may be.

    The largest value of a window is the value of its largest number if the activation never decreases; it then has only
    one number of each window to work on. Gradients are the same except where the activation's rounding makes
    different numbers of a window equal: that of the true largest gets the gradient then, not the first of them.
    """
    pools = [MaxPool2d(pool)] if pool > 1 else []
    function = ACTIVATIONS[activation]()
    return [*pools, function] if activation in NON_DECREASING else [function, *pools]


def _blocks(
    shape: tuple[int, int, int],
    filters: Sequence[int],
    kernels: Sequence[int],
    pools: Sequence[int],
    padding: str,
    activations: Sequence[str],
    normalization: str,
) -> tuple[nn.Sequential, int]:
    """The blocks, and how many numbers per image come out of the last one."""
    blocks = nn.Sequential()
    layers = zip(filters, kernels, pools, activations, strict=True)
    for number, (count, kernel, pool, activation) in enumerate(layers, 1):
        block = nn.Sequential(*_convolution(shape[0], count, kernel, padding, normalization))
        blocks.append(block.extend(_activation_and_pool(activation, pool)))
        shape = _shape_after(number, shape, count, kernel, pool, padding)
    return blocks, prod(shape)


def _shape_after(
    number: int, shape: tuple[int, int, int], filters: int, kernel: int, pool: int, padding: str
) -> tuple[int, int, int]:
    """What comes out of a block, once it is clear that its kernel and pool fit."""
    _, height, width = shape
    if padding == "valid":
        _check_fits(number, "kernel", kernel, shape)
        height, width = height - kernel + 1, width - kernel + 1
    _check_fits(number, "pool", pool, (filters, height, width))
    return filters, height // pool, width // pool


class CNN(nn.Module):
    """Blocks of convolution, normalization, activation and max pooling; then dense layers; then the output.

    A dense layer is a linear map, normalization, activation and dropout.
    Convolutions have stride 1; pooling has its own size as stride and drops what does not fill a window.
    Weights are torch's own draw until a function of `eksplora.initialization` has set them.

    Args:
        input_shape: (channels, height, width) of one image.
        num_outputs: Numbers that come out per image.
        filters: Output channels of each block; at least one block.
        kernel: Pixels a side of the convolution, for all blocks or one per block.
        pool: Pixels a side of the max pooling, for all blocks or one per block; 1 for none.
        padding: `valid` (none: a kernel k shrinks the image by k - 1) or `same` (zeros keep the size; for an even
            kernel the odd row and column of zeros are at the bottom and right, as in Keras).
        activation: Name for all layers; or a list with one per block and then one per hidden layer.
        hidden_units: Units of each dense layer between the blocks and the output; a number is one layer.
        dropout: Fraction in [0, 1] of a dense layer's units that training zeroes, for all dense layers or one each.
        normalization: `none`, or `batch`: batch normalization after each convolution and each dense layer's linear map,
            which then have no biases of their own.
        output_activation: Name for the last layer; `identity` gives raw scores (logits).

    Raises:
        ConfigError: If a size, a name, a rate or the length of a list is wrong, or a kernel or pool is larger than
            what it is applied to; it names the key.

    Examples:
        >>> network = CNN(
        ...     input_shape=[1, 8, 8],
        ...     num_outputs=10,
        ...     filters=[4],
        ...     kernel=3,
        ...     pool=2,
        ...     padding="valid",
        ...     activation="relu",
        ...     hidden_units=[16],
        ...     dropout=0.0,
        ...     output_activation="identity",
        ... )
        >>> sum(p.numel() for p in network.parameters())  # 3*3*1*4 + 4, then 3*3*4*16 + 16, then 16*10 + 10
        802
    """

    knows_members = True

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_outputs: int,
        filters: Sequence[int],
        kernel: int | Sequence[int],
        pool: int | Sequence[int],
        padding: str,
        activation: str | Sequence[str],
        hidden_units: int | Sequence[int],
        dropout: float | Sequence[float],
        output_activation: str,
        normalization: str = "none",  # configurations recorded by the first version do not have the key
    ) -> None:
        super().__init__()
        shape = _image_shape(input_shape)
        channels = _filters(filters)
        count = len(channels)
        units = sizes(hidden_units if is_list(hidden_units) else [hidden_units], "model.hidden_units")
        names = per_layer(activation, count + len(units), "model.activation", activation_name)
        kernels = per_layer(kernel, count, "model.kernel", positive)
        pools = per_layer(pool, count, "model.pool", positive)
        rates = per_layer(dropout, len(units), "model.dropout", rate)
        norm = normalization_name(normalization)
        if padding not in PADDINGS:
            raise ConfigError(f"model.padding: unknown padding {padding!r}. {nearest(str(padding), PADDINGS)}")
        self.blocks, features = _blocks(shape, channels, kernels, pools, padding, names[:count], norm)
        self.hidden = dense(features, units, names[count:], rates, norm)
        self.output = Linear([features, *units][-1], positive(num_outputs, "model.num_outputs"))
        self.output_activation = ACTIVATIONS[activation_name(output_activation, "model.output_activation")]()

    def forward(self, x: Tensor) -> Tensor:
        """Scores (rows, num_outputs) of images (rows, channels, height, width), or members of both.

        Images may have any memory format.
        """
        x = self.blocks(x)  # (rows, filters, height, width) of the last block
        x = flattened(x)  # (rows, features)
        scores: Tensor = self.output_activation(chain([*dense_layers(self.hidden), self.output], x))
        return scores
