"""Measurement of populations: seconds per member against a bare PyTorch loop, by size."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

from benchmarks.case import Case, load
from benchmarks.sides import Call, processes, rows_of, time_sides
from benchmarks.table import Section
from benchmarks.training import BARE
from benchmarks.turns import Say

BARE_AT_ONCE = "bare loop, two at once with one thread each"
TARGET, AIM = 4.0, 8.0

TEXT = """\
Seconds per training, `experiment={experiment}`: {epochs} epoch(s), {steps} steps of {batch_size} rows, float32, data in
memory, {threads} threads in all (`torch.set_num_threads`) and processes that live for the whole measurement on every
side, after one epoch of each.

- eksplora: members with seeds of their own, trained as one population (`training.population` is set to its size): from
  the first event of the trial to the last, with every member's training and validation curves, results and weights, on
  the disk; over the number of members. Tracked: until all runs are complete in MLflow (SQLite), which the bare loop has
  nothing like.
- two workers: the members in two populations at once, in two processes with one thread each, as a study with
  `study.workers=2` has it.
- {BARE}: as above, with a validation after each epoch. Two at once: in two processes, one network each; over two.

Times faster: the bare loop's median over the row's. At least {target:g} is asked for with {judged} members, {aim:g} is
the aim, in one process with all threads and as a study on two cores has it. The other rows are for information and show
where the optimum is."""


def fused(members: int) -> str:
    """The name of the side that trains one population."""
    return f"eksplora, population of {members}"


def tracked(members: int) -> str:
    """The name of the side that trains one population and has it in MLflow."""
    return f"eksplora, population of {members}, tracked"


def on_two_workers(members: int) -> str:
    """The name of the side that trains two populations at once."""
    return f"eksplora, {members} members on two workers"


def measure_population(
    case: Case, *, sizes: Sequence[int], judged: int, target: float, aim: float, repeats: int, say: Say
) -> Section:
    """Time populations of all sizes and the bare loop in turn.

    Args:
        case: The training.
        sizes: Members of a population.
        judged: The size, even and one of `sizes`, that the target is about.
        target: Times faster that it is to be.
        aim: What is hoped for.
        repeats: Runs of the judged sides.
        say: Takes progress.
    """
    with processes(4) as workers:
        sides = sides_of(case, sizes, judged, workers)
        ours = fused(judged), on_two_workers(judged)
        runs = time_sides(sides, judged=(*ours, BARE), repeats=repeats, say=say)
    parts, rows = load(case), rows_of(runs, judged=ours, against=BARE, target=target)
    text = TEXT.format(
        experiment=parts.settings["experiment"],
        epochs=parts.recipe.max_epochs,
        steps=runs[BARE][0].steps,
        batch_size=parts.recipe.batch_size,
        threads=case.threads,
        BARE=BARE,
        target=target,
        judged=judged,
        aim=aim,
    )
    return Section(f"A population of {parts.settings['experiment']}", text, rows)


def sides_of(case: Case, sizes: Sequence[int], judged: int, workers: Sequence[Executor]) -> dict[str, list[Call]]:
    """The populations, and the bare loop; two processes each for what runs at once."""
    ours, others = workers[:2], workers[2:]
    untracked = case.but("tracker=off")
    one_thread = replace(untracked, threads=1)
    half = judged // 2
    halves = [
        Call(worker, Case.ours, one_thread, {"members": half, "first": first})
        for worker, first in zip(ours, (0, half), strict=True)
    ]
    return {
        **{fused(size): [Call(ours[0], Case.ours, untracked, {"members": size})] for size in sizes},
        tracked(judged): [Call(ours[0], Case.ours, case, {"members": judged})],
        on_two_workers(judged): halves,
        BARE: [Call(others[0], Case.bare, case)],
        BARE_AT_ONCE: [Call(worker, Case.bare, one_thread) for worker in others],
    }
