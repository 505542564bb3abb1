"""Multi-layer perceptron whose hidden layers are alike: depth and width are numbers of their own, to be searched."""

from collections.abc import Sequence
from typing import Any

from eksplora.errors import ConfigError
from eksplora.model.mlp import MLP
from eksplora.ranges import check_count


def mlp_uniform(*, layers: int, units: int, activation: str | Sequence[str], **others: Any) -> MLP:
    """An MLP of `layers` hidden layers with `units` units each.

    Source: see `MLP`.

    Args:
        layers: Hidden layers, at least 1.
        units: Units of each.
        activation: Name for all hidden layers; or a list, whose names take equally many layers in turn as far as that
            goes: of [a, b] the first half of the layers has a, the second b.
        **others: Of `MLP`.

    Raises:
        ConfigError: If a value is wrong; it names the key.

    Examples:
        >>> network = mlp_uniform(
        ...     layers=2,
        ...     units=32,
        ...     activation="relu",
        ...     input_shape=[13],
        ...     num_outputs=1,
        ...     output_activation="identity",
        ...     dropout=0.0,
        ... )
        >>> sum(p.numel() for p in network.parameters())  # 13 * 32 + 32, then 32 * 32 + 32, then 32 + 1
        1537
    """
    count = check_count(layers, "model.layers")
    names = activation if isinstance(activation, str) else spread(activation, count)
    return MLP(widths=[check_count(units, "model.units")] * count, activation=names, **others)


def spread(names: Sequence[str], count: int) -> list[str]:
    """A name for each of `count` layers, those of `names` in turn.

    Raises:
        ConfigError: If there are no names, or more than layers.

    Examples:
        >>> spread(["a", "b"], 4), spread(["a", "b"], 3), spread(["a"], 2)
        (['a', 'a', 'b', 'b'], ['a', 'a', 'b'], ['a', 'a'])
    """
    if not 0 < len(names) <= count:
        raise ConfigError(
            f"model.activation: {len(names)} names for {count} hidden layers. Give one name, or at most one per layer."
        )
    return [names[index * len(names) // count] for index in range(count)]
