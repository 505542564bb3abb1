"""The numbers of an optimizer that have a meaning: torch takes some others, which train to nonsense."""

from collections.abc import Callable, Mapping
from typing import Any

from eksplora.errors import ConfigError

_ABOVE_0 = "above 0", lambda value: value > 0
_FROM_0 = "0 or more", lambda value: value >= 0
_KEPT = "from 0 to below 1", lambda value: 0 <= value < 1

RANGES: Mapping[str, tuple[str, Callable[[float], bool], str]] = {
    "lr": (*_ABOVE_0, "A usual rate is 0.001."),
    "momentum": (*_KEPT, "A usual momentum is 0.9; 0.0 is none."),
    "alpha": (*_KEPT, "A usual fraction is 0.9."),
    "betas": (*_KEPT, "Usual fractions are [0.9, 0.999]."),
    "rho": (*_KEPT, "A usual fraction is 0.95."),
    "eps": (*_FROM_0, "A usual size is 1.0e-7."),
    "initial_accumulator_value": (*_FROM_0, "A usual start is 0.1."),
    "momentum_decay": (*_FROM_0, "Keras has 1.0, torch 0.004."),
    "weight_decay": (*_FROM_0, "0.0 is none."),
}
"""What a key of `conf/optimizer/` may be, in words and as a test, and the way out. A share of the past that is kept at
each step must be below 1: sums of 1, r, r^2, ... have an end only then."""


def check_optimizer(values: Mapping[str, Any]) -> None:
    """Refuse numbers of an optimizer that mean nothing.

    Raises:
        ConfigError: Naming the key.
    """
    for key, (range_, is_within, way_out) in RANGES.items():
        given = values.get(key)
        numbers = given if isinstance(given, list) else [] if given is None else [given]
        if not all(map(is_within, numbers)):
            raise ConfigError(f"optimizer.{key} must be {range_}, got {given}. {way_out}")
