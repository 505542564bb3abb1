"""Checks of what a configuration gives a network: sizes, fractions, values per layer.

Every `key` is the path in the configuration (`model.widths`) that an error names.
"""

from collections.abc import Callable, Sequence
from typing import TypeGuard, TypeVar

from eksplora.errors import ConfigError
from eksplora.ranges import check_count, check_number, refusal

T = TypeVar("T")


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether a value of a configuration is a list (text is not)."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def rate(value: object, key: str) -> float:
    """The value itself, if it is a fraction in [0, 1): with 1 nothing would be left to learn from.

    Raises:
        ConfigError: If it is not.
    """
    return check_number(value, key, least=0, below=1, usual=0.0)


def sizes(value: object, key: str) -> list[int]:
    """A list of whole numbers above zero, possibly empty.

    Raises:
        ConfigError: If it is no list, or an entry is something else.
    """
    if not is_list(value):
        raise ConfigError(refusal(key, "a list of whole numbers", value, "[64,64]"))
    return [check_count(size, f"{key}[{i}]") for i, size in enumerate(value)]


def per_layer(value: object, count: int, key: str, check: Callable[[object, str], T]) -> list[T]:
    """One checked value for each of `count` layers, from one for all or a list.

    Raises:
        ConfigError: If a list has another length, or `check` refuses a value.

    Examples:
        >>> per_layer(3, 2, "model.kernel", check_count)
        [3, 3]
        >>> per_layer([5, 3], 2, "model.kernel", check_count)
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


def image_shape(value: object) -> tuple[int, int, int]:
    """The checked (channels, height, width).

    Raises:
        ConfigError: If these are not three positive whole numbers.
    """
    shape = sizes(value, "model.input_shape")
    if len(shape) != 3:
        raise ConfigError(
            f"model.input_shape must be (channels, height, width), got {shape}. Choose data of images, or model=mlp."
        )
    return shape[0], shape[1], shape[2]


def filters_of(value: object, what: str) -> list[int]:
    """The checked filters of each block or stage; `what` says which.

    Raises:
        ConfigError: If this is no list of positive whole numbers, or an empty one.
    """
    filters = sizes(value, "model.filters")
    if not filters:
        raise ConfigError(f"model.filters must have an entry for each {what}, got []. Give one or more, or model=mlp.")
    return filters
