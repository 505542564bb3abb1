"""The values of a key on an axis: where each of them lies, and what is written at the axis' ends."""

import math
from collections.abc import Sequence
from typing import Any

from eksplora.records.search import TrialRecord

LONGEST_LABEL = 24
"""Letters of a name beside an axis."""


def setting(value: Any) -> str:
    """A value that somebody chose: without zeros that nobody typed.

    Examples:
        >>> setting(0.0024138), setting([64, 64]), setting("adam"), setting(True)
        ('0.002414', '[64, 64]', 'adam', 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(setting, value))}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def shortened(name: str) -> str:
    """A name such that it fits beside an axis."""
    return name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"


def is_scale(values: Sequence[Any]) -> bool:
    """Whether all are numbers, and not only two or three of them."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(numbers) == len(values) and len(set(numbers)) > 3


def is_wide(values: Sequence[float]) -> bool:
    """Whether the values lie so far apart that a logarithmic axis shows them better."""
    return min(values) > 0 and max(values) / min(values) > 30


def places(values: Sequence[Any]) -> list[float | None]:
    """Position of each value on its axis, 0 to 1; None where a trial has none."""
    known = [value for value in values if value is not None]
    if is_scale(known):
        scale = math.log if is_wide(known) else float
        low, high = scale(min(known)), scale(max(known))
        return [None if value is None else (scale(value) - low) / (high - low) for value in values]
    names = in_order(known)
    return [None if value is None else names.index(setting(value)) / max(1, len(names) - 1) for value in values]


def in_order(values: Sequence[Any]) -> list[str]:
    """The texts of settings, in the order of numbers where they are some."""
    unique = {setting(value): value for value in values}
    is_numeric = all(isinstance(value, int | float) for value in unique.values())
    return sorted(unique, key=lambda text: unique[text]) if is_numeric else sorted(unique)


def marks(values: Sequence[Any]) -> dict[float, str]:
    """Labels beside an axis, by position: the ends of a scale; of a few settings, each of them."""
    known = [value for value in values if value is not None]
    if is_scale(known):
        return {0.0: setting(float(min(known))), 1.0: setting(float(max(known)))}
    names = in_order(known)
    step = max(1, -(-len(names) // 6))
    return {index / max(1, len(names) - 1): name for index, name in enumerate(names) if index % step == 0}


def described(trial: TrialRecord) -> str:
    """A trial's value, and what was searched in it."""
    return f"{setting(trial.value)} with " + ", ".join(f"{key}={setting(v)}" for key, v in trial.values.items())
