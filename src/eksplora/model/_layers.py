"""What the networks share: checks of sizes, values per layer, activations by name, dense layers.

Every `key` is the path in the configuration (`model.widths`) that an error names.
"""

from collections.abc import Callable, Sequence
from typing import TypeGuard, TypeVar

from torch import nn

from eksplora.errors import ConfigError, nearest
from eksplora.model._activations import ACTIVATIONS
from eksplora.model._linear import Linear
from eksplora.model._members import BatchNorm, Dropout

T = TypeVar("T")

NORMALIZATIONS = ("none", "batch")


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether a value of a configuration is a list (text is not)."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def positive(value: object, key: str) -> int:
    """The value itself, if it is a whole number above zero.

    Raises:
        ConfigError: If it is not.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{key} must be a positive whole number, got {value!r}. Give 1 or more.")
    return value


def rate(value: object, key: str) -> float:
    """The value itself, if it is a fraction in [0, 1].

    Raises:
        ConfigError: If it is not.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ConfigError(f"{key} must be a fraction from 0 to 1, got {value!r}. Give 0 for none.")
    return float(value)


def activation_name(value: object, key: str) -> str:
    """The value itself, if an activation has this name.

    Raises:
        ConfigError: If none has.
    """
    if not isinstance(value, str) or value not in ACTIVATIONS:
        raise ConfigError(f"{key}: unknown activation {value!r}. {nearest(str(value), ACTIVATIONS)}")
    return value


def normalization_name(value: object) -> str:
    """The value itself, if it is `none` or `batch`.

    Raises:
        ConfigError: If it is neither.
    """
    if value not in NORMALIZATIONS:
        raise ConfigError(
            f"model.normalization: unknown normalization {value!r}. {nearest(str(value), NORMALIZATIONS)}"
        )
    return str(value)


def sizes(value: object, key: str) -> list[int]:
    """A list of whole numbers above zero, possibly empty.

    Raises:
        ConfigError: If it is no list, or an entry is something else.
    """
    if not is_list(value):
        raise ConfigError(f"{key} must be a list of positive whole numbers, got {value!r}. Write {key}=[64,64].")
    return [positive(size, f"{key}[{i}]") for i, size in enumerate(value)]


def per_layer(value: object, count: int, key: str, check: Callable[[object, str], T]) -> list[T]:
    """One checked value for each of `count` layers, from one for all or a list.

    Raises:
        ConfigError: If a list has another length, or `check` refuses a value.

    Examples:
        >>> per_layer(3, 2, "model.kernel", positive)
        [3, 3]
        >>> per_layer([5, 3], 2, "model.kernel", positive)
        [5, 3]
    """
    if not is_list(value):
        return [check(value, key)] * count
    if len(value) != count:
        raise ConfigError(
            f"{key} has {len(value)} values for {count} layers: {list(value)}. "
            f"Give one value for all layers, or a list of {count}."
        )
    return [check(entry, f"{key}[{i}]") for i, entry in enumerate(value)]


def normalizations(name: str, features: int) -> list[nn.Module]:
    """The layers, none or one, that normalize this many features or channels."""
    return [BatchNorm(features)] if name == "batch" else []


def dense(
    inputs: int, widths: Sequence[int], activations: Sequence[str], rates: Sequence[float], normalization: str
) -> nn.Sequential:
    """Hidden layers: a linear map, normalization, activation, dropout each; (rows, inputs) to (rows, widths[-1]).

    Layer i is the submodule `i` whatever its dropout, so that weights keep their names. A map before batch
    normalization has no bias: that would take it out again, and its gradient would be nothing but rounding errors.
    """
    layers = nn.Sequential()
    for width, name, fraction in zip(widths, activations, rates, strict=True):
        normal = normalizations(normalization, width)
        layer = nn.Sequential(Linear(inputs, width, bias=not normal), *normal, ACTIVATIONS[name]())
        if fraction > 0:  # at rate 0 it would only draw masks of ones
            layer.append(Dropout(fraction))
        layers.append(layer)
        inputs = width
    return layers


def dense_layers(hidden: nn.Module) -> list[nn.Module]:
    """The single layers of what `dense` gives, in their order."""
    return [layer for group in hidden.children() for layer in group.children()]
