"""What follows from the card of a table: pure, so that a card made by hand is enough."""

from dataclasses import replace
from typing import Any

import pytest

from eksplora.config import choices
from eksplora.config.composition import stated_keys
from eksplora.config.derived import BATCHES, EPOCHS, batch_size, experiment_name, of_images, of_table
from eksplora.images import ImagesCard
from eksplora.images.card import PixelRule
from eksplora.records.target import TargetSummary
from eksplora.table import TableCard
from eksplora.untrusted import is_name

NUMBERS = TableCard(
    name="houses",
    fingerprint="0" * 64,
    sha256="1" * 64,
    task="regression",
    classes=None,
    num_targets=1,
    input_shape=(7,),
    feature_names=tuple("abcdefg"),
    codes=(),
    rows=1000,
    train_rows=800,
    test_rows=200,
    without_target=0,
    columns=(),
    targets=(TargetSummary(name="price", low=1.0, high=9.0, mean=5.0, skewness=0.5, is_positive=True),),
    warnings=(),
    notes=(),
    separator=",",
    decimal=".",
    encoding="utf-8",
    split="at random",
    is_stratified=False,
    group=None,
    weight=None,
    identifier=None,
)


def values(card: TableCard) -> dict[str, Any]:
    return {one.key: one.value for one in of_table(card)}


def classes(*counts: int) -> TableCard:
    names = tuple(f"class {number}" for number in range(len(counts)))
    target = TargetSummary(name="kind", counts=counts)
    task: Any = "binary" if len(counts) == 2 else "classification"
    return replace(NUMBERS, task=task, classes=names, num_targets=None, targets=(target,))


def chosen(card: TableCard) -> tuple[str, str, str]:
    found = values(card)
    return found["task"], found["loss"], found["objective"]


@pytest.mark.parametrize(
    ("card", "parts"),
    [
        (NUMBERS, ("regression", "mse", "mae")),
        (classes(300, 500), ("binary", "binary_cross_entropy", "binary_accuracy")),
        (classes(30, 770), ("classification", "cross_entropy", "auroc")),
        (classes(300, 300, 200), ("classification", "cross_entropy", "accuracy")),
        (classes(300, 490, 10), ("classification", "cross_entropy", "f1")),
    ],
)
def test_task_loss_and_objective_follow_from_the_target(card: TableCard, parts: tuple[str, str, str]) -> None:
    assert chosen(card) == parts


@pytest.mark.parametrize(
    ("skewness", "is_positive", "scaling"), [(0.5, True, "standard"), (3.0, True, "log"), (3.0, False, "standard")]
)
def test_a_target_is_learned_by_its_logarithm_where_it_is_positive_and_skewed(
    skewness: float, is_positive: bool, scaling: str
) -> None:
    target = replace(NUMBERS.targets[0], skewness=skewness, is_positive=is_positive)
    card = replace(NUMBERS, targets=(target,))
    assert values(card)["data.target_scaling"] == scaling


def test_shapes_are_those_of_the_card() -> None:
    found = values(classes(300, 300, 200))
    assert found["data.input_shape"] == [7] and found["data.stratified"] is True
    assert (found["data.num_classes"], found["data.num_targets"]) == (3, None)
    found = values(replace(NUMBERS, num_targets=2))
    assert (found["data.num_classes"], found["data.num_targets"], found["data.stratified"]) == (None, 2, False)


def test_columns_of_codes_want_a_network_with_embeddings() -> None:
    assert values(NUMBERS)["model"] == "mlp"
    assert values(replace(NUMBERS, codes=((3, 40),)))["model"] == "table_mlp"


@pytest.mark.parametrize("rows", [10, 300, 2000, 2001, 20_000, 10**6])
def test_more_rows_have_larger_batches_fewer_epochs_and_fewer_seeds(rows: int) -> None:
    found, larger = values(replace(NUMBERS, train_rows=rows)), values(replace(NUMBERS, train_rows=4 * rows))
    assert min(BATCHES[0], rows // 6) <= found["data.batch_size"] <= larger["data.batch_size"] <= BATCHES[1]
    assert 3 * found["data.batch_size"] <= rows, "a training has some steps an epoch"
    assert EPOCHS[1] >= found["trainer.max_epochs"] >= larger["trainer.max_epochs"] >= EPOCHS[0]
    assert found.get("study.n_seeds", 1) == (3 if rows <= 2000 else 1)
    assert batch_size(rows).bit_count() == 1


def test_what_follows_are_choices_and_keys_that_there_are() -> None:
    offered = [one for card in (NUMBERS, classes(3, 4), classes(1, 99), classes(3, 3, 3)) for one in of_table(card)]
    groups = [one for one in offered if "." not in one.key]
    assert [one.key for one in groups if one.value not in choices(one.key)] == []
    keys = {one.key for one in offered if "." in one.key} - {"study.n_seeds"}
    assert keys - set(stated_keys()) <= {"data.fingerprint"}


@pytest.mark.parametrize("stem", ["a b", "../x", "Größe; rm -r /", "'\"$HOME", "x" * 200, "..", "日本"])
def test_a_name_is_a_folder_whatever_the_file_is_called(stem: str) -> None:
    name = experiment_name(stem, [stem, stem], "0123456789abcdef")
    assert is_name(name) and name.endswith("-012345") and len(name) < 80


# --- images ----------------------------------------------------------------------------------------------------------


def of_shape(height: int, width: int, *counts: int) -> dict[str, Any]:
    """Values that follow from images of a size, of classes with so many images, or of numbers."""
    classes = tuple(f"class {number}" for number in range(len(counts))) or None
    task: Any = "regression" if classes is None else "binary" if len(counts) == 2 else "classification"
    card = ImagesCard(
        name="photos",
        fingerprint="0" * 64,
        task=task,
        classes=classes,
        num_targets=None if classes else 1,
        input_shape=(3, height, width),
        rule=PixelRule(height=height, width=width, channels=3, fit="crop"),
        rows=1000,
        train_rows=800,
        test_rows=200,
        targets=(TargetSummary(name="class", counts=counts, low=1.0, high=2.0),),
        split="",
        is_stratified=classes is not None,
        skipped=(),
        warnings=(),
        notes=(),
        changes="",
    )
    return {one.key: one.value for one in of_images(card)}


def test_images_get_a_network_for_images_where_they_have_room_for_its_windows() -> None:
    assert of_shape(32, 40, 500, 500)["model"] == of_shape(8, 9, 500, 500)["model"] == "cnn_pyramid"
    assert of_shape(7, 40, 500, 500)["model"] == "mlp"


def test_images_of_classes_are_moved_and_those_of_numbers_are_not() -> None:
    assert of_shape(16, 16, 300, 300, 300)["augmentation"] == "shift"
    assert "augmentation" not in of_shape(15, 16, 300, 300, 300) and "augmentation" not in of_shape(16, 16)


def test_shapes_of_images_follow_from_the_card() -> None:
    found = of_shape(16, 24, 300, 300, 300)
    assert (found["data.input_shape"], found["data.num_classes"], found["data.num_targets"]) == ([3, 16, 24], 3, None)
    assert (found["task"], found["loss"]) == ("classification", "cross_entropy")
    numbers = of_shape(16, 24)
    assert (numbers["task"], numbers["data.num_targets"], numbers["data.target_scaling"]) == (
        "regression",
        1,
        "standard",
    )
