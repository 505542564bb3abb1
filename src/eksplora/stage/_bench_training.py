"""Measurement of a training: ours, tracked, against a bare PyTorch loop that takes the same steps, in turn."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from statistics import median

import torch

from eksplora import build
from eksplora.stage import _bench_bare as bare
from eksplora.stage._bench_table import NO_VERDICT, Row, Section, spread, verdict
from eksplora.stage._bench_tracked import TrackedTraining
from eksplora.stage._job import recipe_of
from eksplora.types import Status

OURS = "eksplora, tracked"
BARE = "bare loop"
UNVALIDATED = "bare loop without validation"
SWITCHES = ("fused", "foreach")
"""Settings of torch's optimizers that change how a step is carried out, not what it computes."""
SCORES: Mapping[str, bare.Score] = {"mae": bare.absolute_error, "accuracy": bare.hits}

Side = Callable[[], tuple[float, int]]
"""Trains once; returns seconds, and the steps taken."""
Say = Callable[[str], None]

TEXT = """\
Seconds of one training, `experiment={experiment}`: {epochs} epoch(s), {steps} steps of {batch_size} rows, float32,
{threads} thread(s) on both sides (`torch.set_num_threads`), data in memory, after one short training of each side.

- {OURS}: from the first event of the trial until its run is complete in MLflow (SQLite), with training and validation
  curves, weights and spool.
- {BARE}: `train` in `src/eksplora/stage/_bench_bare.py`, with a validation after each epoch, and Adam with the numbers
  of `conf/optimizer/adam.yaml` and torch's own choice of how its step is carried out.

Ratios are of medians: ours over the row's. The target is for the first row, whose ratio is to `{BARE}`; the others are
for information."""


class Case:
    """One training, ready to be measured on both sides."""

    def __init__(self, overrides: Sequence[str], *, threads: int) -> None:
        """Read the data, so that neither side does within the clock.

        Args:
            overrides: What is trained, as overrides of the root `train`; its `paths` say where ours writes.
            threads: Threads of both sides.
        """
        self.threads = threads
        self.settings = build.plain(build.compose_root("train", overrides))
        self.config = build.Configurator("train", overrides)({})
        build.part(self.config, "data").prepare()
        self.recipe, self.split = recipe_of(self.config)
        self._numbers = count()

    def sides(self) -> dict[str, Side]:
        """Both sides, and the variants of the bare loop that are shown for information."""
        optimizer = self.config["optimizer"]
        switches = [f"{name}={optimizer[name]}" for name in SWITCHES if optimizer.get(name) is not None]
        variants: dict[str, Side] = {UNVALIDATED: lambda: self.bare(validates=False)}
        if switches:
            variants[f"bare loop with {', '.join(switches)}"] = lambda: self.bare(switches=True)
        return {OURS: self.ours, BARE: self.bare} | variants

    def ours(self) -> tuple[float, int]:
        """Train as a study does."""
        name = f"{self.settings['experiment']}-{next(self._numbers)}"
        training = TrackedTraining(self.settings, self.config, name=name, threads=self.threads)
        gc.collect()
        begun = time.perf_counter()
        result = training.run()
        seconds = time.perf_counter() - begun
        assert result.status is Status.FINISHED, result.message
        return seconds, result.step

    def bare(self, *, validates: bool = True, switches: bool = False) -> tuple[float, int]:
        """Train by hand."""
        torch.set_num_threads(self.threads)
        recipe, data = self.recipe, self.recipe.data
        rows, others = torch.from_numpy(self.split.train), torch.from_numpy(self.split.validation)
        gc.collect()
        begun = time.perf_counter()
        network = bare.plain_network(recipe.network())
        targets = recipe.task.target(data.targets)
        score = SCORES[recipe.metric_name]
        validate = bare.validation(network, data.features[others], targets[others], score)
        steps, _ = bare.train(
            network,
            recipe.loss,
            bare.adam(network, self.config["optimizer"], switches=switches),
            data.features[rows],
            targets[rows],
            epochs=recipe.max_epochs,
            batch_size=recipe.batch_size,
            validate=validate if validates else None,
        )
        return time.perf_counter() - begun, steps

    def warm_up(self) -> None:
        """Train one epoch on each side: imports, thread pools and MLflow's database are there afterwards."""
        whole = self.config, self.recipe
        trainer = self.config["trainer"] | {"max_epochs": 1}
        self.config, self.recipe = self.config | {"trainer": trainer}, replace(self.recipe, max_epochs=1)
        self.ours()
        self.bare()
        self.config, self.recipe = whole


def measure_training(case: Case, *, target: float, repeats: int, say: Say) -> Section:
    """Time all sides in turn, `repeats` times, every second time in reverse: a drift of the machine meets all alike."""
    say("one epoch of each side first, not counted")
    case.warm_up()
    sides, seconds, steps = case.sides(), dict[str, list[float]](), set[int]()
    begun = time.perf_counter()
    for run in range(repeats):
        for name in list(sides)[:: -1 if run % 2 else 1]:
            taken, number = sides[name]()
            seconds.setdefault(name, []).append(taken)
            steps.add(number)
        left = (time.perf_counter() - begun) / (run + 1) * (repeats - run - 1)
        latest = ", ".join(f"{name} {seconds[name][-1]:.2f} s" for name in sides)
        say(f"run {run + 1} of {repeats} ({latest}), about {left:.0f} s left")
    assert len(steps) == 1, f"the sides took different numbers of steps: {steps}"
    return report(case, seconds, target=target, num_steps=steps.pop())


def report(case: Case, seconds: Mapping[str, list[float]], *, target: float, num_steps: int) -> Section:
    """The section of a training's measurement."""
    experiment, recipe = case.settings["experiment"], case.recipe
    text = TEXT.format(
        experiment=experiment,
        epochs=recipe.max_epochs,
        steps=num_steps,
        batch_size=recipe.batch_size,
        threads=case.threads,
        OURS=OURS,
        BARE=BARE,
    )
    return Section(f"One training of {experiment}", text, rows_of(seconds, target=target))


def rows_of(seconds: Mapping[str, list[float]], *, target: float) -> list[Row]:
    """One row per side; the first carries the verdict, the others our time over theirs for comparison."""
    ours = median(seconds[OURS])
    rows: list[Row] = []
    for name in [OURS, *(name for name in seconds if name != OURS)]:
        ratio = ours / median(seconds[BARE if name == OURS else name])
        judged = verdict(ratio, target, sign="<=") if name == OURS else NO_VERDICT
        rows.append({"side": name} | spread(seconds[name], "s") | {"ratio": f"{ratio:.3f}"} | judged)
    return rows
