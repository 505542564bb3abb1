"""Residual multi-layer perceptron: every hidden layer adds to what came in."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from eksplora.model._branch import added, scale_of_branches
from eksplora.model._layers import activations, dense, last_activation
from eksplora.model._normalization import Normalization
from eksplora.model._values import per_layer, rate, sizes
from eksplora.model.dropout import KINDS
from eksplora.model.linear import Linear, chain
from eksplora.ranges import check_choice, check_count


class Residual(nn.Module):
    """Layers whose output is added to their input: h + scale * layers(h), or a projection of h where the widths differ.

    Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, equations 1 and 2, which
    have no scale.
    """

    knows_members = True

    def __init__(self, layers: nn.Module, inputs: int, outputs: int, scale: float) -> None:
        super().__init__()
        self.layers, self.scale = layers, scale
        self.skip = nn.Identity() if inputs == outputs else Linear(inputs, outputs, bias=False)

    def forward(self, h: Tensor) -> Tensor:
        """(rows, inputs) to (rows, outputs), or members of both."""
        return added(self.skip(h), chain(list(self.layers.children()), h), self.scale)


class MLPResidual(nn.Module):
    """Hidden layers h -> skip(h) + scale * dropout(activation(normalization(linear(h)))), then a linear output.

    The skip is the identity where a layer is as wide as the one before, otherwise a linear projection without bias.
    Weights are torch's own draw until a function of `eksplora.initialization` has set them. Source: He et al. 2016 (see
    `Residual`); for tables: Gorishniy, Rubachev, Khrulkov and Babenko, "Revisiting deep learning models for tabular
    data", NeurIPS 2021, whose blocks have two linear maps each.

    Without normalization the scale is 1 / hidden layers, so that signals do not blow up with depth. Source: see
    `scale_of_branches`.

    Args:
        input_shape: Shape of one example; it is flattened.
        num_outputs: Numbers that come out per example.
        widths: Units of each hidden layer; equal ones need no projection.
        activation: Name for all hidden layers, or one per hidden layer.
        activation_parameter: The number of the activations that take one; None: their default.
        output_activation: Name for the last layer; `identity` gives raw scores (logits).
        normalization: `none`; or `batch`, `group`, `layer`: of each hidden layer.
        normalization_place: `before` the activation, whose linear map then has no bias of its own; or `after` it.
        groups: Of group normalization; it divides all widths.
        dropout: Fraction in [0, 1) of a hidden layer's units that training drops before they are added, for all layers
            or one per layer.
        dropout_kind: `standard`; or `alpha`, which keeps mean and variance of SELU's outputs.
        branch_scale: What a layer adds is multiplied by this; None: by 1 / hidden layers, or by 1 with normalization.

    Raises:
        ConfigError: If a size, a name, a number, a rate or the length of a list is wrong, or alpha dropout follows
            another function than SELU; it names the key.

    Examples:
        >>> network = MLPResidual(
        ...     input_shape=[13],
        ...     num_outputs=1,
        ...     widths=[32, 32],
        ...     activation="relu",
        ...     activation_parameter=None,
        ...     output_activation="identity",
        ...     normalization="none",
        ...     normalization_place="before",
        ...     groups=8,
        ...     dropout=0.0,
        ...     dropout_kind="standard",
        ... )
        >>> sum(p.numel() for p in network.parameters())  # 13 * 32 + 32, a skip of 13 * 32, 32 * 32 + 32, 32 + 1
        1953
    """

    knows_members = True

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_outputs: int,
        widths: Sequence[int],
        activation: str | Sequence[str],
        activation_parameter: float | None,
        output_activation: str,
        normalization: str,
        normalization_place: str,
        groups: int,
        dropout: float | Sequence[float],
        dropout_kind: str,
        # configurations recorded by earlier versions do not have the keys from here on
        branch_scale: float | None = 1.0,
    ) -> None:
        super().__init__()
        inputs = prod(sizes(input_shape, "model.input_shape"))
        units = sizes(widths, "model.widths")
        functions = activations(activation, len(units), activation_parameter)
        rates = per_layer(dropout, len(units), "model.dropout", rate)
        norm = Normalization.of(normalization, normalization_place, groups)
        layers = dense(inputs, units, functions, rates, norm, kind=check_choice(dropout_kind, "dropout.kind", KINDS))
        scale = scale_of_branches(branch_scale, len(units), norm, has_mean=True)
        ends = pairwise([inputs, *units])
        self.hidden = nn.Sequential(*(Residual(layer, *own, scale) for layer, own in zip(layers, ends, strict=True)))
        self.output = Linear([inputs, *units][-1], check_count(num_outputs, "model.num_outputs"))
        self.output_activation = last_activation(output_activation)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (rows, num_outputs) of examples (rows, *input_shape), or members of both."""
        x = x.flatten(self.output.weight.dim() - 1)  # (rows, features); of members (members, rows, features)
        scores: Tensor = self.output_activation(self.output(self.hidden(x)))
        return scores
