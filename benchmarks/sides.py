"""Sides of a comparison, each in processes of its own that live as long as the measurement, in turn."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any

from benchmarks.case import Case, Run, Work
from benchmarks.table import NO_VERDICT, Row, spread, verdict
from benchmarks.turns import Say, Side, in_turn
from eksplora.errors import EksploraError

MOST_INFORMATIVE = 3
"""Runs of a side that is there for information, at most."""


@contextmanager
def processes(number: int, at_once: int = 1) -> Iterator[list[Executor]]:
    """Fresh processes (groups of `at_once`): what ours changes in its own is no gain or loss of a bare loop."""
    with ExitStack() as stack:
        context = get_context("spawn")
        yield [stack.enter_context(ProcessPoolExecutor(at_once, mp_context=context)) for _ in range(number)]


@dataclass(frozen=True)
class Call:
    """A training in a process.

    Attributes:
        process: Where.
        work: `Case.ours` or `Case.bare`.
        case: What is trained.
        arguments: Of `work`.
    """

    process: Executor
    work: Work
    case: Case
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def submit(self, *overrides: str) -> Future[Run]:
        """Begin it, with further overrides of its case."""
        return self.process.submit(self.work, self.case.but(*overrides), **self.arguments)


def run(calls: Sequence[Call], *overrides: str) -> Run:
    """Carry out calls at once: from the first one's begin to the last one's end."""
    runs = [future.result() for future in [call.submit(*overrides) for call in calls]]
    steps = {one.steps for one in runs}
    assert len(steps) == 1, f"calls of one side took different numbers of steps: {steps}"
    scores = [score for one in runs for score in one.scores]
    return Run(min(one.begun for one in runs), max(one.ended for one in runs), steps.pop(), scores)


def time_sides(
    sides: Mapping[str, Sequence[Call]], *, judged: Sequence[str], repeats: int, say: Say
) -> dict[str, list[Run]]:
    """Run all sides in turn, after one epoch of each.

    Args:
        sides: By name, what a run of it does at once.
        judged: The sides that a target is about: they run `repeats` times, others at most `MOST_INFORMATIVE` times.
        repeats: Runs of a judged side.
        say: Takes progress.

    Raises:
        EksploraError: If the sides do not take the same steps.
    """
    say("one epoch of each side first, not counted")
    for calls in sides.values():  # imports, thread pools and MLflow's database are there afterwards
        run(calls, "trainer.max_epochs=1")
    few = min(repeats, MOST_INFORMATIVE)
    turns = {name: Side(partial(run, calls), repeats if name in judged else few) for name, calls in sides.items()}
    runs = in_turn(turns, say, lambda one: one.seconds)
    steps = {name: sorted({one.steps for one in taken}) for name, taken in runs.items()}
    if len({number for numbers in steps.values() for number in numbers}) != 1:
        raise EksploraError(f"the sides took different numbers of steps: {steps}")
    return runs


def seconds(runs: Sequence[Run]) -> list[float]:
    """Seconds of each run per training: a run has a score for each."""
    return [one.seconds / max(1, len(one.scores)) for one in runs]


def rows_of(runs: Mapping[str, Sequence[Run]], *, judged: Collection[str], against: str, target: float) -> list[Row]:
    """One row per side, with the seconds of a training.

    Args:
        runs: The runs of each side.
        judged: The sides that are to be faster.
        against: Than which.
        target: How many times.
    """
    bare = median(seconds(runs[against]))
    rows: list[Row] = []
    for name, taken in runs.items():
        faster = bare / median(seconds(taken))
        verdict_of = verdict(faster, target, sign=">=") if name in judged else NO_VERDICT
        rows.append({"side": name} | spread(seconds(taken), "s") | {"times faster": f"{faster:.2f}"} | verdict_of)
    return rows
