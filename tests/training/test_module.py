"""The chunked training inside Lightning against a bare PyTorch loop, and the counter rule."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small
import torch
import torchmetrics
from safetensors.torch import load_file
from sklearn import metrics as sklearn_metrics

from eksplora.model.dropout import Dropout
from eksplora.scheduler import Exponential
from eksplora.training import batches
from eksplora.training.recipe import EarlyStopping, Recipe
from eksplora.types import Decision, Member, MemberResult, Split, Status

OPTIMIZERS = pytest.mark.parametrize("optimizer", [small.adam, small.momentum], ids=["adam", "momentum"])
RECIPES = pytest.mark.parametrize("recipe", [small.regression, small.classification], ids=["mlp", "cnn"])


def weights(result: MemberResult) -> dict[str, torch.Tensor]:
    assert result.weights is not None, result.message
    stored = load_file(result.weights)
    return {key.removeprefix("network."): value for key, value in stored.items() if key.startswith("network.")}


def assert_same_bits(result: MemberResult, other: MemberResult) -> None:
    assert result.weights_sha256 is not None
    assert result.weights_sha256 == other.weights_sha256
    assert result.curves == other.curves
    assert (result.value, result.best_epoch, result.epochs, result.step, result.status) == (
        other.value,
        other.best_epoch,
        other.epochs,
        other.step,
        other.status,
    )


# --- against the bare loop ---------------------------------------------------------------------------------------


@RECIPES
@OPTIMIZERS
@pytest.mark.parametrize("max_epochs", [1, 3])
@pytest.mark.parametrize("chunk_steps", [2, 64])
def test_weights_are_those_of_a_bare_loop_bit_for_bit(
    recipe: Callable[..., Recipe],
    optimizer: Callable[..., torch.optim.Optimizer],
    max_epochs: int,
    chunk_steps: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "CHUNK_STEPS", chunk_steps)
    built = recipe(optimizer=optimizer, max_epochs=max_epochs)
    bare = small.bare_loop(built)
    result = small.train(built, tmp_path)
    assert result.status is Status.FINISHED
    assert result.step == max_epochs * 5
    for name, value in bare.network.state_dict().items():
        assert torch.equal(weights(result)[name], value), name


@RECIPES
def test_a_training_on_all_rows_is_a_bare_loops_and_is_judged_by_what_it_learns_from(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    built = recipe()
    everything = replace(small.fold_of(built), split=Split(train=np.arange(96), validation=np.arange(0)))
    compared = replace(everything, split=Split(train=np.arange(96), validation=np.arange(3)))  # it must have some
    bare = small.bare_loop(built, fold=compared)
    member = Member(index=1, seed=12)
    alone = small.train(built, tmp_path / "alone", fold=everything)
    for name, value in bare.network.state_dict().items():
        assert torch.equal(weights(alone)[name], value), name
    assert set(alone.curves) == {"train/loss", f"train/{built.metric_name}"}
    assert alone.value == alone.curves[f"train/{built.metric_name}"][-1]
    assert alone.curves["train/loss"] == pytest.approx(bare.train_loss, rel=1e-12)
    seats = [small.Seat(built, small.MEMBER, everything), small.Seat(built, member, everything)]
    together = small.train_together(seats, tmp_path / "together")
    assert together[0].curves["train/loss"] == pytest.approx(bare.train_loss, rel=1e-5)
    assert set(together[1].curves) == set(alone.curves)


@RECIPES
def test_losses_are_means_over_rows_with_the_short_batch_at_its_true_weight(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    bare, result = small.bare_loop(recipe()), small.train(recipe(), tmp_path)
    assert result.curves["train/loss"] == pytest.approx(bare.train_loss, rel=1e-12)  # both are sums in float64
    assert result.curves["val/loss"] == pytest.approx(bare.val_loss, rel=1e-12)


def test_the_loss_over_several_evaluation_blocks_is_the_mean_over_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small.regression(max_epochs=1)
    whole = small.train(recipe, tmp_path / "whole")
    monkeypatch.setattr("eksplora.training.module.rows_at_once", lambda member: 5)
    parts = small.train(recipe, tmp_path / "parts")  # 26 rows: the last block has one
    assert parts.curves["val/loss"] == pytest.approx(whole.curves["val/loss"], rel=1e-6)  # float32 means of blocks
    assert parts.curves["val/mae"] == pytest.approx(whole.curves["val/mae"], rel=1e-6)
    assert parts.weights_sha256 == whole.weights_sha256


def test_a_schedule_sets_the_rate_of_every_single_step(tmp_path: Path) -> None:
    recipe = small.regression(schedule=Exponential(decay_rate=0.5, decay_steps=3), optimizer=small.momentum)
    result, bare = small.train(recipe, tmp_path), small.bare_loop(recipe)
    assert all(torch.equal(weights(result)[name], value) for name, value in bare.network.state_dict().items())
    constant = small.train(small.regression(optimizer=small.momentum), tmp_path / "constant")
    assert constant.weights_sha256 != result.weights_sha256


REFERENCES = {
    "mae": (torchmetrics.MeanAbsoluteError, sklearn_metrics.mean_absolute_error),
    "rmse": (partial(torchmetrics.MeanSquaredError, squared=False), sklearn_metrics.root_mean_squared_error),
    "r2": (torchmetrics.R2Score, sklearn_metrics.r2_score),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_metrics_of_a_regression_are_scikit_learns(name: str, tmp_path: Path) -> None:
    metric, reference = REFERENCES[name]
    recipe = small.regression(metric=metric(), metric_name=name)
    result, bare = small.train(recipe, tmp_path), small.bare_loop(recipe)
    target = small.NUMBERS.targets[small.SPLIT.validation]
    for epoch in range(3):
        expected = reference(target, bare.val_outputs[epoch])
        assert result.curves[f"val/{name}"][epoch] == pytest.approx(expected, rel=1e-5)  # torchmetrics sums in float32
        expected = reference(bare.train_targets[epoch], bare.train_outputs[epoch])
        assert result.curves[f"train/{name}"][epoch] == pytest.approx(expected, rel=1e-5)
    assert result.value == result.curves[f"val/{name}"][-1]


def test_metrics_of_a_classification_are_scikit_learns(tmp_path: Path) -> None:
    recipe = small.classification()
    result, bare = small.train(recipe, tmp_path / "accuracy"), small.bare_loop(recipe)
    target = small.CLASSES.targets[small.SPLIT.validation]
    for epoch, output in enumerate(bare.val_outputs):
        expected = sklearn_metrics.accuracy_score(target, output.argmax(1))
        assert result.curves["val/accuracy"][epoch] == pytest.approx(expected, abs=1e-7)
    auroc = torchmetrics.classification.MulticlassAUROC(num_classes=3, average="macro", thresholds=None)
    result = small.train(small.classification(metric=auroc, metric_name="auroc"), tmp_path / "auroc")
    for epoch, output in enumerate(bare.val_outputs):
        expected = sklearn_metrics.roc_auc_score(target, output.softmax(1), multi_class="ovr", average="macro")
        assert result.curves["val/auroc"][epoch] == pytest.approx(expected, abs=1e-6)


# --- the counter rule --------------------------------------------------------------------------------------------


def noisy(**changes: Any) -> Recipe:
    """A training with everything that draws or keeps state: dropout, Adam, a schedule, best weights."""
    recipe = small.regression(
        network=partial(small.mlp, dropout=0.3),
        optimizer=partial(torch.optim.Adam, lr=0.05),
        schedule=Exponential(decay_rate=0.9, decay_steps=7),
        early_stopping=EarlyStopping(patience=2, min_delta=0.0, restore_best_weights=True),
        max_epochs=10,
    )
    return replace(recipe, **changes)


def resume_until_over(
    recipe: Recipe, folder: Path, report: Callable[[int], small.Quiet], most: int = 100
) -> tuple[MemberResult, int]:
    """Train from checkpoint to checkpoint; returns the result and the number of starts."""
    for start in range(1, most):
        results = small.train_together([small.Seat(recipe)], folder, report(start))
        if results:
            return results[0], start
    raise AssertionError(f"not over after {most} starts")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps a chunk: an epoch of 5 steps has three chunks, and two places inside it to stop at."""
    monkeypatch.setattr(batches, "CHUNK_STEPS", 2)


