"""What the toolbox does to a training, against the bare loop: draws, weights, targets, augmentation, schedules."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small
import torch
from test_population_ends import assert_leaves_the_others_alone
from torch import nn

from eksplora.augmentation import Augmentation
from eksplora.imbalance import Imbalance, class_weights
from eksplora.initialization import matched
from eksplora.model.cnn_residual import CNNResidual
from eksplora.model.mlp_residual import MLPResidual
from eksplora.scheduler import Plateau
from eksplora.training.recipe import Fold, Recipe

OFF = {
    "horizontal_flip": 0.0,
    "vertical_flip": 0.0,
    "rotation_degrees": 0.0,
    "shift_pixels": 0,
    "crop_fraction": 1.0,
    "erase_probability": 0.0,
    "erase_fraction": 0.25,
    "mixup_alpha": 0.0,
    "cutmix_alpha": 0.0,
}
PLATEAU = Plateau(factor=0.5, patience=1, min_delta=1.0, cooldown=0, min_factor=0.01)


def augmentation(**changes: Any) -> Augmentation:
    return Augmentation(**OFF | changes)


STANDARDIZED = replace(small.NUMBERS, target_shift=np.array([0.7]), target_scale=np.array([2.5]))

RESIDUAL: dict[str, Any] = {
    "activation_parameter": None,
    "output_activation": "identity",
    "normalization": "none",
    "groups": 1,
    "dropout": 0.0,
    "dropout_kind": "standard",
    "branch_scale": None,
}


def mlp_residual() -> nn.Module:
    shape = {"input_shape": [5], "num_outputs": 1, "widths": [13, 13, 7], "normalization_place": "before"}
    return MLPResidual(**shape, activation=["relu", "selu", "tanh"], **RESIDUAL)


def cnn_residual() -> nn.Module:
    shape = {"input_shape": [1, 8, 8], "num_outputs": 3, "filters": [4, 6], "blocks": 1}
    return CNNResidual(**shape, activation=["relu", "elu", "silu"], **RESIDUAL)


CASES: dict[str, tuple[Recipe, Fold | None]] = {
    "flip": (small.classification(augmentation=augmentation(horizontal_flip=0.5)), None),
    "geometry": (small.classification(augmentation=augmentation(rotation_degrees=20.0, shift_pixels=1)), None),
    "mixup": (small.classification(augmentation=augmentation(mixup_alpha=0.4)), None),
    "cutmix": (small.classification(augmentation=augmentation(cutmix_alpha=1.0)), None),
    "mixup of a table": (small.regression(augmentation=augmentation(mixup_alpha=0.4)), None),
    "weighted sampling": (small.classification(imbalance=Imbalance(class_weights="none", sampling="balanced")), None),
    "standardized targets": (small.regression(), STANDARDIZED),
    "plateau": (small.regression(schedule=PLATEAU, max_epochs=5, optimizer=small.momentum), None),
    "one batch of all rows": (small.regression(batch_size=70), None),
    "residual layers": (small.regression(network=mlp_residual, initialize=matched), None),
    "residual blocks": (small.classification(network=cnn_residual, initialize=matched), None),
    "single rows": (small.regression(batch_size=1, max_epochs=1), None),
}


@pytest.mark.parametrize("name", CASES)
def test_a_training_is_the_bare_loop(name: str, tmp_path: Path) -> None:
    recipe, fold = CASES[name]
    bare, result = small.bare_loop(recipe, fold=fold), small.train(recipe, tmp_path, fold=fold)
    assert result.curves["train/loss"] == pytest.approx(bare.train_loss, rel=1e-5)
    assert result.curves["val/loss"] == pytest.approx(bare.val_loss, rel=1e-5)
    for key, value in bare.network.state_dict().items():
        torch.testing.assert_close(small.load(result)[key], value, rtol=0, atol=2e-6, msg=key)


@pytest.mark.parametrize("name", CASES)
def test_members_are_those_that_train_alone(name: str, tmp_path: Path) -> None:
    recipe, fold = CASES[name]
    seats = [small.Seat(seat.recipe, seat.member, fold) for seat in small.seats([recipe] * 3)]
    together = small.train_together(seats, tmp_path / "together")
    for seat, result in zip(seats, together, strict=True):
        (alone,) = small.train_together([seat], tmp_path / f"alone-{seat.member.index}")
        assert result.curves["val/loss"] == pytest.approx(alone.curves["val/loss"], rel=1e-4)
        for key, value in small.load(alone).items():
            torch.testing.assert_close(small.load(result)[key], value, rtol=0, atol=1e-5, msg=key)


@pytest.mark.parametrize("name", CASES)
def test_a_member_that_leaves_changes_no_bit_of_the_others(name: str, tmp_path: Path) -> None:
    recipe, fold = CASES[name]
    recipe = replace(recipe, max_epochs=max(2, recipe.max_epochs))
    seats = [small.Seat(seat.recipe, seat.member, fold) for seat in small.seats([recipe] * 3)]
    assert_leaves_the_others_alone(seats, 0, "is pruned", tmp_path)


@pytest.mark.parametrize("name", ["mixup", "weighted sampling", "plateau", "standardized targets"])
def test_stopping_and_going_on_changes_no_bit(name: str, tmp_path: Path) -> None:
    recipe, fold = CASES[name]
    whole = small.train(recipe, tmp_path / "whole", fold=fold)
    assert not small.train_together([small.Seat(recipe, fold=fold)], tmp_path / "parts", small.Decides(at=2))
    resumed = small.train(recipe, tmp_path / "parts", fold=fold)
    assert resumed.curves == whole.curves
    for key, value in small.load(whole).items():
        assert torch.equal(small.load(resumed)[key], value), key


class Weighted(nn.Module):
    """Cross entropy in which a row counts as its class does; the mean is over rows."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.sum = nn.CrossEntropyLoss(weight=weight, reduction="sum")

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.sum(outputs, targets) / len(outputs)  # type: ignore[no-any-return]


