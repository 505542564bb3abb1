"""Schedules of the learning rate: functions from a step to the factor that multiplies the base rate.

A step is one update of the weights, counted from 0 over all epochs. A schedule keeps no state, so a resumed training
has the rate of the uninterrupted one. Only the rate follows it: momentum stays what the optimizer has.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import cos, floor, inf, pi
from typing import ClassVar

from eksplora.ranges import check_fields, within


@dataclass(frozen=True)
class Schedule(ABC):
    """A function from the place in a training to the factor of the learning rate; two with equal values are equal.

    Attributes:
        reads_history: Whether the factor depends on the epochs that are over.

    Raises:
        ConfigError: If a value is out of its range.
    """

    reads_history: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the values."""
        check_fields(self, "scheduler")

    @abstractmethod
    def __call__(self, step: int, total: int, history: Sequence[float]) -> float:
        """The factor of the base rate.

        Args:
            step: From 0, and below `total`.
            total: Steps of the whole training.
            history: The objective after each epoch that is over; smaller is better.
        """


@dataclass(frozen=True)
class Constant(Schedule):
    """The base rate at every step: factor(step) = 1.

    Source: Bottou, Curtis and Nocedal, "Optimization methods for large-scale machine learning", SIAM Review 60, 2018,
    theorem 4.6, fixed stepsize.

    Examples:
        >>> Constant()(1000, 2000, [])
        1.0
    """

    def __call__(self, step: int, total: int, history: Sequence[float]) -> float:
        """The factor at a step."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Exponential(Schedule):
    """A smooth exponential: factor(step) = decay_rate ** (step / decay_steps).

    Source: Keras' `ExponentialDecay` with `staircase=False`,
    https://keras.io/api/optimizers/learning_rate_schedules/exponential_decay/.

    Attributes:
        decay_rate: Factor after `decay_steps` steps; below 1 to slow down.
        decay_steps: Steps that it takes.

    Examples:
        >>> factor = Exponential(decay_rate=0.25, decay_steps=100)
        >>> factor(0, 200, []), factor(50, 200, []), factor(100, 200, [])
        (1.0, 0.5, 0.25)
    """

    decay_rate: float = field(metadata=within(above=0, usual=0.9))
    decay_steps: float = field(metadata=within(above=0, usual=1000))

    def __call__(self, step: int, total: int, history: Sequence[float]) -> float:
        """The factor at a step."""
        return float(self.decay_rate ** (step / self.decay_steps))


@dataclass(frozen=True, kw_only=True)
class Step(Schedule):
    """A staircase: factor(step) = decay_rate ** floor(step / decay_steps).

    Source: Keras' `ExponentialDecay` with `staircase=True`,
    https://keras.io/api/optimizers/learning_rate_schedules/exponential_decay/; torch's `StepLR` counted in steps.

    Attributes:
        decay_rate: What each stair multiplies the rate by; below 1 to slow down.
        decay_steps: Steps from one stair to the next.

    Examples:
        >>> factor = Step(decay_rate=0.25, decay_steps=100)
        >>> factor(0, 200, []), factor(99, 200, []), factor(100, 200, [])
        (1.0, 1.0, 0.25)
    """

    decay_rate: float = field(metadata=within(above=0, usual=0.1))
    decay_steps: float = field(metadata=within(above=0, usual=1000))

    def __call__(self, step: int, total: int, history: Sequence[float]) -> float:
        """The factor at a step."""
        return float(self.decay_rate ** floor(step / self.decay_steps))


@dataclass(frozen=True, kw_only=True)
class WarmUp(Schedule):
    """A straight rise to the base rate, which then stays: factor(step) = min(1, (step + 1) / warmup_steps).

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, section 2.2.

    Attributes:
        warmup_steps: The first step that has the base rate, counted from 1; with 1 all have it.

    Examples:
        >>> [WarmUp(warmup_steps=4)(step, 6, []) for step in range(6)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """

    warmup_steps: float = field(metadata=within(least=1, usual=1000))

    def __call__(self, step: int, total: int, history: Sequence[float]) -> float:
        """The factor at a step."""
        return min(1.0, (step + 1) / self.warmup_steps)


def _half_wave(start: float, end: float, progress: float) -> float:
    """Half a cosine wave from start, at progress 0, to end, at progress 1."""
    return end + (start - end) * (1 + cos(pi * progress)) / 2


@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """Half a cosine wave from the base rate down, over the whole training; a straight rise before it if asked for.

    factor(step) = final_factor + (1 - final_factor) (1 + cos(pi step / total)) / 2, so that `final_factor` would come
    one step after the last. Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts",
    ICLR 2017, equation 5, with a single period. A rise takes round(warmup_fraction * total) steps, as in `WarmUp`; the
    wave has the others.

    Attributes:
        final_factor: Where the wave ends.
        warmup_fraction: Share of all steps that rise.

    Examples:
        >>> factor = Cosine(final_factor=0.0, warmup_fraction=0.0)
        >>> [round(factor(step, 100, []), 3) for step in (0, 50, 99)]
        [1.0, 0.5, 0.0]
    """

    final_factor: float = field(metadata=within(least=0, most=1, usual=0.0))
    warmup_fraction: float = field(metadata=within(least=0, most=1, usual=0.05))

    def __call__(self, step: int, total: int, history: Sequence[float]) -> float:
        """The factor at a step."""
        rise = round(self.warmup_fraction * total)
        if step < rise:
            return (step + 1) / rise
        return _half_wave(1.0, self.final_factor, (step - rise) / (total - rise))


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """One rise to the base rate and one fall far below the start, both half cosine waves, over the whole training.

    Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    2017, in the form of torch's `OneCycleLR` with `anneal_strategy="cos"` and `cycle_momentum=False`: the peak is at
    step warmup_fraction * total - 1. Where that is before the first step, which torch allows, it is the first step.

    Attributes:
        warmup_fraction: Share of all steps that rise.
        initial_divisor: The first step has the base rate divided by this.
        final_divisor: The last step has the first one's rate divided by this.

    Examples:
        >>> factor = OneCycle(warmup_fraction=0.3, initial_divisor=25, final_divisor=1e4)
        >>> [round(factor(step, 100, []), 6) for step in (0, 29, 99)]
        [0.04, 1.0, 4e-06]
    """

    warmup_fraction: float = field(metadata=within(least=0, most=1, usual=0.3))
    initial_divisor: float = field(metadata=within(least=1, usual=25))
    final_divisor: float = field(metadata=within(least=1, usual=10_000))

    def __call__(self, step: int, total: int, history: Sequence[float]) -> float:
        """The factor at a step."""
        peak, first = max(self.warmup_fraction * total - 1, 0.0), 1 / self.initial_divisor
        if step < peak:
            return _half_wave(first, 1.0, step / peak)
        fall = total - 1 - peak  # steps; none if the last is the peak
        return _half_wave(1.0, first / self.final_divisor, (step - peak) / fall) if fall > 0 else 1.0


@dataclass(frozen=True, kw_only=True)
class Cyclic(Schedule):
    """Triangles between `low_factor` and the base rate, each lower than the one before by `decay`.

    factor(step) = low_factor + (1 - low_factor) decay ** n (1 - |step / half_cycle_steps - 2 n - 1|), where n counts
    the cycles that are over. Source: Smith, "Cyclical learning rates for training neural networks", WACV 2017, section
    3.1; with `decay` 1 its policy triangular, with 0.5 triangular2. Torch's `CyclicLR`.

    Attributes:
        half_cycle_steps: Steps from low to high, and from high to low.
        low_factor: Where a cycle starts and ends.
        decay: What the triangle's height is multiplied by after each cycle.

    Examples:
        >>> factor = Cyclic(half_cycle_steps=2, low_factor=0.5, decay=0.5)
        >>> [factor(step, 9, []) for step in range(9)]
        [0.5, 0.75, 1.0, 0.75, 0.5, 0.625, 0.75, 0.625, 0.5]
    """

    half_cycle_steps: float = field(metadata=within(above=0, usual=2000))
    low_factor: float = field(metadata=within(least=0, most=1, usual=0.25))
    decay: float = field(metadata=within(above=0, most=1, usual=1.0))

    def __call__(self, step: int, total: int, history: Sequence[float]) -> float:
        """The factor at a step."""
        cycles = step / (2 * self.half_cycle_steps)
        height = 1 - abs(2 * (cycles - floor(cycles)) - 1)
        return float(self.low_factor + (1 - self.low_factor) * self.decay ** floor(cycles) * height)


@dataclass(frozen=True, kw_only=True)
class Plateau(Schedule):
    """The rate is multiplied by `factor` each time that epochs stop improving on the best one.

    An epoch improves if its objective is more than `min_delta` below the best before it; `patience` epochs in a row may
    fail to, the next one that does reduces the rate. Source: torch's `ReduceLROnPlateau` with `threshold_mode="abs"`
    and `eps=0`, https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html; Keras'
    reduces one epoch earlier with the same patience.

    Attributes:
        factor: What a reduction multiplies the rate by.
        patience: Epochs.
        min_delta: In the objective's unit.
        cooldown: Epochs after a reduction that are not held against the rate.
        min_factor: The lowest that all reductions together lead to.

    Examples:
        >>> factor = Plateau(factor=0.5, patience=1, min_delta=0.0, cooldown=0, min_factor=0.0)
        >>> factor(0, 90, []), factor(30, 90, [3.0, 3.0]), factor(60, 90, [3.0, 3.0, 3.0])
        (1.0, 1.0, 0.5)
    """

    reads_history: ClassVar[bool] = True
    factor: float = field(metadata=within(above=0, below=1, usual=0.1))
    patience: int = field(metadata=within(least=0, is_whole=True, usual=10))
    min_delta: float = field(metadata=within(least=0, usual=0.0001))
    cooldown: int = field(metadata=within(least=0, is_whole=True, usual=0))
    min_factor: float = field(metadata=within(least=0, most=1, usual=0.0))

    def __call__(self, step: int, total: int, history: Sequence[float]) -> float:
        """The factor at a step."""
        count = _reductions(tuple(history), self.patience, self.min_delta, self.cooldown)
        return float(max(self.factor**count, self.min_factor))


@lru_cache(maxsize=1024)  # called for every step of an epoch, and for each member in turn, with the same history
def _reductions(history: tuple[float, ...], patience: int, min_delta: float, cooldown: int) -> int:
    """Number of times that epochs with these objectives stopped improving."""
    best, bad, rest, count = inf, 0, 0, 0
    for value in history:
        is_better = value < best - min_delta
        best = value if is_better else best
        bad = 0 if is_better or rest else bad + 1
        rest = max(rest - 1, 0)
        if bad > patience:
            bad, rest, count = 0, cooldown, count + 1
    return count


constant, exponential, step, warm_up = Constant, Exponential, Step, WarmUp
cosine, one_cycle, cyclic, plateau = Cosine, OneCycle, Cyclic, Plateau