@RECIPES
def test_dropout_masks_are_functions_of_seed_layer_and_step(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    network = partial(recipe().network, dropout=0.4)
    result, bare = small.train(recipe(network=network), tmp_path), small.bare_loop(recipe(network=network))
    assert all(torch.equal(weights(result)[name], value) for name, value in bare.network.state_dict().items())
    places = [(seed, layer, step) for seed in (1, 2) for layer in (0, 1) for step in (0, 1)]
    assert len({tuple(mask(*place)) for place in places}) == len(places)


def mask(seed: int, layer: int, step: int) -> list[bool]:
    """What a dropout layer of the MLP lets through of 50 ones."""
    network = small.mlp(dropout=0.4)
    small.set_keys(network, seed, step)
    dropout = [module for module in network.modules() if isinstance(module, Dropout)][layer]
    return (dropout(torch.ones(1, 50)) > 0).flatten().tolist()


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("optimizer", ["as it is", "momentum"])
def test_stopping_at_every_place_inside_epochs_gives_the_same_bits(optimizer: str, tmp_path: Path) -> None:
    changes = {} if optimizer == "as it is" else {"optimizer": small.momentum, "max_epochs": 3}
    whole = small.train(noisy(**changes), tmp_path / "whole")
    pieces, starts = resume_until_over(noisy(**changes), tmp_path / "pieces", lambda start: small.StopsAfterChunks())
    assert starts == 1 + 2 * whole.epochs
    assert_same_bits(pieces, whole)
    assert pieces.seconds > 0


@pytest.mark.usefixtures("small_chunks")
def test_several_whole_epochs_after_a_stop_inside_one_give_the_same_bits(tmp_path: Path) -> None:
    recipe = small.regression(network=partial(small.mlp, dropout=0.3), max_epochs=4)
    whole = small.train(recipe, tmp_path / "whole")
    first = small.StopsAfterChunks(chunks=2)
    assert small.train_together([small.Seat(recipe)], tmp_path / "pieces", first) == []
    assert first.heard == []
    (manifest,) = (tmp_path / "pieces" / "population").glob("?.json")
    assert json.loads(manifest.read_text())["step"] == 4
    assert not list(tmp_path.glob("pieces/member-0/*"))
    rest = small.Quiet()
    assert_same_bits(small.train(recipe, tmp_path / "pieces", rest), whole)
    assert [report.epoch for report in rest.heard] == [1, 2, 3, 4]


def test_stopping_by_the_drivers_decision_after_an_epoch_gives_the_same_bits(tmp_path: Path) -> None:
    whole = small.train(noisy(), tmp_path / "whole")
    pieces, starts = resume_until_over(noisy(), tmp_path / "pieces", lambda start: small.Decides(at=start))
    assert starts == whole.epochs  # the decision on the last epoch comes too late: that member is finished
    assert_same_bits(pieces, whole)


def test_early_stopping_with_best_weights_really_happens_in_the_training_that_is_stopped(tmp_path: Path) -> None:
    result = small.train(noisy(), tmp_path)
    assert result.best_epoch == result.epochs - 2 < 10


@pytest.mark.usefixtures("small_chunks")
def test_checkpoints_after_every_chunk_change_no_bit(tmp_path: Path) -> None:
    seldom = small.train(noisy(), tmp_path / "seldom")
    always = small.train(noisy(), tmp_path / "always", checkpoint_seconds=1e-9)
    assert not list((tmp_path / "seldom" / "population").glob("*.pt"))
    assert len(list((tmp_path / "always" / "population").glob("*.pt"))) == 2
    assert_same_bits(always, seldom)


@pytest.mark.usefixtures("small_chunks")
def test_a_crashed_training_goes_on_from_its_last_checkpoint_with_the_same_bits(tmp_path: Path) -> None:
    class Crashes(small.Quiet):
        def decide(self, report: object) -> Decision:
            raise RuntimeError("the machine is on fire")

    whole = small.train(noisy(), tmp_path / "whole")
    with pytest.raises(RuntimeError, match="on fire"):
        small.train(noisy(), tmp_path / "pieces", Crashes(), checkpoint_seconds=1e-9)
    heard = small.Quiet()
    assert_same_bits(small.train(noisy(), tmp_path / "pieces", heard), whole)
    assert heard.heard[0].epoch == 1


def test_validation_rows_and_their_order_do_not_touch_the_weights(tmp_path: Path) -> None:
    recipe = small.regression(network=partial(small.mlp, dropout=0.3))
    results = [
        small.train(recipe, tmp_path / str(i), fold=replace(small.NUMBERS, split=Split(small.SPLIT.train, validation)))
        for i, validation in enumerate([np.arange(70, 96), np.arange(95, 69, -1), np.arange(70, 73)])
    ]
    assert len({result.weights_sha256 for result in results}) == 1
    assert results[0].curves["val/mae"] != results[2].curves["val/mae"]


def test_reports_that_draw_random_numbers_do_not_touch_the_weights(tmp_path: Path) -> None:
    class Draws(small.Quiet):
        def decide(self, report: object) -> Decision:
            torch.rand(7)
            np.random.default_rng().random(3)
            return Decision.GO_ON

    recipe = small.regression(network=partial(small.mlp, dropout=0.3))
    assert_same_bits(small.train(recipe, tmp_path / "a", Draws()), small.train(recipe, tmp_path / "b"))


def test_the_same_member_twice_has_the_same_weights_and_another_seed_has_others(tmp_path: Path) -> None:
    first, second = (small.train(small.classification(), tmp_path / name) for name in "ab")
    assert_same_bits(first, second)
    other = small.train(small.classification(), tmp_path / "c", member=Member(index=1, seed=12))
    assert other.weights_sha256 != first.weights_sha256


def test_a_checkpoint_of_another_configuration_is_not_taken(tmp_path: Path) -> None:
    recipe = small.regression()
    small.train_together([small.Seat(recipe)], tmp_path, small.Decides(at=2))
    heard = small.Quiet()
    small.train(replace(recipe, config_hash="another configuration"), tmp_path, heard)
    assert [report.epoch for report in heard.heard] == [1, 2, 3]


# --- how a member ends -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("lr", [1e4, 1e12, 1e38])
def test_a_huge_rate_ends_as_diverged_at_the_first_loss_that_is_no_number(lr: float, tmp_path: Path) -> None:
    recipe = small.regression(optimizer=partial(torch.optim.SGD, lr=lr), max_epochs=20, network=relu)
    expected = small.bare_loop(recipe).first_bad_step
    assert expected is not None
    result = small.train(recipe, tmp_path)
    assert result.status is Status.DIVERGED
    assert result.step == expected
    assert str(expected) in result.message
    assert (result.value, result.weights, result.weights_sha256) == (None, None, None)


def relu() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))


