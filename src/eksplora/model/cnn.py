"""Convolutional network: images to scores through convolution blocks and dense layers.

Shapes: (batch, channels, height, width); sizes of images, kernels and pools are in pixels a side.
"""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from eksplora.errors import ConfigError, nearest
from eksplora.model._layers import ACTIVATIONS, activation_name, dense, is_list, per_layer, positive, rate, sizes

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


def _convolution(channels: int, filters: int, kernel: int, padding: str) -> list[nn.Module]:
    """The convolution, and before it the zeros that `same` needs."""
    if padding == "same" and kernel % 2 == 0:  # torch pads this case alike, but warns and copies at every call
        before, after = (kernel - 1) // 2, kernel // 2
        return [nn.ZeroPad2d((before, after, before, after)), nn.Conv2d(channels, filters, kernel)]
    return [nn.Conv2d(channels, filters, kernel, padding=kernel // 2 if padding == "same" else 0)]


def _blocks(
    shape: tuple[int, int, int],
    filters: Sequence[int],
    kernels: Sequence[int],
    pools: Sequence[int],
    padding: str,
    activations: Sequence[str],
) -> tuple[nn.Sequential, int]:
    """The blocks, and how many numbers per image come out of the last one."""
    blocks = nn.Sequential()
    layers = zip(filters, kernels, pools, activations, strict=True)
    for number, (count, kernel, pool, activation) in enumerate(layers, 1):
        block = nn.Sequential(*_convolution(shape[0], count, kernel, padding), ACTIVATIONS[activation]())
        if padding == "valid":
            _check_fits(number, "kernel", kernel, shape)
            shape = (count, shape[1] - kernel + 1, shape[2] - kernel + 1)
        else:
            shape = (count, shape[1], shape[2])
        if pool > 1:
            _check_fits(number, "pool", pool, shape)
            block.append(nn.MaxPool2d(pool))
            shape = (count, shape[1] // pool, shape[2] // pool)
        blocks.append(block)
    return blocks, prod(shape)


class CNN(nn.Module):
    """Blocks of convolution, activation and max pooling; then dense layers with dropout; then the output.

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
        if padding not in PADDINGS:
            raise ConfigError(f"model.padding: unknown padding {padding!r}. {nearest(str(padding), PADDINGS)}")
        self.blocks, features = _blocks(shape, channels, kernels, pools, padding, names[:count])
        self.hidden = dense(features, units, names[count:], rates)
        self.output = nn.Linear([features, *units][-1], positive(num_outputs, "model.num_outputs"))
        self.output_activation = ACTIVATIONS[activation_name(output_activation, "model.output_activation")]()

    def forward(self, x: Tensor) -> Tensor:
        """Scores (batch, num_outputs) of images (batch, channels, height, width), in any memory format."""
        x = self.blocks(x)  # (batch, filters, height, width) of the last block
        x = x.flatten(1)  # (batch, features), channel by channel
        scores: Tensor = self.output_activation(self.output(self.hidden(x)))
        return scores
