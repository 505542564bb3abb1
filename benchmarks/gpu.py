"""Measurement of populations on a GPU against a bare PyTorch loop on the same GPU."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from benchmarks.case import Case, load
from benchmarks.population import fused
from benchmarks.sides import Call, processes, rows_of, time_sides
from benchmarks.table import Row, Section
from benchmarks.training import BARE
from benchmarks.turns import Say

TITLE = "Populations on a GPU"
NO_GPU = "Not measured: this machine has no GPU."

TEXT = """\
Seconds per training on {device}, float32, after one epoch of each side; each side in a process of its own.

- eksplora: the members of one population, tracked in MLflow, over their number; `training.population` is set.
- {BARE}: the data on the GPU, a validation after each epoch.

Times faster: the bare loop's median over the row's."""


@dataclass(frozen=True)
class Promise:
    """A population of `members` is to be `target` times faster per member; the case trains on a GPU."""

    case: Case
    members: int
    target: float


def measure_gpu(promises: Sequence[Promise], *, repeats: int, say: Say) -> Section:
    """Time each population against the bare loop, where there is a GPU."""
    if not torch.cuda.is_available():
        return Section(TITLE, NO_GPU, [])
    text = TEXT.format(device=torch.cuda.get_device_name(), BARE=BARE)
    return Section(TITLE, text, [row for promise in promises for row in measure(promise, repeats=repeats, say=say)])


def measure(promise: Promise, *, repeats: int, say: Say) -> list[Row]:
    """The rows of one promise."""
    judged = fused(promise.members)
    with processes(2) as (ours, bare):
        sides: Mapping[str, Sequence[Call]] = {
            judged: [Call(ours, Case.ours, promise.case, {"members": promise.members})],
            BARE: [Call(bare, Case.bare, promise.case)],
        }
        runs = time_sides(sides, judged=(judged, BARE), repeats=repeats, say=say)
    experiment = load(promise.case).settings["experiment"]
    rows = rows_of(runs, judged=(judged,), against=BARE, target=promise.target)
    return [{"training": experiment, **row} for row in rows]
