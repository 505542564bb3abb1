"""Measurement of one training: ours, tracked, against a bare PyTorch loop that takes the same steps, in turn."""

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.case import Case, Run, load
from benchmarks.sides import Call, processes, seconds, time_sides
from benchmarks.table import NO_VERDICT, Row, Section, spread, verdict
from benchmarks.turns import Say

OURS = "eksplora, tracked"
BARE = "bare loop"
UNVALIDATED = "bare loop without validation"

TEXT = """\
Seconds of one training, `experiment={experiment}`: {epochs} epoch(s), {steps} steps of {batch_size} rows, float32,
{threads} thread(s) on both sides (`torch.set_num_threads`), data in memory, after one short training of each side.
Each side lives in a process of its own: ours changes how its process keeps memory (`training/allocation.py`), the bare
loop runs with the defaults.

- {OURS}: from the first event of the trial until its run is complete in MLflow (SQLite), with training and validation
  curves, weights and spool.
- {BARE}: `train` in `benchmarks/bare.py`, with a validation after each epoch, and Adam with the numbers
  of `conf/optimizer/adam.yaml` and torch's own choice of how its step is carried out.

Ratios are of medians: ours over the row's. The target is for the first row, whose ratio is to `{BARE}`; the others are
for information."""


def measure_training(case: Case, *, target: float, repeats: int, say: Say) -> Section:
    """Time all sides in turn."""
    with processes(2) as (ours, bare):
        sides = {
            OURS: [Call(ours, Case.ours, case)],
            BARE: [Call(bare, Case.bare, case)],
            UNVALIDATED: [Call(bare, Case.bare, case, {"validates": False})],
        }
        switches = ", ".join(f"{name}={value}" for name, value in load(case).switches.items())
        if switches:
            sides[f"bare loop with {switches}"] = [Call(bare, Case.bare, case, {"switches": True})]
        runs = time_sides(sides, judged=(OURS, BARE), repeats=repeats, say=say)
    return report(case, runs, target=target)


def report(case: Case, runs: Mapping[str, Sequence[Run]], *, target: float) -> Section:
    """The section of a training's measurement."""
    parts, times = load(case), {name: seconds(taken) for name, taken in runs.items()}
    experiment, recipe = parts.settings["experiment"], parts.recipe
    text = TEXT.format(
        experiment=experiment,
        epochs=recipe.max_epochs,
        steps=runs[OURS][0].steps,
        batch_size=recipe.batch_size,
        threads=case.threads,
        OURS=OURS,
        BARE=BARE,
    )
    return Section(f"One training of {experiment}", text, rows_of(times, target=target))


def rows_of(times: Mapping[str, Sequence[float]], *, target: float) -> list[Row]:
    """One row per side; the first carries the verdict, the others our time over theirs for comparison."""
    ours = median(times[OURS])
    rows: list[Row] = []
    for name, taken in times.items():
        ratio = ours / median(times[BARE] if name == OURS else taken)
        judged = verdict(ratio, target, sign="<=") if name == OURS else NO_VERDICT
        rows.append({"side": name} | spread(taken, "s") | {"ratio": f"{ratio:.3f}"} | judged)
    return rows
