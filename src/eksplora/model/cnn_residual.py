"""Residual convolutional network for small images: stages of basic blocks, global average pooling.

Shapes: (rows, channels, height, width), in pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.model._branch import added, scale_of_branches
from eksplora.model._gain import gain_before
from eksplora.model._images import Conv2d, averaged
from eksplora.model._layers import activations, last_activation
from eksplora.model._normalization import Normalization
from eksplora.model._values import filters_of, image_shape, per_layer, rate
from eksplora.model.activations import Activation
from eksplora.model.dropout import KINDS, dropouts
from eksplora.model.linear import Linear
from eksplora.ranges import check_choice, check_count


@dataclass(frozen=True)
class _Style:
    """Settings that the convolutions of a block share.

    Attributes:
        function: The activation.
        normalization: Right after each convolution, which then has no bias of its own.
        scale: What the block's branch is multiplied by.
    """

    function: Activation
    normalization: Normalization
    scale: float

    def convolution(
        self, channels: int, filters: int, stage: int, pixels: int, *, kernel: int = 3, stride: int = 1
    ) -> list[nn.Module]:
        """A convolution padded with zeros, and its normalization, in a stage (from 0) of images of so many pixels."""
        has_bias = not self.normalization.replaces_bias
        layer = Conv2d(channels, filters, kernel, stride=stride, padding=kernel // 2, bias=has_bias)
        layer.gain = gain_before(self.function) if kernel > 1 else None  # a projection keeps what it is given
        return [layer, *self.normalization.layers(filters, f"model.filters[{stage}]", pixels)]


class BasicBlock(nn.Module):
    """Two convolutions whose output is added to what came in: activation(skip(x) + scale * branch(x)).

    Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, figures 2 and 5 (left),
    option B for the skip; they have no scale.
    """

    knows_members = True

    def __init__(self, branch: nn.Module, skip: nn.Module, function: nn.Module, scale: float) -> None:
        super().__init__()
        self.branch, self.skip, self.function, self.scale = branch, skip, function, scale

    def forward(self, x: Tensor) -> Tensor:
        """(rows, channels, height, width) to (rows, filters, ...), or members of both."""
        y: Tensor = self.function(added(self.skip(x), self.branch(x), self.scale))
        return y


def _block(style: _Style, channels: int, filters: int, stage: int, pixels: int, *, halves: bool) -> BasicBlock:
    """A block whose outputs have so many pixels; one that halves the image has a projection as skip."""
    stride = 2 if halves else 1
    branch = nn.Sequential(
        *style.convolution(channels, filters, stage, pixels, stride=stride),
        style.function.layer(),
        *style.convolution(filters, filters, stage, pixels),
    )
    # Option B of the paper: a 1x1 convolution where shapes differ.
    skip = style.convolution(channels, filters, stage, pixels, kernel=1, stride=stride) if halves else []
    return BasicBlock(branch, nn.Sequential(*skip), style.function.layer(), style.scale)


def _stages(
    styles: Iterator[_Style], filters: Sequence[int], blocks: Sequence[int], height: int, width: int
) -> nn.Sequential:
    """The stages, for images of this size; each later one halves it, up. Every block takes the next style.

    Raises:
        ConfigError: If an image cannot be halved so often.
    """
    stages, channels = nn.Sequential(), filters[0]
    for stage, (own, count) in enumerate(zip(filters, blocks, strict=True)):
        if stage and min(height, width) < 2:
            raise ConfigError(
                f"model.filters has {len(filters)} stages, but stage {stage + 1} would halve an image of "
                f"{height}x{width} pixels. Give at most {stage} entries."
            )
        # A stride of 2 takes every other pixel, the first one included.
        height, width = ((height + 1) // 2, (width + 1) // 2) if stage else (height, width)
        made = nn.Sequential()
        for index in range(count):
            made.append(_block(next(styles), channels, own, stage, height * width, halves=bool(stage) and not index))
            channels = own
        stages.append(made)
    return stages


def _last_dropout(fraction: float, kind: str, function: Activation) -> list[nn.Module]:
    """Dropout, if any, of averages.

    Raises:
        ConfigError: If it is alpha dropout.
    """
    if check_choice(kind, "dropout.kind", KINDS) == "alpha" and fraction > 0:
        raise ConfigError(
            "dropout.kind=alpha does not go with model=cnn_residual: its dropout follows a mean over pixels, and the "
            "values that it sets suit SELU's outputs only. Choose dropout.kind=standard."
        )
    return dropouts(fraction, "standard", function)


class CNNResidual(nn.Module):
    """A 3x3 convolution, stages of basic blocks, the mean over all pixels, dropout, the output.

    The first block of every stage but the first halves height and width, by a stride of 2. Convolutions are padded with
    zeros. Weights are torch's own draw until a function of `eksplora.initialization` has set them. Source: He et al.
    2016 (see `BasicBlock`), section 4.2, the networks for CIFAR-10.

    Without normalization the branches' scale is 1 / sqrt(blocks of all stages), so that signals do not blow up with
    depth. Source: see `scale_of_branches`.

    Args:
        input_shape: (channels, height, width) of one image.
        num_outputs: Numbers that come out per image.
        filters: Output channels of each stage; the first convolution has those of the first.
        blocks: Basic blocks of each stage, for all or one per stage.
        activation: Name for all layers; or a list with one for the first convolution and then one per block.
        activation_parameter: The number of the activations that take one; None: their default.
        normalization: Right after each convolution, which then has no bias of its own: `batch`, `group`, `layer`; or
            `none`.
        groups: Of group normalization; it divides all filters.
        dropout: Fraction in [0, 1) of the averages that training zeroes before the output.
        dropout_kind: `standard`; averages are not SELU's outputs, so `alpha` does not suit them.
        output_activation: Name for the last layer; `identity` gives raw scores (logits).
        branch_scale: What a block adds is multiplied by this; None: by 1 / sqrt(blocks), or by 1 with normalization.

    Raises:
        ConfigError: If a size, a name, a number, a rate or the length of a list is wrong, or the image is too small for
            so many stages; it names the key.

    Examples:
        >>> network = CNNResidual(
        ...     input_shape=[1, 8, 8],
        ...     num_outputs=10,
        ...     filters=[4],
        ...     blocks=1,
        ...     activation="relu",
        ...     activation_parameter=None,
        ...     normalization="batch",
        ...     groups=8,
        ...     dropout=0.0,
        ...     dropout_kind="standard",
        ...     output_activation="identity",
        ... )
        >>> sum(p.numel() for p in network.parameters())  # 3*3*4 + 2*4, twice 3*3*4*4 + 2*4, 4*10 + 10
        398
    """

    knows_members = True
    takes_alpha_dropout = False

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_outputs: int,
        filters: Sequence[int],
        blocks: int | Sequence[int],
        activation: str | Sequence[str],
        activation_parameter: float | None,
        normalization: str,
        groups: int,
        dropout: float,
        dropout_kind: str,
        output_activation: str,
        # configurations recorded by earlier versions do not have the keys from here on
        branch_scale: float | None = 1.0,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape(input_shape)
        own = filters_of(filters, "stage")
        counts = per_layer(blocks, len(own), "model.blocks", check_count)
        functions = activations(activation, 1 + sum(counts), activation_parameter)
        norm = Normalization.of(normalization, "before", groups)
        scale = scale_of_branches(branch_scale, sum(counts), norm, has_mean=False)
        first, *others = [_Style(function, norm, scale) for function in functions]
        self.stem = nn.Sequential(*first.convolution(channels, own[0], 0, height * width), first.function.layer())
        self.stages = _stages(iter(others), own, counts, height, width)
        self.dropout = nn.Sequential(*_last_dropout(rate(dropout, "model.dropout"), dropout_kind, functions[-1]))
        self.output = Linear(own[-1], check_count(num_outputs, "model.num_outputs"))
        self.output_activation = last_activation(output_activation)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (rows, num_outputs) of images (rows, channels, height, width), or members of both."""
        x = averaged(self.stages(self.stem(x)))  # (rows, filters) of the last stage
        scores: Tensor = self.output_activation(self.output(self.dropout(x)))
        return scores
