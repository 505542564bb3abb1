"""Progress of a study: one line on a terminal, otherwise a line for each trial and one now and then."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from eksplora.console.estimate import Key, Length, RemainingTime, in_words
from eksplora.console.line import Line, RunningPopulation, shown_value
from eksplora.console.terminal import Shown, standard

RENEWED_SECONDS = 0.25
"""The line is renewed at most so often."""

QUIET_SECONDS = 30.0
"""Without a terminal a line on the progress comes no sooner after the last one,"""

SILENT_SECONDS = 600.0
"""and no later, whatever has been done;"""

STEP = 0.1
"""in between, when so much of the way is done."""


@dataclass(frozen=True)
class Ahead:
    """Work that is still to be trained.

    Attributes:
        trainings: Those of trials that are known and not over, whether a worker has them or not.
        num_unknown: How many are to come of trials that are not proposed yet.
    """

    trainings: Mapping[Key, Length] = field(default_factory=dict)
    num_unknown: float = 0.0


@dataclass
class _Shown:
    """A population that a worker trains."""

    name: str
    trainings: Mapping[Key, Length]
    epoch: int = 0
    value: float | None = None

    @property
    def part(self) -> RunningPopulation:
        last = max(length.epochs for length in self.trainings.values())
        epoch = f"epoch {self.epoch}/{last}" if self.epoch else ""
        return RunningPopulation(self.name, epoch, "" if self.value is None else shown_value(self.value))


class Progress:
    """Shows how a study gets on; use as a context manager. It never raises for what a terminal does.

    Attributes:
        ends_early: Whether trainings may end before their last epoch: the time left is a bound until one has.
    """

    def __init__(
        self,
        *,
        title: str,
        total: int,
        done: int,
        workers: int,
        ahead: Callable[[], Ahead],
        ends_early: bool = False,
        limit_seconds: float | None = None,
        terminal: Shown | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A study of `total` trials of which `done` are over.

        Args:
            title: Its name.
            total: Its trials.
            done: Those that are over.
            workers: Populations that are trained at once.
            ahead: Says what is still to be trained.
            ends_early: See the attribute.
            limit_seconds: After which the study ends in any case.
            terminal: Where it is shown; None: standard error.
            clock: Seconds that go on evenly.
        """
        self._title, self._total, self._done = title, total, done
        self._ahead, self._limit = ahead, limit_seconds
        self.ends_early = ends_early
        self._terminal, self._clock = terminal or standard(), clock
        self._estimate = RemainingTime(workers)
        self._shown: dict[int, _Shown] = {}
        self._best: tuple[float, str] | None = None
        self._began_at = self._renewed_at = self._printed_at = clock()
        self._printed_part = 0.0
        self._is_stopping = False

    def __enter__(self) -> Self:
        """Show the line."""
        self._renew()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._terminal.show("")

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self._terminal.say(text)

    # --- what happens --------------------------------------------------------------------------------------------

    def remember(self, length: Length, epochs: int, seconds: float) -> None:
        """A training was over before this command began."""
        self._estimate.remember(length, epochs, seconds)

    def best(self, value: float, name: str) -> None:
        """The best trial so far."""
        self._best = value, name

    def started(self, population: int, name: str, trainings: Mapping[Key, Length]) -> None:
        """Trainings were handed to a worker together."""
        self._shown[population] = _Shown(name, trainings)
        self._estimate.start(population, trainings, self._clock())
        self.tick()

    def epoch(self, population: int, epoch: int, value: float | None) -> None:
        """An epoch of a running population ended, with this objective."""
        if (shown := self._shown.get(population)) is not None:
            shown.epoch, shown.value = epoch, value
            self._estimate.epoch(population, epoch, self._clock())
        self.tick()

    def ended(self, key: Key, epochs: int) -> None:
        """A training is over after so many epochs."""
        self._estimate.end(key, epochs)

    def left(self, population: int) -> None:
        """A population is not being trained any more."""
        self._shown.pop(population, None)
        self._estimate.leave(population, self._clock())
        self.tick()

    def over(self, trial: str, outcome: str, seconds: float, done: int) -> None:
        """A trial is over: `outcome` in words, and how many are over now."""
        self._done = done
        best = f"best {self._best[0]:.4g} ({self._best[1]})" if self._best else "none finished yet"
        if self._terminal.is_live:
            self._renew()  # first, or the line below would show the count before
        self.say(f"[{done}/{self._total}] {trial}: {outcome} in {seconds:.1f} s; {best}")
        self.tick()

    def stopping(self) -> None:
        """Show that running trainings are checkpointed: the time that is left means nothing now."""
        self._is_stopping = True
        self._renew()

    def tick(self) -> None:
        """Renew what is shown when that is due; to be called often."""
        now = self._clock()
        if self._terminal.is_live and now - self._renewed_at >= RENEWED_SECONDS:
            self._renew()
        elif not self._terminal.is_live and now - self._printed_at >= QUIET_SECONDS:
            self._print_now_and_then(now)

    # --- what is shown -------------------------------------------------------------------------------------------

    def _renew(self) -> None:
        self._renewed_at = self._clock()
        self._terminal.show(self._line(self._seconds_left()).fitted(self._terminal.width))

    def _print_now_and_then(self, now: float) -> None:
        seconds, spent = self._seconds_left(), now - self._began_at
        part = spent / (spent + seconds) if seconds is not None and spent else 0.0
        if part >= self._printed_part + STEP or now - self._printed_at >= SILENT_SECONDS:
            self._printed_at, self._printed_part = now, part
            self.say(self._line(seconds).in_full())

    def _seconds_left(self) -> float | None:
        """The estimate; asked for only when it is shown."""
        ahead, now = self._ahead(), self._clock()
        running = {key for shown in self._shown.values() for key in shown.trainings}
        waiting = [length for key, length in ahead.trainings.items() if key not in running]
        seconds = self._estimate.seconds_left(waiting, ahead.num_unknown, now)
        if seconds is not None and self._limit is not None:
            seconds = min(seconds, max(0.0, self._began_at + self._limit - now))
        return seconds

    def _line(self, seconds: float | None) -> Line:
        running = sorted(self._shown.values(), key=lambda shown: -shown.epoch)
        value, name = self._best or (None, "")
        return Line(
            title=self._title,
            count=f"{self._done}/{self._total}",
            best="" if value is None else shown_value(value),
            best_name=name,
            running=[shown.part for shown in running],
            left=self._left_in_words(seconds, running),
        )

    def _left_in_words(self, seconds: float | None, running: Sequence[_Shown]) -> str:
        if self._is_stopping:
            return "stopping"
        if seconds is None:
            return "" if running else "workers are starting"
        words = in_words(seconds)
        if self.ends_early and not self._estimate.saw_early_end:
            words = words.replace("about", "up to")
        return f"{words} left"
