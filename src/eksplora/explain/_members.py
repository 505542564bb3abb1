"""All members asked at once, in blocks of rows that bound memory, and what they say together.

Shapes: features (rows, *shape), of members (members, rows, *shape); outputs (members, rows, num_outputs).
"""

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor

Outputs = Callable[[Tensor], Tensor]
"""The networks: raw features (members, rows, *shape) to outputs (members, rows, num_outputs), differentiable."""

_NUMBERS = 2**20
"""Features' numbers in one block: images of 28x28 pixels then need some 130 MB for 32 maps of that size."""
_ROWS = 2**14
"""Rows in one block, all members' together: hidden layers are wider than tables."""


def rows_at_once(members: int, shape: Sequence[int], copies: int = 1) -> int:
    """Rows of one block, at least 1.

    Args:
        members: That compute each row.
        shape: Of one row's features.
        copies: Of each row that are computed.
    """
    return max(1, min(_NUMBERS // prod(shape), _ROWS) // (members * copies))


def expanded(rows: Tensor, members: int) -> Tensor:
    """The same rows for each member, (members, rows, *shape), without a copy."""
    return rows.expand(members, *rows.shape)


def evaluated(outputs: Outputs, rows: Tensor, members: int) -> Tensor:
    """Every member's outputs (members, rows, num_outputs) of rows (rows, *shape), without gradients."""
    with torch.no_grad():
        blocks = torch.split(rows, rows_at_once(members, rows.shape[1:]))
        return torch.cat([outputs(expanded(block, members)) for block in blocks], dim=1)


def probabilities(scores: Tensor) -> Tensor:
    """Probabilities (rows, classes) that the members give together: the mean of theirs.

    Args:
        scores: (members, rows, classes), or the log-odds (members, rows, 1) of the second of two classes.
    """
    if scores.shape[2] > 1:
        return scores.softmax(2).mean(0)
    second = scores.sigmoid().mean(0)
    return torch.cat([1 - second, second], dim=1)


def explained_output(outputs: Tensor, *, is_classes: bool) -> Tensor:
    """Number of the output that is explained for each row, (rows,) int64.

    For classes the score of the class that the members predict together; of two classes with a single output that
    output, the log-odds of the second; of numbers the first target.

    Args:
        outputs: (members, rows, num_outputs).
        is_classes: Whether they are scores.
    """
    if is_classes and outputs.shape[2] > 1:
        return probabilities(outputs).argmax(1)
    return torch.zeros(outputs.shape[1], dtype=torch.long, device=outputs.device)
