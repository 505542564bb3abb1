"""Convolutional network whose blocks are alike: their number and filters are numbers of their own, to be searched."""

from typing import Any

from eksplora.model.cnn import CNN
from eksplora.ranges import check_count


def cnn_uniform(*, blocks: int, filters: int, **others: Any) -> CNN:
    """A CNN of `blocks` blocks with `filters` filters each.

    Source: see `CNN`.

    Args:
        blocks: Convolution blocks, at least 1.
        filters: Output channels of each.
        **others: Of `CNN`.

    Raises:
        ConfigError: If a value is wrong; it names the key.
    """
    return CNN(filters=[check_count(filters, "model.filters")] * check_count(blocks, "model.blocks"), **others)
