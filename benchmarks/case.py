"""A training that is measured, on our side and by hand, as plain values that travel to the processes of the sides."""

import gc
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import torch

from benchmarks import bare
from benchmarks.tracked import TrackedTraining, members_of
from eksplora.config import Configurator, compose_root, part, plain
from eksplora.errors import ConfigError
from eksplora.training.recipe import Fold, Recipe
from eksplora.types import Config
from eksplora.work.job import device_of, recipe_of

SCORES: Mapping[str, bare.Score] = {"mae": bare.absolute_error, "accuracy": bare.hits}
SWITCHES = ("fused", "foreach")
"""Settings of torch's optimizers that change how a step is carried out, not what it computes."""


@dataclass(frozen=True)
class Run:
    """One run of a side.

    Attributes:
        begun: When it began, in seconds; the clock is the same in all processes of a machine.
        ended: When it was over.
        steps: Optimizer steps of each training.
        scores: Validation score of each training; empty where nothing was validated.
    """

    begun: float
    ended: float
    steps: int
    scores: Sequence[float] = ()

    @property
    def seconds(self) -> float:
        """From its begin to its end."""
        return self.ended - self.begun


@dataclass(frozen=True)
class Case:
    """One training, to be measured on both sides.

    Attributes:
        overrides: What is trained, as overrides of the root `train`.
        folder: Where ours writes, each process in a folder of its own.
        threads: Threads of a side.
    """

    overrides: tuple[str, ...]
    folder: Path
    threads: int

    def but(self, *overrides: str) -> "Case":
        """The same with further overrides."""
        return replace(self, overrides=(*self.overrides, *overrides))

    def ours(self, members: int = 1, first: int = 0) -> Run:
        """Train members together, as a study does.

        Args:
            members: How many; a population is as large, whatever the rule for its size says.
            first: Index of the first.
        """
        parts = load(self)
        config = parts.config | {"training": parts.config["training"] | {"population": members}}
        name = f"study-{next(_numbers)}"
        whom = members_of(first, members)
        training = TrackedTraining(parts.settings, config, name=name, threads=self.threads, members=whom)
        gc.collect()
        begun = time.perf_counter()
        results = training.run()
        ended = time.perf_counter()
        steps = {result.step for result in results}
        assert len(steps) == 1, f"members took different numbers of steps: {steps}"
        return Run(begun, ended, steps.pop(), [result.value for result in results if result.value is not None])

    def bare(self, *, validates: bool = True, switches: bool = False) -> Run:
        """Train once by hand, on the device of ours.

        Args:
            validates: Whether it validates after each epoch.
            switches: Whether its optimizer takes over settings such as `fused`.
        """
        parts = load(self)
        torch.set_num_threads(self.threads)
        recipe, device = parts.recipe, device_of(parts.config)
        targets = recipe.task.target(parts.fold.targets).to(device)
        features, split = parts.fold.features.to(device), parts.fold.split
        rows, others = torch.from_numpy(split.train), torch.from_numpy(split.validation)
        x, y, others_x, others_y = features[rows], targets[rows], features[others], targets[others]
        gc.collect()
        begun = time.perf_counter()
        network = bare.plain_network(recipe.network()).to(device)
        validate = bare.validation(network, others_x, others_y, SCORES[recipe.metric_name])
        steps, score = bare.train(
            network,
            recipe.loss,
            bare.adam(network, parts.config["optimizer"], switches=switches),
            x,
            y,
            epochs=recipe.max_epochs,
            batch_size=recipe.batch_size,
            validate=validate if validates else None,
        )
        if device.type == "cuda":
            torch.cuda.synchronize()
        return Run(begun, time.perf_counter(), steps, [] if score is None else [score])


Work = Callable[..., Run]
"""`Case.ours` or `Case.bare`."""


@dataclass(frozen=True)
class Parts:
    """A case's parts: the resolved root, the configuration of the training, and what is built from it."""

    settings: Config
    config: Config
    recipe: Recipe
    fold: Fold

    @property
    def switches(self) -> dict[str, Any]:
        """The optimizer's settings about how a step is carried out."""
        optimizer = self.config["optimizer"]
        return {name: optimizer[name] for name in SWITCHES if optimizer.get(name) is not None}


_numbers = count()


@lru_cache
def load(case: Case) -> Parts:
    """Compose a case and read its data, so that neither side does within the clock.

    Raises:
        ConfigError: If its protocol has several folds.
    """
    own = case.folder / str(os.getpid())
    overrides = [*case.overrides, *(f"paths.{name}='{own / name}'" for name in ("mlruns", "results"))]
    settings = plain(compose_root("train", overrides))
    config = Configurator("train", overrides)({})
    part(config, "data").prepare()
    recipe, folds = recipe_of(config)
    if len(folds) > 1:
        raise ConfigError(f"protocol: a bare loop knows one split, this gives {len(folds)}. Choose protocol=holdout.")
    return Parts(settings, config, recipe, folds[0])
