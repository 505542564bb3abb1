"""Measurement of bfloat16: an epoch against a bare PyTorch loop in float32, and what it does to the accuracy."""

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from benchmarks.case import Case, Run, load
from benchmarks.peers.cnn import BF16, FLOAT32, PRECISIONS, accuracy_rows
from benchmarks.sides import Call, processes, rows_of, time_sides
from benchmarks.table import Section
from benchmarks.turns import Say

BARE = "bare loop, float32"
INSTRUCTIONS = ("amx_bf16", "avx512_bf16")

SPEED = """\
Seconds of one training, `experiment={experiment}`: {epochs} epoch(s), {steps} steps of {batch_size} rows, {threads}
thread(s) on both sides, each in a process of its own, after one epoch of each. Of the instructions for bfloat16
(amx_bf16, avx512_bf16) this processor has: {instructions}.

- {BF16}: `trainer.precision=bf16-mixed`, tracked as above.
- {FLOAT32}: the same with `trainer.precision=32-true`.
- {BARE}: as above, with a validation after each epoch.

Times faster: the bare loop's median over the row's."""

ACCURACY = """\
Validation score of {experiment} after {epochs} epoch(s), by {seeds} members (seeds) trained alone in each precision.
Both precisions share a member's initial weights and order of rows, so members are compared in pairs; the interval of
the mean is Student's, 95 %. Distinguishable: whether the interval of the differences leaves out 0."""


def bf16_instructions(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Those of `INSTRUCTIONS` that the processor has, in words."""
    flags = next((line.split() for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), [])
    return ", ".join(name for name in INSTRUCTIONS if name in flags) or "none"


def measure_speed(case: Case, *, target: float, repeats: int, say: Say) -> Section:
    """Time both precisions of ours and the bare loop in turn."""
    with processes(2) as (ours, bare):
        sides = {name: [Call(ours, Case.ours, in_precision(case, name))] for name in PRECISIONS}
        sides[BARE] = [Call(bare, Case.bare, case)]
        runs = time_sides(sides, judged=(BF16, BARE), repeats=repeats, say=say)
    parts, rows = load(case), rows_of(runs, judged=(BF16,), against=BARE, target=target)
    text = SPEED.format(
        experiment=parts.settings["experiment"],
        epochs=parts.recipe.max_epochs,
        steps=runs[BARE][0].steps,
        batch_size=parts.recipe.batch_size,
        threads=case.threads,
        instructions=bf16_instructions(),
        BF16=BF16,
        FLOAT32=FLOAT32,
        BARE=BARE,
    )
    return Section(f"{parts.settings['experiment']} in bfloat16", text, rows)


def in_precision(case: Case, name: str) -> Case:
    """The case in one of the `PRECISIONS`."""
    return case.but(f"trainer.precision={PRECISIONS[name]}")


def measure_accuracy(case: Case, *, epochs: int, seeds: int, say: Say) -> Section:
    """Train the same members in both precisions, as many at once as the case has threads."""
    short = replace(case, threads=1).but(f"trainer.max_epochs={epochs}")
    say(f"{seeds} members in each precision")
    with processes(1, at_once=case.threads) as (pool,):
        futures: dict[str, list[Future[Run]]] = {name: [] for name in PRECISIONS}
        for number in range(seeds):
            for name, begun in futures.items():
                begun.append(pool.submit(Case.ours, in_precision(short, name), first=number))
        scores = {name: [future.result().scores[0] for future in begun] for name, begun in futures.items()}
    experiment = load(short).settings["experiment"]
    text = ACCURACY.format(experiment=experiment, epochs=epochs, seeds=seeds)
    return Section(f"Accuracy of {experiment} in bfloat16", text, accuracy_rows(scores))
