"""Schedules of the learning rate: functions from a step to the factor that multiplies the base rate.

A step is one update of the weights, counted from 0 over all epochs. A schedule keeps no state, so a resumed training
has the rate of the uninterrupted one.
"""

from dataclasses import dataclass
from math import isfinite

from eksplora.errors import ConfigError


@dataclass(frozen=True)
class Constant:
    """The base rate at every step.

    Examples:
        >>> Constant()(1000)
        1.0
    """

    def __call__(self, step: int) -> float:
        """The factor at a step."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Exponential:
    """A smooth exponential: factor(step) = decay_rate ** (step / decay_steps).

    Keras' `ExponentialDecay` with `staircase=False`.

    Attributes:
        decay_rate: Factor after `decay_steps` steps; above 0, below 1 to slow down.
        decay_steps: Steps that it takes; above 0.

    Raises:
        ConfigError: If a value is out of its range.

    Examples:
        >>> factor = Exponential(decay_rate=0.25, decay_steps=100)
        >>> factor(0), factor(50), factor(100)
        (1.0, 0.5, 0.25)
    """

    decay_rate: float
    decay_steps: float

    def __post_init__(self) -> None:
        """Check the values."""
        for key, value, usual in (("decay_rate", self.decay_rate, 0.9), ("decay_steps", self.decay_steps, 1000)):
            if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value) or value <= 0:
                raise ConfigError(
                    f"scheduler.{key} must be a number above 0, got {value!r}. The usual {key} is {usual}."
                )

    def __call__(self, step: int) -> float:
        """The factor at a step."""
        return float(self.decay_rate ** (step / self.decay_steps))


constant, exponential = Constant, Exponential
