"""Convolutional network: images to scores through convolution blocks and dense layers.

Shapes: (rows, channels, height, width); sizes of images, kernels and pools are in pixels a side.
"""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from eksplora.model._block import PADDINGS, POOLINGS, ConvBlock
from eksplora.model._images import flattened
from eksplora.model._layers import activations, dense, dense_layers, last_activation
from eksplora.model._normalization import Normalization
from eksplora.model._values import filters_of, image_shape, is_list, per_layer, rate, sizes
from eksplora.model.dropout import KINDS
from eksplora.model.linear import Linear, chain
from eksplora.ranges import check_choice, check_count


class CNN(nn.Module):
    """Blocks of convolution, normalization, activation, pooling and dropout; then dense layers; then the output.

    A dense layer is a linear map, normalization, activation and dropout.
    Convolutions have stride 1; pooling has its own size as stride and drops what does not fill a window.
    Weights are torch's own draw until a function of `eksplora.initialization` has set them. Source: LeCun, Bottou,
    Bengio and Haffner, "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86, 1998,
    section II.

    Args:
        input_shape: (channels, height, width) of one image.
        num_outputs: Numbers that come out per image.
        filters: Output channels of each block; at least one block.
        kernel: Pixels a side of the convolution, for all blocks or one per block.
        pool: Pixels a side of the pooling, for all blocks or one per block; 1 for none.
        padding: `valid` (none: a kernel k shrinks the image by k - 1) or `same` (zeros keep the size; for an even
            kernel the odd row and column of zeros are at the bottom and right, as in Keras).
        activation: Name for all layers; or a list with one per block and then one per hidden layer.
        hidden_units: Units of each dense layer between the blocks and the output; a number is one layer.
        dropout: Fraction in [0, 1) of a dense layer's units that training zeroes, for all dense layers or one each.
        output_activation: Name for the last layer; `identity` gives raw scores (logits).
        normalization: `none`; or `batch`, `group`, `layer`: of each block and each dense layer.
        normalization_place: `before` the activation, whose convolution or linear map then has no bias of its own; or
            `after` it, and after the pooling.
        groups: Of group normalization; it divides all filters and hidden units.
        activation_parameter: The number of the activations that take one; None: their default.
        dropout_kind: Of the dense layers' dropout: `standard`; or `alpha`, which keeps mean and variance of SELU's
            outputs.
        block_dropout: Fraction in [0, 1) of a block's numbers that training zeroes, for all blocks or one per block.
        pooling: `max` or `average`.

    Raises:
        ConfigError: If a size, a name, a number, a rate or the length of a list is wrong, a kernel or pool is larger
            than what it is applied to, or alpha dropout follows another function than SELU; it names the key.

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
        # configurations recorded by earlier versions do not have the keys from here on
        normalization: str = "none",
        normalization_place: str = "before",
        groups: int = 8,
        activation_parameter: float | None = None,
        dropout_kind: str = "standard",
        block_dropout: float | Sequence[float] = 0.0,
        pooling: str = "max",
    ) -> None:
        super().__init__()
        shape = image_shape(input_shape)
        channels = filters_of(filters, "block")
        count = len(channels)
        units = sizes(hidden_units if is_list(hidden_units) else [hidden_units], "model.hidden_units")
        functions = activations(activation, count + len(units), activation_parameter)
        norm = Normalization.of(normalization, normalization_place, groups)
        check_choice(padding, "model.padding", PADDINGS)
        common = padding, check_choice(pooling, "model.pooling", POOLINGS), norm
        each = zip(
            channels,
            per_layer(kernel, count, "model.kernel", check_count),
            per_layer(pool, count, "model.pool", check_count),
            functions[:count],
            per_layer(block_dropout, count, "model.block_dropout", rate),
            strict=True,
        )
        self.blocks = nn.Sequential()
        for block in (ConvBlock(number, *own, *common) for number, own in enumerate(each)):
            self.blocks.append(block.layers(shape))
            # The next block's input.
            shape = block.pooled(shape)
        self.hidden = dense(
            prod(shape),
            units,
            functions[count:],
            per_layer(dropout, len(units), "model.dropout", rate),
            norm,
            kind=check_choice(dropout_kind, "dropout.kind", KINDS),
            key="model.hidden_units",
        )
        self.output = Linear([prod(shape), *units][-1], check_count(num_outputs, "model.num_outputs"))
        self.output_activation = last_activation(output_activation)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (rows, num_outputs) of images (rows, channels, height, width), or members of both.

        Images may have any memory format.
        """
        x = self.blocks(x)  # (rows, filters, height, width) of the last block
        x = flattened(x)  # (rows, features)
        scores: Tensor = self.output_activation(chain([*dense_layers(self.hidden), self.output], x))
        return scores