def test_a_last_step_that_ruins_the_weights_ends_as_diverged(tmp_path: Path) -> None:
    recipe = small.regression(optimizer=partial(torch.optim.SGD, lr=1e38), max_epochs=1, batch_size=70, network=relu)
    assert small.bare_loop(recipe).first_bad_step is None  # the only training loss is finite
    result = small.train(recipe, tmp_path)
    assert (result.status, result.step, result.value, result.weights) == (Status.DIVERGED, 1, None, None)


def test_a_member_that_does_not_improve_stops_after_its_patience(tmp_path: Path) -> None:
    stopping = EarlyStopping(patience=3, min_delta=0.0, restore_best_weights=False)
    recipe = small.regression(optimizer=partial(torch.optim.SGD, lr=0.0), max_epochs=20, early_stopping=stopping)
    result = small.train(recipe, tmp_path)
    assert (result.status, result.epochs) == (Status.FINISHED, 4)
    assert "no better epoch since 1" in result.message


def test_improvements_below_min_delta_do_not_count(tmp_path: Path) -> None:
    stopping = EarlyStopping(patience=2, min_delta=100.0, restore_best_weights=True)
    result = small.train(small.regression(max_epochs=20, early_stopping=stopping), tmp_path)
    assert result.curves["val/mae"][1] < result.curves["val/mae"][0]  # it learns, but by less than 100
    assert (result.epochs, result.best_epoch) == (3, 1)


