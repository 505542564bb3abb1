"""The numbers of an optimizer that have a meaning: torch takes some others, which train to nonsense."""

from collections.abc import Mapping
from typing import Any

from eksplora.ranges import Range

RANGES: Mapping[str, Range] = {
    "lr": Range(above=0, usual=0.001),
    "momentum": Range(least=0, below=1, usual=0.9),
    "alpha": Range(least=0, below=1, usual=0.9),
    "betas": Range(least=0, below=1, usual=0.999),
    "rho": Range(least=0, below=1, usual=0.95),
    "eps": Range(least=0, usual=1e-7),
    "initial_accumulator_value": Range(least=0, usual=0.1),
    "momentum_decay": Range(least=0, usual=0.004),
    "weight_decay": Range(least=0, usual=0.0),
}
"""Allowed values of a key of `conf/optimizer/`. A share of the past that is kept at each step must be below 1: sums of
1, r, r^2, ... have an end only then."""


def check_optimizer(values: Mapping[str, Any]) -> None:
    """Refuse numbers of an optimizer that mean nothing.

    Raises:
        ConfigError: Naming the key.
    """
    for key in RANGES.keys() & values.keys():
        given = values[key]
        for place, number in enumerate(given) if isinstance(given, list) else [(None, given)]:
            RANGES[key].check(number, f"optimizer.{key}" + ("" if place is None else f"[{place}]"))