def test_class_weights_are_those_of_the_rows_to_learn_from(tmp_path: Path) -> None:
    balanced = small.classification(imbalance=Imbalance(class_weights="balanced", sampling="none"))
    counts = np.bincount(small.CLASSES.targets[small.SPLIT.train].numpy(), minlength=3)
    weight = torch.from_numpy(class_weights(counts)).float()
    bare = small.bare_loop(small.classification(loss=Weighted(weight)))
    result = small.train(balanced, tmp_path)
    for key, value in bare.network.state_dict().items():
        torch.testing.assert_close(small.load(result)[key], value, rtol=0, atol=2e-6, msg=key)
    plain = nn.CrossEntropyLoss()(bare.val_outputs[-1], small.CLASSES.targets[small.SPLIT.validation])
    assert result.curves["val/loss"][-1] == pytest.approx(plain.item(), rel=1e-4)  # rows count alike there


def test_errors_of_standardized_targets_are_in_the_targets_unit(tmp_path: Path) -> None:
    recipe = small.regression()
    bare, result = small.bare_loop(recipe, fold=STANDARDIZED), small.train(recipe, tmp_path, fold=STANDARDIZED)
    wanted = small.NUMBERS.targets[small.SPLIT.validation]
    assert result.value == pytest.approx((bare.val_outputs[-1] - wanted).abs().mean().item(), rel=1e-5)
    scaled = ((bare.val_outputs[-1] - wanted) / 2.5).square().mean().item()
    assert result.curves["val/loss"][-1] == pytest.approx(scaled, rel=1e-5)


def test_a_plateau_is_each_members_own(tmp_path: Path) -> None:
    """The guard of the test: with min_delta 1.0 the rates do fall, and at other epochs for other members."""
    never = small.regression(schedule=replace(PLATEAU, patience=100), max_epochs=5, optimizer=small.momentum)
    recipe, _ = CASES["plateau"]
    together = small.train_together(small.seats([recipe, never, recipe]), tmp_path / "together")
    for seat, result in zip(small.seats([recipe, never, recipe]), together, strict=True):
        (alone,) = small.train_together([seat], tmp_path / f"alone-{seat.member.index}")
        torch.testing.assert_close(torch.tensor(result.curves["val/loss"]), torch.tensor(alone.curves["val/loss"]))
    constant = small.train(never, tmp_path / "never")
    plateau = small.train(recipe, tmp_path / "plateau")
    assert plateau.curves["train/loss"][:2] == constant.curves["train/loss"][:2]
    assert plateau.curves["train/loss"][-1] != constant.curves["train/loss"][-1]
