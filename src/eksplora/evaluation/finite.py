"""Predictions that are no finite numbers: a network that diverged, or one that overflows far from what it has seen."""

import numpy as np

from eksplora.errors import UserError
from eksplora.evaluation._weights import Array


def check_finite(each: Array) -> None:
    """Refuse predictions (members, rows, ...) of which no measure can be taken.

    Raises:
        UserError: If one is not finite; it says how many rows that concerns.
    """
    flat = each.reshape(*each.shape[:2], -1)
    is_wrong = ~np.isfinite(flat).all((0, 2))  # (rows,)
    if is_wrong.any():
        raise UserError(
            f"The model's predictions are no finite numbers for {is_wrong.sum()} of {flat.shape[1]} test rows, row "
            f"{is_wrong.argmax()} the first. Train again with a lower optimizer.lr, or with clipping=norm."
        )


def if_finite(passes: Array | None) -> Array | None:
    """Passes with dropout left on, which may overflow where the network itself does not: None then."""
    return passes if passes is not None and np.isfinite(passes).all() else None
