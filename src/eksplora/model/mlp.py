"""Multi-layer perceptron: features to scores through hidden layers of given widths."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from eksplora.model._activations import ACTIVATIONS
from eksplora.model._layers import (
    activation_name,
    dense,
    dense_layers,
    normalization_name,
    per_layer,
    positive,
    rate,
    sizes,
)
from eksplora.model._linear import Linear, chain


class MLP(nn.Module):
    """Linear layers with normalization, an activation and dropout, in this order, after each hidden one.

    Weights are torch's own draw until a function of `eksplora.initialization` has set them.

    Args:
        input_shape: Shape of one example; it is flattened.
        num_outputs: Numbers that come out per example.
        widths: Units of each hidden layer; empty for a linear model.
        activation: Name for all hidden layers, or one per hidden layer.
        output_activation: Name for the last layer; `identity` gives raw scores (logits).
        dropout: Fraction in [0, 1] of a hidden layer's units that training zeroes, for all layers or one per layer.
        normalization: `none`, or `batch`: batch normalization after each hidden layer's linear map, which then has no
            bias of its own.

    Raises:
        ConfigError: If a size, a name, a rate or the length of a list is wrong; it names the key.

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
        normalization: str = "none",  # configurations recorded by the first version do not have the key
    ) -> None:
        super().__init__()
        inputs = prod(sizes(input_shape, "model.input_shape"))
        units = sizes(widths, "model.widths")
        names = per_layer(activation, len(units), "model.activation", activation_name)
        rates = per_layer(dropout, len(units), "model.dropout", rate)
        self.hidden = dense(inputs, units, names, rates, normalization_name(normalization))
        self.output = Linear([inputs, *units][-1], positive(num_outputs, "model.num_outputs"))
        self.output_activation = ACTIVATIONS[activation_name(output_activation, "model.output_activation")]()

    def forward(self, x: Tensor) -> Tensor:
        """Scores (rows, num_outputs) of examples (rows, *input_shape), or members of both."""
        x = x.flatten(self.output.weight.dim() - 1)  # (rows, features); of members (members, rows, features)
        scores: Tensor = self.output_activation(chain([*dense_layers(self.hidden), self.output], x))
        return scores
