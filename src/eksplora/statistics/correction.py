"""Corrections for many tests: p values adjusted such that they are compared with alpha as if there were one."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p values that bound the chance of any false claim among all (family-wise error), whatever depends.

    With p_(1) <= ... <= p_(m): adjusted p_(i) = max over j <= i of min(1, (m - j + 1) p_(j)). Source: Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.

    Args:
        p_values: Of the tests, (tests,).

    Returns:
        In the order of the tests, (tests,).

    Raises:
        ValueError: If a p is not in [0, 1].

    Examples:
        >>> holm([0.03, 0.01, 0.04]).round(2).tolist()
        [0.06, 0.03, 0.06]
    """
    raw = _p_values(p_values)
    order = np.argsort(raw, kind="stable")
    adjusted = np.empty_like(raw)
    # The smallest p times m, the next times m - 1, ...; the running maximum keeps their order.
    adjusted[order] = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)).clip(max=1)
    return adjusted


def _p_values(p_values: ArrayLike) -> NDArray[np.float64]:
    raw = np.asarray(p_values, dtype=np.float64)
    wrong = raw[~((raw >= 0) & (raw <= 1))]
    if len(wrong):
        raise ValueError(f"p_values must lie in [0, 1], got {wrong[0]}.")
    return raw
