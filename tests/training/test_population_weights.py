"""Rows that count differently: as if they stood there as often, alone or together, and after a stop."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small
import torch
from torch import nn

from eksplora.errors import ConfigError
from eksplora.training.recipe import Fold, Recipe
from eksplora.types import Member, MemberResult, Split
from eksplora.work.weighted import Weighted

BASES = pytest.mark.parametrize("base", [small.regression, small.classification], ids=["mlp", "cnn"])
TIMES = np.random.default_rng(0).integers(1, 4, 96)


def weighted(base: Callable[..., Recipe], **changes: Any) -> Recipe:
    return base(**{"metric": Weighted(base().metric), **changes})


def fold_of(base: Callable[..., Recipe], split: Split = small.SPLIT) -> Fold:
    return replace(small.fold_of(base()), split=split, weights=torch.from_numpy(TIMES).float())


def repeated(fold: Fold) -> Fold:
    """The same rows, each as often as its weight says."""
    first = np.concatenate([[0], TIMES.cumsum()])
    places = [np.concatenate([np.arange(first[row], first[row + 1]) for row in rows])
              for rows in (fold.split.train, fold.split.validation)]  # fmt: skip
    times = torch.from_numpy(TIMES)
    features, targets = (array.repeat_interleave(times, dim=0) for array in (fold.features, fold.targets))
    return replace(fold, split=Split(*places), features=features, targets=targets, weights=None)


def trained(base: Callable[..., Recipe], folds: list[Fold], folder: Path, **changes: Any) -> list[MemberResult]:
    members = [Member(index=index, seed=11 + index, fold=index) for index in range(len(folds))]
    seats = [small.Seat(base(**changes), member, fold) for member, fold in zip(members, folds, strict=True)]
    return small.train_together(seats, folder)


@BASES
@pytest.mark.parametrize("count", [1, 2], ids=["alone", "together"])
def test_a_weight_is_how_often_a_row_stands_there(base: Callable[..., Recipe], count: int, tmp_path: Path) -> None:
    """With all rows in one batch, where their order is none."""
    fold = fold_of(base)
    changes = {"metric": Weighted(base().metric), "batch_size": 70}
    own = trained(base, [fold] * count, tmp_path / "own", **changes)
    rows = len(repeated(fold).split.train)
    other = trained(base, [repeated(fold)] * count, tmp_path / "other", batch_size=rows)
    for one, reference in zip(own, other, strict=True):
        for name, curve in reference.curves.items():
            assert one.curves[name] == pytest.approx(curve, rel=1e-4, abs=1e-5), name
        assert one.curves["train/loss"] != pytest.approx(one.curves["val/loss"], rel=1e-3)


@BASES
def test_members_of_unequal_folds_are_as_alone(base: Callable[..., Recipe], tmp_path: Path) -> None:
    splits = [Split(np.arange(70), np.arange(70, 96)), Split(np.arange(27, 96), np.arange(27))]
    folds = [fold_of(base, split) for split in splits]
    together = trained(base, folds, tmp_path / "together", metric=Weighted(base().metric))
    for index, result in enumerate(together):
        member = Member(index=index, seed=11 + index, fold=index)
        alone = small.train(weighted(base), tmp_path / f"alone-{index}", fold=folds[index], member=member)
        for name, curve in alone.curves.items():
            assert result.curves[name] == pytest.approx(curve, rel=1e-4, abs=1e-5), name


@BASES
def test_a_stopped_training_goes_on_with_the_same_bits(
    base: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eksplora.training.batches.CHUNK_STEPS", 2)
    seats = [small.Seat(weighted(base), Member(index=index, seed=11 + index), fold_of(base)) for index in range(2)]
    whole = small.train_together(seats, tmp_path / "whole")
    small.train_together(seats, tmp_path / "stopped", small.StopsAfterChunks(chunks=2))
    again = small.train_together(seats, tmp_path / "stopped")
    assert [one.weights_sha256 for one in again] == [one.weights_sha256 for one in whole]
    assert [one.curves for one in again] == [one.curves for one in whole]


def test_weights_and_those_of_classes_multiply(tmp_path: Path) -> None:
    from eksplora.imbalance import Imbalance

    base, changes = small.classification, {"imbalance": Imbalance(class_weights="balanced", sampling="none")}
    (one,) = trained(base, [fold_of(base)], tmp_path / "one", metric=Weighted(base().metric), **changes)
    (other,) = trained(base, [fold_of(base)], tmp_path / "other", metric=Weighted(base().metric))
    assert one.curves["train/loss"] != pytest.approx(other.curves["train/loss"], rel=1e-3)


def test_a_loss_that_is_no_mean_over_rows_is_refused(tmp_path: Path) -> None:
    class Worst(nn.Module):
        reduction = "mean"

        def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return (outputs - targets).abs().max()

    with pytest.raises(ConfigError, match=r"rows have weights: Worst is no mean over rows\. Choose another loss"):
        trained(small.regression, [fold_of(small.regression)], tmp_path, loss=Worst())
