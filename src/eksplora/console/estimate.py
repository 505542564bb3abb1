"""Remaining time of a study: from the epochs that were trained and what they cost, with no clock of its own."""

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean

Key = tuple[int, int]
"""A training: number of its trial, index of its member."""

Cost = tuple[float, float]
"""Epochs of single trainings, and the seconds of a worker that they took."""

LONG_SECONDS = 5.0
"""A first epoch that takes so long is more than building and loading."""

LATELY = 0.1
"""Weight of the newest epoch's time."""

MOST_ENDS = 16
"""Trainings that ended last, which say when the next ones end: a pruner lets the first ones pass."""

MOST_GAP = 2.0
"""The time between two populations of a worker is taken into account up to this factor of the training time."""


@dataclass(frozen=True)
class Length:
    """Length that a training may reach.

    Attributes:
        epochs: Its last epoch, if nothing ends it earlier; at least 1.
        steps: Optimizer steps of an epoch.
    """

    epochs: int
    steps: int = 1


@dataclass
class _Running:
    """A population that a worker trains: members of one length go through the same epochs together."""

    started_at: float
    active: dict[Key, Length]
    steps: int
    epoch: int = 0
    last_at: float = 0.0
    trained: int = 0
    ended: int = 0
    _rate: float = 0.0
    _num_timed: int = -1

    def take(self, epoch: int, at: float) -> None:
        """An epoch of all active trainings ended."""
        before = self.last_at if self.trained else self.started_at
        rate = (at - before) / max(1, len(self.active))
        self._num_timed += 1
        # The first one builds and loads; it counts while it is alone.
        self._rate = (
            rate if self._num_timed < 2 else self._rate + (rate - self._rate) * max(LATELY, 1 / self._num_timed)
        )
        self.trained += len(self.active)
        self.epoch, self.last_at = epoch, at

    @property
    def rate(self) -> float | None:
        """Seconds of one epoch of one training, lately: members that leave make it dearer for the others.

        None while it would be made of what comes before the first step.
        """
        is_known = self._num_timed > 0 or (self.trained and self.last_at - self.started_at > LONG_SECONDS)
        return self._rate if is_known else None