@pytest.mark.parametrize("patience", [2, None])
def test_best_weights_are_those_of_the_best_epoch(patience: int | None, tmp_path: Path) -> None:
    stopping = EarlyStopping(patience=patience, min_delta=0.0, restore_best_weights=True)
    result = small.train(noisy(early_stopping=stopping), tmp_path)
    curve = result.curves["val/mae"]
    assert result.best_epoch == int(np.argmin(curve)) + 1 < result.epochs
    assert result.value == min(curve)
    network = small.mlp()
    network.load_state_dict(weights(result))
    data = small.NUMBERS
    with torch.no_grad():
        error = (network(data.features[small.SPLIT.validation]) - data.targets[small.SPLIT.validation]).abs().mean()
    assert float(error) == pytest.approx(result.value, rel=1e-6)


def test_without_best_weights_value_and_weights_are_the_last_epochs(tmp_path: Path) -> None:
    result = small.train(noisy(early_stopping=small.NEVER), tmp_path)
    assert result.best_epoch == result.epochs == 10
    assert result.value == result.curves["val/mae"][-1] > min(result.curves["val/mae"])


def test_a_metric_to_maximize_takes_its_largest_epoch(tmp_path: Path) -> None:
    stopping = EarlyStopping(patience=None, min_delta=0.0, restore_best_weights=True)
    recipe = small.classification(early_stopping=stopping, max_epochs=6, optimizer=partial(torch.optim.Adam, lr=0.02))
    result = small.train(recipe, tmp_path)
    assert result.value == max(result.curves["val/accuracy"])
    assert result.best_epoch == int(np.argmax(result.curves["val/accuracy"])) + 1


def test_a_pruned_member_ends_after_the_epoch_without_value_or_weights(tmp_path: Path) -> None:
    result = small.train(small.regression(), tmp_path, small.Decides(at=2, decision=Decision.PRUNE))
    assert (result.status, result.epochs, result.value, result.weights) == (Status.PRUNED, 2, None, None)
    assert len(result.curves["val/mae"]) == 2
    assert "epoch 2" in result.message
