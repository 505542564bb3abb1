"""Progress of a study on the terminal: a bar where there is one, a line per trial where there is not."""

import sys
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

EPOCH_SECONDS = 1.0
"""The bar's text is renewed at most so often."""


class Progress:
    """Shows how a study gets on; use as a context manager."""

    def __init__(self, *, title: str, total: int, done: int, metric: str) -> None:
        """A study of `total` trials of which `done` are over; `metric` names the objective."""
        self._title, self._total, self._done, self._metric = title, total, done, metric
        self._console = Console(stderr=True, soft_wrap=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=total, completed=done, note="workers are starting")
        self._names: dict[int, str] = {}
        self._epochs: dict[int, int] = {}
        self._best = ""
        self._renewed_at = 0.0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self._console.is_terminal:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def started(self, population: int, trials: Sequence[int]) -> None:
        """A population of members of these trials was handed to a worker."""
        self._names[population] = f"trial {trials[0]}" if len(trials) == 1 else f"{len(trials)} trials"
        self._epochs[population] = 0
        self._renew()

    def epoch(self, population: int, epoch: int) -> None:
        """An epoch of a running population ended."""
        self._epochs[population] = epoch
        if self._console.is_terminal and time.monotonic() - self._renewed_at > EPOCH_SECONDS:
            self._renew()

    def left(self, population: int) -> None:
        """A population is not being trained any more."""
        self._names.pop(population, None)
        self._renew()

    def ended(self, trial: int, *, outcome: str, seconds: float, best: str, done: int) -> None:
        """A trial is over: `outcome` in words, the best so far, and how many are over."""
        self._best, self._done = best, done
        self.say(f"[{done}/{self._total}] trial {trial}: {outcome} in {seconds:.1f} s; {best or 'none finished yet'}")
        self._renew()

    def _renew(self) -> None:
        self._renewed_at = time.monotonic()
        running = ", ".join(f"{name} (epoch {self._epochs[number]})" for number, name in sorted(self._names.items()))
        note = f"training {running}" if running else ""
        self._bar.update(self._task, completed=self._done, note=note)