@dataclass
class RemainingTime:
    """Estimates the time that is left of a study; times are seconds of any clock that goes on evenly.

    What counts is the epoch of one training: its cost grows with its steps (fitted to what is seen), and members that
    train together share the time of their population. Trainings that early stopping or a pruner ends show how much of
    their epochs the others will take.

    Attributes:
        workers: Populations that are trained at once.
    """

    workers: int
    _running: dict[int, _Running] = field(default_factory=dict)
    _costs: dict[int, Cost] = field(default_factory=dict)  # by steps of an epoch
    _past: dict[int, Cost] = field(default_factory=dict)  # likewise
    _fractions: deque[float] = field(
        default_factory=lambda: deque(maxlen=MOST_ENDS)
    )  # how much of its epochs a training took
    _lengths: Counter[Length] = field(default_factory=Counter)  # of all that began
    _sizes: list[int] = field(default_factory=list)  # of populations
    _began_at: float | None = None
    _busy: float = 0.0
    _gap: float = 1.0

    @property
    def saw_early_end(self) -> bool:
        """Whether a training has ended before its last epoch."""
        return any(fraction < 1 for fraction in self._fractions)

    # --- what happens --------------------------------------------------------------------------------------------

    def remember(self, length: Length, epochs: int, seconds: float) -> None:
        """Take in a training that was over before this command: what it cost counts until something newer is known."""
        self._past[length.steps] = _added(self._past.get(length.steps), epochs, seconds)
        self._fractions.append(min(1.0, epochs / length.epochs))

    def start(self, population: int, trainings: Mapping[Key, Length], at: float) -> None:
        """A worker begins to train these together."""
        self._began_at = at if self._began_at is None else self._began_at
        self._note_gap(at)
        self._running[population] = _Running(at, dict(trainings), next(iter(trainings.values())).steps)
        self._lengths.update(trainings.values())
        self._sizes.append(len(trainings))

    def epoch(self, population: int, epoch: int, at: float) -> None:
        """An epoch of a population ended."""
        if population in self._running:
            self._running[population].take(epoch, at)

    def end(self, key: Key, epochs: int) -> None:
        """A training is over after so many epochs."""
        for running in self._running.values():
            if (length := running.active.pop(key, None)) is not None:
                running.ended += epochs
                self._fractions.append(min(1.0, epochs / length.epochs))

    def leave(self, population: int, at: float) -> None:
        """A worker trains these no longer."""
        running = self._running.pop(population, None)
        if running is None:
            return
        self._busy += at - running.started_at
        if epochs := running.trained or running.ended:  # what has no epochs reports only its end
            spent = at - running.started_at
            self._costs[running.steps] = _added(self._costs.get(running.steps), epochs, spent)

    def _note_gap(self, at: float) -> None:
        """Ratio of a worker's time to that of its trainings: looked at while there is work for all workers."""
        if self._began_at is not None and len(self._sizes) > self.workers:
            busy = self._busy + sum(at - running.started_at for running in self._running.values())
            self._gap = min(MOST_GAP, max(1.0, (at - self._began_at) * self.workers / busy)) if busy else 1.0

    # --- what is left --------------------------------------------------------------------------------------------

    def seconds_left(self, waiting: Iterable[Length], num_unknown: float, now: float) -> float | None:
        """Seconds until everything is trained; None while nothing is known.

        Args:
            waiting: Trainings that are known and that no worker has.
            num_unknown: Trainings of trials that are not proposed yet: as long as the known ones, on average.
            now: The time.
        """
        costs = self._observed()
        if not costs:
            return None
        taken = self._taken()
        ends = [self._left_of(running, costs, now) for running in self._running.values()]
        queue = [length.epochs * taken * _rate(costs, length.steps) for length in waiting]
        if num_unknown and self._lengths:
            whole = sum(count * length.epochs * _rate(costs, length.steps) for length, count in self._lengths.items())
            queue += [whole / self._lengths.total() * taken] * round(num_unknown)
        return self._scheduled(ends, [cost * self._gap for cost in queue])

    def _scheduled(self, ends: list[float], queue: list[float]) -> float:
        """Time at which the last worker is done: each takes the next few trainings when it is free."""
        free = sorted([*ends, *[0.0] * (self.workers - len(ends))])[: max(self.workers, len(ends))]
        size = min(round(fmean(self._sizes)) if self._sizes else 1, -(-len(queue) // self.workers)) or 1
        heapq.heapify(free)
        for first in range(0, len(queue), size):
            heapq.heapreplace(free, free[0] + sum(queue[first : first + size]))
        return max(free)

    def _left_of(self, running: _Running, costs: Mapping[int, Cost], now: float) -> float:
        if not running.active:
            return 0.0
        rate = running.rate
        since = running.last_at if running.trained else running.started_at
        if rate is None:
            rate = _rate(costs, running.steps)
        epochs = self._epochs_left(running)
        under_way = min(now - since, rate * len(running.active))  # of the next epoch; one that hangs promises nothing
        return max(0.0, epochs * rate - under_way)

    def _epochs_left(self, running: _Running) -> float:
        return sum(length.epochs * self._end_of(running, length) - running.epoch for length in running.active.values())

    def _end_of(self, running: _Running, length: Length) -> float:
        """The fraction of its epochs after which a running training ends: as those that came as far as it has."""
        now = running.epoch / length.epochs
        later = [fraction for fraction in self._fractions if fraction > now]
        if later:
            return fmean(later)
        return (now + 1) / 2 if self._fractions and max(self._fractions) < 1 else 1.0

    def _taken(self) -> float:
        """The fraction of its epochs that a training takes; those that run count, or the long ones would be missing."""
        running = [self._end_of(one, length) for one in self._running.values() for length in one.active.values()]
        return fmean([*self._fractions, *running]) if self._fractions or running else 1.0

    def _observed(self) -> dict[int, Cost]:
        """Cost of epochs by their steps: of populations that are over, and of those that run as they will be then.

        What was trained before this command, perhaps on another machine, counts where there is nothing newer.
        """
        found = dict(self._costs)
        for running in self._running.values():
            if (rate := running.rate) is not None:
                left = self._epochs_left(running)
                seconds = running.last_at - running.started_at + rate * left
                found[running.steps] = _added(found.get(running.steps), running.trained + left, seconds)
        return found or self._past


def _added(known: Cost | None, epochs: float, seconds: float) -> Cost:
    return (known[0] + epochs, known[1] + seconds) if known else (epochs, seconds)


def _rate(costs: Mapping[int, Cost], steps: int) -> float:
    """Seconds of an epoch of so many steps: as seen, otherwise by a line through what was seen.

    An epoch costs something for its rows and something for its steps, neither below 0. Where all epochs that were seen
    have equally many steps it is taken to be half of each.
    """
    if steps in costs and costs[steps][0]:
        return costs[steps][1] / costs[steps][0]
    weights = {one: epochs for one, (epochs, _) in costs.items() if epochs}
    if not weights:
        return 0.0
    total = sum(weights.values())
    mean_steps = sum(one * weight for one, weight in weights.items()) / total
    mean = sum(seconds for _, seconds in costs.values()) / total
    variance = sum(weight * (one - mean_steps) ** 2 for one, weight in weights.items()) / total
    steepest = mean / mean_steps
    if variance == 0:
        return mean + steepest / 2 * (steps - mean_steps)
    together = sum((one - mean_steps) * (costs[one][1] - mean * weight) for one, weight in weights.items()) / total
    slope = min(max(together / variance, 0.0), steepest)
    return mean + slope * (steps - mean_steps)


def in_words(seconds: float) -> str:
    """A time that is left, as exactly as it is known.

    Examples:
        >>> in_words(4), in_words(33), in_words(250), in_words(1900), in_words(9000), in_words(200_000)
        ('less than 10 s', 'about 30 s', 'about 4 min', 'about 30 min', 'about 2.5 h', 'about 2 days')
    """
    minutes, hours = seconds / 60, seconds / 3600
    if seconds < 10:
        return "less than 10 s"
    if seconds < 55:
        return f"about {10 * round(seconds / 10)} s"
    if minutes < 9.5:
        return f"about {round(minutes)} min"
    if minutes < 90:
        return f"about {5 * round(minutes / 5)} min"
    if hours < 10:
        return f"about {round(2 * hours) / 2:g} h"
    return f"about {round(hours)} h" if hours < 36 else f"about {round(hours / 24)} days"
