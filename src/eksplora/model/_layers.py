"""Hidden layers as the networks share them: a map, its normalization, its activation, dropout."""

from collections.abc import Sequence

from torch import nn

from eksplora.errors import ConfigError
from eksplora.model._gain import gain_before
from eksplora.model._normalization import Normalization
from eksplora.model._values import is_list, per_layer
from eksplora.model.activations import ACTIVATIONS, Activation, activation_number
from eksplora.model.dropout import dropouts
from eksplora.model.linear import Linear
from eksplora.ranges import check_choice


def activations(value: object, count: int, parameter: object) -> list[Activation]:
    """The activation of each of `count` layers, from a name for all or a list, and a number for those that take one.

    Raises:
        ConfigError: If a name is unknown, a list has another length, or no function takes the number as it is.
    """
    names = per_layer(value, count, "model.activation", _checked_name)
    if parameter is None:
        return [Activation(name) for name in names]
    given = [str(name) for name in (value if is_list(value) else [value])]
    takers = {name: activation_number(name, parameter) for name in given if ACTIVATIONS[name].number}
    if not takers:
        raise ConfigError(
            f"activation.parameter={parameter}: {', '.join(given)} {'takes' if len(given) == 1 else 'take'} no number. "
            "Give null, or another activation."
        )
    return [Activation(name, takers.get(name)) for name in names]


def _checked_name(value: object, key: str) -> str:
    return check_choice(value, key, ACTIVATIONS)


def last_activation(value: object) -> nn.Module:
    """The function after the last layer, with its default number."""
    return Activation(_checked_name(value, "model.output_activation")).layer()


def dense(
    inputs: int,
    widths: Sequence[int],
    functions: Sequence[Activation],
    rates: Sequence[float],
    normalization: Normalization,
    *,
    kind: str = "standard",
    key: str = "model.widths",
) -> nn.Sequential:
    """Hidden layers: a linear map, normalization, activation, dropout each; (rows, inputs) to (rows, widths[-1]).

    Layer i is the submodule `i` whatever its dropout, so that weights keep their names. A map right before a
    normalization has no bias: that has an offset of its own, and a batch's would take the bias out again.

    Args:
        inputs: Numbers per row that come in.
        widths: Units of each layer.
        functions: Its activation.
        rates: Fraction of its units that training drops.
        normalization: Of all layers; before or after the activation.
        kind: Of dropout, see `dropouts`.
        key: Where the configuration has the widths.
    """
    layers = nn.Sequential()
    for number, (width, function, fraction) in enumerate(zip(widths, functions, rates, strict=True)):
        linear = Linear(inputs, width, bias=not normalization.replaces_bias)
        linear.gain = gain_before(function)
        normal = normalization.layers(width, f"{key}[{number}]")
        # A sequence per layer: its number names the weights, with or without dropout.
        parts = normalization.arranged(normal, [function.layer()])
        layers.append(nn.Sequential(linear, *parts, *dropouts(fraction, kind, function)))
        inputs = width
    return layers


def dense_layers(hidden: nn.Module) -> list[nn.Module]:
    """The single layers of what `dense` gives, in their order."""
    return [layer for group in hidden.children() for layer in group.children()]
