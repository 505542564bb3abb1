"""Studies that take no time: workers, populations and epochs as events on a clock that is only counted."""

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from eksplora.console.estimate import Key, Length, RemainingTime


@dataclass(frozen=True)
class Pretended:
    """A study to simulate.

    Attributes:
        trials: Trials in all.
        members: Members of each.
        workers: Populations at once.
        length: What a trial may take at most, by its number.
        ends: After how many epochs a training ends, by its trial.
        row_seconds: Cost of an epoch for its rows, of one training alone.
        step_seconds: Cost of an optimizer step, of one training alone.
        start_seconds: What a population takes before its first step.
        together: Members that are trained together.
        shared: Cost of each further member, as a part of the first one's.
        batch: Trials that are proposed at once.
        past: Trials that were over before.
    """

    trials: int = 20
    members: int = 1
    workers: int = 2
    length: Callable[[int], Length] = lambda trial: Length(200, 11)
    ends: Callable[[int], int] = lambda trial: 200
    row_seconds: float = 0.01
    step_seconds: float = 0.002
    start_seconds: float = 0.3
    together: int = 1
    shared: float = 0.3
    batch: int = 4
    past: int = 0


@dataclass
class Frame:
    """What a terminal would show at a time, and when the study really ended."""

    at: float
    left: float | None
    truth: float
    is_bound: bool


@dataclass
class Simulation:
    """Runs a pretended study through an estimate."""

    study: Pretended
    seed: int = 0
    now: float = 0.0
    proposed: int = 0
    queue: list[list[Key]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.estimate = RemainingTime(self.study.workers)
        for trial in range(self.study.past):
            for _ in range(self.study.members):
                epochs, length = self.study.ends(trial), self.study.length(trial)
                self.estimate.remember(length, epochs, epochs * self.epoch_seconds(length, 1))
        self.proposed = self.study.past

    def epoch_seconds(self, length: Length, members: int) -> float:
        """One epoch of some members, with the noise of a machine that does other things too."""
        alone = self.study.row_seconds + length.steps * self.study.step_seconds
        return alone * (1 + self.study.shared * (members - 1)) * self.random.uniform(0.8, 1.3)

    def take(self) -> list[Key] | None:
        """The next population."""
        if not self.queue and self.proposed < self.study.trials:
            new = range(self.proposed, min(self.proposed + self.study.batch, self.study.trials))
            self.proposed = new.stop
            by_steps: dict[int, list[Key]] = {}
            for trial in new:
                for member in range(self.study.members):
                    by_steps.setdefault(self.study.length(trial).steps, []).append((trial, member))
            size = self.study.together
            self.queue = [keys[i : i + size] for keys in by_steps.values() for i in range(0, len(keys), size)]
        return self.queue.pop(0) if self.queue else None

    def events(self) -> Iterator[float]:
        """Times at which something happened, after the estimate has heard of it."""
        heap: list[tuple[float, int, int, list[Key]]] = []
        number = 0
        for _ in range(self.study.workers):
            if keys := self.take():
                heap.append(self._start(number, keys))
                number += 1
        heapq.heapify(heap)
        while heap:
            self.now, population, epoch, keys = heapq.heappop(heap)
            length = self.study.length(keys[0][0])
            self.estimate.epoch(population, epoch, self.now)
            for key in [key for key in keys if self.study.ends(key[0]) <= epoch]:
                self.estimate.end(key, epoch)
                keys.remove(key)
            if keys:
                heapq.heappush(heap, (self.now + self.epoch_seconds(length, len(keys)), population, epoch + 1, keys))
            else:
                self.estimate.leave(population, self.now)
                if new := self.take():
                    heapq.heappush(heap, self._start(number, new))
                    number += 1
            yield self.now

    def _start(self, number: int, keys: list[Key]) -> tuple[float, int, int, list[Key]]:
        length = self.study.length(keys[0][0])
        self.estimate.start(number, {key: self.study.length(key[0]) for key in keys}, self.now)
        at = self.now + self.study.start_seconds + 2 * self.epoch_seconds(length, len(keys))
        return at, number, 1, keys

    def left(self, now: float) -> float | None:
        """What the estimate says."""
        waiting = [self.study.length(trial) for keys in self.queue for trial, _ in keys]
        return self.estimate.seconds_left(waiting, (self.study.trials - self.proposed) * self.study.members, now)


def frames(study: Pretended, *, seed: int = 0, count: int = 500) -> Sequence[Frame]:
    """What is shown from the first epoch to the end of a study, in even distances."""
    times = list(Simulation(study, seed).events())
    first, end = times[0], times[-1]
    grid = [first + (end - first) * place / count for place in range(count)]
    again, shown = Simulation(study, seed), list[Frame]()
    for until, _ in zip([*times[1:], end], again.events(), strict=True):
        while grid and grid[0] < until:  # the next event is not known yet
            at = grid.pop(0)
            shown.append(Frame(at, again.left(at), end - at, not again.estimate.saw_early_end))
    return shown
