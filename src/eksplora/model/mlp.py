"""Multi-layer perceptron: features to scores through hidden layers of given widths."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from eksplora.model._layers import activations, dense, dense_layers, last_activation
from eksplora.model._normalization import Normalization
from eksplora.model._values import per_layer, rate, sizes
from eksplora.model.dropout import KINDS
from eksplora.model.linear import Linear, chain
from eksplora.ranges import check_choice, check_count


class MLP(nn.Module):
    """Linear layers with normalization, an activation and dropout after each hidden one.

    h_i = activation(W_i h_(i-1) + b_i), without normalization. Weights are torch's own draw until a function of
    `eksplora.initialization` has set them. Source: Rumelhart, Hinton and Williams, "Learning representations by
    back-propagating errors", Nature 323, 1986.

    Args:
        input_shape: Shape of one example; it is flattened.
        num_outputs: Numbers that come out per example.
        widths: Units of each hidden layer; empty for a linear model.
        activation: Name for all hidden layers, or one per hidden layer.
        output_activation: Name for the last layer; `identity` gives raw scores (logits).
        dropout: Fraction in [0, 1) of a hidden layer's units that training zeroes, for all layers or one per layer.
        normalization: `none`; or `batch`, `group`, `layer`: of each hidden layer.
        normalization_place: `before` the activation, whose linear map then has no bias of its own; or `after` it.
        groups: Of group normalization; it divides all widths.
        activation_parameter: The number of the activations that take one; None: their default.
        dropout_kind: `standard`; or `alpha`, which keeps mean and variance of SELU's outputs.

    Raises:
        ConfigError: If a size, a name, a number, a rate or the length of a list is wrong, or alpha dropout follows
            another function than SELU; it names the key.

    Examples:
        >>> network = MLP(
        ...     input_shape=[13],
        ...     num_outputs=1,
        ...     widths=[32],
        ...     activation="relu",
        ...     output_activation="identity",
        ...     dropout=0.0,
        ... )
        >>> sum(p.numel() for p in network.parameters())  # 13 * 32 + 32 + 32 * 1 + 1
        481
    """

    knows_members = True

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_outputs: int,
        widths: Sequence[int],
        activation: str | Sequence[str],
        output_activation: str,
        dropout: float | Sequence[float],
        # configurations recorded by earlier versions do not have the keys from here on
        normalization: str = "none",
        normalization_place: str = "before",
        groups: int = 8,
        activation_parameter: float | None = None,
        dropout_kind: str = "standard",
    ) -> None:
        super().__init__()
        inputs = prod(sizes(input_shape, "model.input_shape"))
        units = sizes(widths, "model.widths")
        functions = activations(activation, len(units), activation_parameter)
        rates = per_layer(dropout, len(units), "model.dropout", rate)
        norm = Normalization.of(normalization, normalization_place, groups)
        kind = check_choice(dropout_kind, "dropout.kind", KINDS)
        self.hidden = dense(inputs, units, functions, rates, norm, kind=kind)
        self.output = Linear([inputs, *units][-1], check_count(num_outputs, "model.num_outputs"))
        self.output_activation = last_activation(output_activation)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (rows, num_outputs) of examples (rows, *input_shape), or members of both."""
        x = x.flatten(self.output.weight.dim() - 1)  # (rows, features); of members (members, rows, features)
        scores: Tensor = self.output_activation(chain([*dense_layers(self.hidden), self.output], x))
        return scores
