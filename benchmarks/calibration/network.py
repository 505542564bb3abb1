"""Studies with real networks: small MLPs, trained as a population by eksplora's own training."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
import torchmetrics
from safetensors.torch import load_file
from torch import nn

from benchmarks.calibration.design import DESIGNS, Division
from benchmarks.calibration.learner import NUM_FEATURES, Drawn, Floats, Null, draw
from eksplora.counter import derive
from eksplora.initialization import glorot_uniform
from eksplora.model.mlp import MLP
from eksplora.scheduler import Constant
from eksplora.statistics.generalization import Sample
from eksplora.statistics.verdict import Verdict, compare_samples
from eksplora.training import task
from eksplora.training.fit import fit
from eksplora.training.member import MemberState
from eksplora.training.recipe import EarlyStopping, Fold, Recipe
from eksplora.types import Decision, EpochReport, Job, Member, MemberResult, Split, Training

ROWS, UNITS, EPOCHS = 150, 8, 30
DESIGN = "spread, 8 members"


@dataclass
class Results:
    """A report that lets the training run and keeps its results."""

    members: list[MemberResult] = field(default_factory=list)

    def epochs(self, reports: Sequence[EpochReport]) -> Sequence[Decision]:
        """Go on."""
        return [Decision.GO_ON] * len(reports)

    def stop_requested(self) -> bool:
        """Nobody stops a measurement."""
        return False

    def member(self, result: MemberResult) -> None:
        """Keep it."""
        self.members.append(result)

    def split(self, size: int, reason: str) -> None:
        """A population is trained whole.

        Raises:
            AssertionError: Always.
        """
        raise AssertionError(reason)


def network() -> MLP:
    """An untrained network."""
    return MLP(
        input_shape=[NUM_FEATURES],
        num_outputs=1,
        widths=[UNITS],
        activation="relu",
        output_activation="identity",
        dropout=0.0,
        normalization="none",
    )


def recipe() -> Recipe:
    """How a network is trained."""
    return Recipe(
        network=network,
        initialize=glorot_uniform,
        task=task.regression(num_outputs=1),
        loss=nn.MSELoss(),
        metric=torchmetrics.MeanAbsoluteError(),
        metric_name="mae",
        direction="minimize",
        optimizer=partial(torch.optim.Adam, lr=0.02),
        schedule=Constant(),
        trainer=partial(pl.Trainer, accelerator="cpu", devices=1),
        max_epochs=EPOCHS,
        batch_size=32,
        early_stopping=EarlyStopping(patience=None, min_delta=0.0, restore_best_weights=False),
        config_hash="calibration",
    )


def is_claimed(number: int) -> bool:
    """Whether a null study, of two configurations that see features which say equally much, claims a difference."""
    rng = np.random.default_rng(derive(3, "networks", number))
    drawn = draw(rng, ROWS, Null.SYMMETRIC)
    cut = DESIGNS[DESIGN].cut(ROWS, number)
    with tempfile.TemporaryDirectory(prefix="eksplora-calibration-") as folder:
        samples = trained(drawn, cut, number, Path(folder))
    (found,) = compare_samples(samples, list(combinations(range(2), 2)), direction="minimize")
    return found.verdict is not Verdict.NOT_DISTINGUISHABLE


def trained(drawn: Drawn, cut: Division, number: int, folder: Path) -> list[Sample]:
    """Results of the members of two configurations, which see a view each."""
    how, folds = recipe(), _folds(drawn, cut)
    members = len(cut.splits)
    # Members of one configuration after the other; the seeds of both are different.
    trainings = [
        Training(index // members, Member(index, derive(number, index) % 2**31), {}, str(folder / str(index)))
        for index in range(2 * members)
    ]
    states = [MemberState(how, one, fold) for one, fold in zip(trainings, folds, strict=True)]
    results = Results()
    fit(states, Job(0, [], str(folder / "population"), 1, 1000.0), results)
    known = sorted(results.members, key=lambda result: result.member)
    losses = np.full((2 * members, ROWS), np.nan)
    for own, fold, result in zip(losses, folds, known, strict=True):
        rows = fold.split.validation
        own[rows] = np.abs(_predicted(str(result.weights), fold.features[rows]) - drawn.targets[rows])
    values = np.array([result.value for result in known], dtype=np.float64)
    return [
        Sample(values[own], cut.splits, cut.ratio, ROWS, losses[own]) for own in (slice(members), slice(members, None))
    ]


def _folds(drawn: Drawn, cut: Division) -> list[Fold]:
    """Of each configuration's members."""
    targets = torch.from_numpy(drawn.targets[:, None]).float()
    views = [torch.from_numpy(view).float() for view in drawn.views]
    splits = [Split(*map(np.flatnonzero, rows)) for rows in zip(cut.learned, cut.judged, strict=True)]
    shape = (NUM_FEATURES,)
    return [Fold(split, view, targets, np.zeros(shape), np.ones(shape)) for view in views for split in splits]


def _predicted(weights: str, features: torch.Tensor) -> Floats:
    trained = network()
    stored = {name.removeprefix("network."): value for name, value in load_file(weights).items()}
    trained.load_state_dict({name: value for name, value in stored.items() if name in trained.state_dict()})
    with torch.inference_mode():
        predicted: Floats = trained.eval()(features)[:, 0].double().numpy()
    return predicted
