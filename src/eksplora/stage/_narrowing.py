"""Which trials cannot be told from the best, so that a finer study can search around them."""

from collections.abc import Mapping
from typing import Any

from eksplora.errors import ConfigError
from eksplora.stage._ledger import Ledger, Trial
from eksplora.statistics.interval import t_interval

Values = Mapping[str, Any]

LEAST_MEMBERS = 3
"""Below, the interval of a difference is so wide that nothing is told from anything."""


def check_stages(stages: int, n_members: int) -> None:
    """Refuse stages that nothing can be narrowed between.

    Raises:
        ConfigError: Naming the key.
    """
    if stages < 1:
        raise ConfigError(f"study.stages must be at least 1, got {stages}. 1 is a single study.")
    if stages > 1 and n_members < LEAST_MEMBERS:
        raise ConfigError(
            f"study.stages={stages} narrows the space to the trials that cannot be told from the best, and "
            f"study.n_members={n_members} tells too little. Set study.n_members={LEAST_MEMBERS} or more."
        )


def told_apart(ledger: Ledger) -> tuple[list[Values], list[Values]]:
    """The values of the trials that cannot be told from the best, itself first, and of those that can.

    Told by Student's interval (95%) of the paired differences, one by one: a correction would only keep more.
    """
    ranked = ledger.ranked(ledger.trials.values())
    near: list[Values] = [trial.values for trial in ranked[:1]]
    far: list[Values] = []
    for trial in ranked[1:]:
        (far if _is_worse(trial, ranked[0], ledger.direction) else near).append(trial.values)
    return near, far


def _is_worse(trial: Trial, best: Trial, direction: str) -> bool:
    sign = 1 if direction == "minimize" else -1
    interval = t_interval([sign * (one - other) for one, other in zip(values_of(trial), values_of(best), strict=True)])
    return interval is not None and interval.low > 0


def values_of(trial: Trial) -> list[float]:
    """The objective of a finished trial's members, in their order."""
    return [float(result.value or 0.0) for _, result in sorted(trial.results.items())]
