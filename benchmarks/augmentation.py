"""Measurement of augmentation: what each choice costs, beside the training step that follows it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from benchmarks import bare
from benchmarks.case import Case, load
from benchmarks.sides import processes
from benchmarks.table import NO_VERDICT, Row, Section, spread, verdict
from benchmarks.turns import Say, turns
from eksplora.augmentation import Augmentation
from eksplora.config import Configurator, choices
from eksplora.training.allocation import keep_freed_memory

CALLS = 5
"""Calls of one run."""

STEP = "none: the step itself"

TEXT = """\
Milliseconds in which `augmentation=...` changes a batch of {rows} rows of `experiment={experiment}`, float32, {threads}
thread(s), in one process that keeps the memory it frees, as trainings do (`training/allocation.py`). Every call comes
right after a step of a bare loop (forward, backward, Adam) with the same rows, so it finds the caches as a training
leaves them. A run is the median of {CALLS} calls.

Share: the row's median over that of the step; at most {target:.0%} is asked for."""


@dataclass(frozen=True)
class Times:
    """Seconds of one run: of the step and of the augmentation after it."""

    step: float
    augmentation: float


def options() -> list[str]:
    """The choices that change something."""
    return [name for name in choices("augmentation") if name != "none"]


def measure_augmentation(
    case: Case, *, names: Sequence[str], rows: int, target: float, repeats: int, say: Say
) -> Section:
    """Time the choices in turn.

    Args:
        case: The training, of images.
        names: Of the choices.
        rows: Of the batch.
        target: Share of a step that each may take.
        repeats: Runs of each.
        say: Takes progress.
    """
    say(f"{repeats} runs of {', '.join(names)}")
    with processes(1) as (process,):
        runs = process.submit(time_all, case, names, rows, repeats).result()
    text = TEXT.format(
        rows=rows, experiment=load(case).settings["experiment"], threads=case.threads, CALLS=CALLS, target=target
    )
    return Section("Augmentation", text, rows_of(runs, target=target))


def time_all(case: Case, names: Sequence[str], rows: int, repeats: int) -> dict[str, list[Times]]:
    """The runs of each choice."""
    keep_freed_memory()
    torch.set_num_threads(case.threads)
    parts = load(case)
    chosen = torch.from_numpy(parts.fold.split.train[:rows])
    x, y = parts.fold.features[chosen], parts.recipe.task.target(parts.fold.targets)[chosen]
    network = bare.plain_network(parts.recipe.network())
    optimizer = bare.adam(network, parts.config["optimizer"], switches=True)
    step = step_of(network, parts.recipe.loss, optimizer, x, y)
    choices = {name: choice(case, name) for name in names}
    for augmentation in choices.values():  # tables are made and memory is taken
        time_one(step, augmentation, x)
    runs: dict[str, list[Times]] = {name: [] for name in names}
    for name in turns(dict.fromkeys(names, repeats)):
        runs[name].append(time_one(step, choices[name], x))
    return runs


def choice(case: Case, name: str) -> Augmentation:
    """The augmentation of this name."""
    config = Configurator("train", [*case.overrides, f"augmentation={name}"])({})
    return Augmentation(**config["augmentation"])


def step_of(
    network: nn.Module, loss_function: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor
) -> Callable[[], object]:
    """A step of the bare loop, always with the same rows."""

    def step() -> object:
        return bare.train(network, loss_function, optimizer, x, y, epochs=1, batch_size=len(x))

    return step


def time_one(step: Callable[[], object], augmentation: Augmentation, x: Tensor) -> Times:
    """One run on a batch `x` (rows, ...)."""
    taken = []
    for number in range(CALLS):
        key = torch.tensor([number])
        begun = time.perf_counter()
        step()
        stepped = time.perf_counter()
        augmentation(x[None], key)
        taken.append((stepped - begun, time.perf_counter() - stepped))
    return Times(*(median(seconds) for seconds in zip(*taken, strict=True)))


def rows_of(runs: Mapping[str, Sequence[Times]], *, target: float) -> list[Row]:
    """One row for the step, and one for each choice, in milliseconds."""
    steps = [1000 * one.step for taken in runs.values() for one in taken]
    table: list[Row] = [{"augmentation": STEP} | spread(steps, "ms") | {"share": "1.000"} | NO_VERDICT]
    for name, taken in runs.items():
        own = [1000 * one.augmentation for one in taken]
        share = median(own) / median(steps)
        table.append(
            {"augmentation": name} | spread(own, "ms") | {"share": f"{share:.3f}"} | verdict(share, target, sign="<=")
        )
    return table
