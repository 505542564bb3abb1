"""Choices and values that follow from data of one's own: from the task to the network, each with its reason.

Pure functions of the data's card. What a user types, or his experiment's file states, counts instead.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eksplora.images import ImagesCard
from eksplora.table import TableCard

Card = TableCard | ImagesCard
"""The card of data of one's own."""

RARE = 0.2
"""Share of the smaller of two classes below which accuracy says little: always guessing the other has more."""

RARE_OF_SEVERAL = 0.5
"""The same of several classes, times the share that each of equally large ones would have."""

SKEWED = 1.0
"""Skewness from which a positive target is learned as its logarithm."""

IMAGES_A_STEP = 32

PYRAMID = 8
"""Pixels of a side that three halvings need."""

SHIFTED = 16
"""Pixels of a side from which an image that is moved by two still shows what it shows."""

SMALL = 2000
"""Rows up to which a trial trains several seeds: a single validation part has too few rows to choose by."""

MOST_STEPS = 4000
"""Optimizer steps of a training, about: with fewer rows it has more epochs, within `EPOCHS`."""

EPOCHS = (15, 150)
PATIENT = 60
"""Epochs from which a training waits longer for an improvement."""

BATCHES = (32, 1024)


@dataclass(frozen=True)
class Derived:
    """A value that follows from the data.

    Attributes:
        key: A config group, or a dotted key.
        value: The group's file, or the key's value.
        reason: Why, as the end of a sentence; empty where there is nothing to say.
    """

    key: str
    value: Any
    reason: str = ""


def of_table(card: TableCard) -> list[Derived]:
    """Everything that follows from the card of a table, in the order in which it is best read."""
    return [*_of_task(card), *_of_shape(card), *_of_network(card), *_of_rows(card)]


def of_images(card: ImagesCard) -> list[Derived]:
    """Everything that follows from the card of a folder or list of images."""
    rows, side = card.train_rows, min(card.input_shape[1:])
    epochs = min(max(round(MOST_STEPS / max(1, 0.8 * rows / IMAGES_A_STEP)), EPOCHS[0]), EPOCHS[1])
    network = Derived("model", "cnn_pyramid")
    if side < PYRAMID:
        network = Derived("model", "mlp", f"since a side of {side} pixels cannot be halved three times")
    shift = Derived("augmentation", "shift", "since a class does not depend on two pixels to the side")
    return [
        *_of_task(card),
        *_of_shape(card),
        network,
        Derived("optimizer", "adamw"),
        *([shift] if side >= SHIFTED and card.classes is not None else []),
        Derived("data.batch_size", IMAGES_A_STEP),
        Derived("trainer.max_epochs", epochs, "at most: a training ends when validation stops improving"),
        Derived("early_stopping", "patience"),
    ]


def _of_task(card: Card) -> Iterator[Derived]:
    named, counts = " and ".join(target.name for target in card.targets), card.targets[0].counts
    if card.task == "regression":
        yield Derived("task", "regression", f"since {named} holds numbers")
        yield from (Derived("loss", "mse"), Derived("objective", "mae"))
        is_skewed = all(target.is_positive and (target.skewness or 0) > SKEWED for target in card.targets)
        reason = "since every value is above 0 and few are large" if is_skewed else "so that the loss sees usual sizes"
        yield Derived("data.target_scaling", "log" if is_skewed else "standard", reason)
    elif card.task == "multilabel":
        yield Derived("task", "multilabel", f"since {named} are labels of which a row may have several")
        yield from (Derived("loss", "binary_cross_entropy"), Derived("objective", "label_f1"))
    else:
        yield from _of_classes(named, card.classes or (), counts)


def _of_classes(named: str, classes: Sequence[str], counts: Sequence[int]) -> Iterator[Derived]:
    least = min(counts, default=0) / max(1, sum(counts))
    rare = f"since a class has only {least:.1%} of the rows"
    if len(classes) == 2 and least >= RARE:
        yield Derived("task", "binary", f"since {named} has two classes, {' and '.join(classes)}")
        yield from (Derived("loss", "binary_cross_entropy"), Derived("objective", "binary_accuracy"))
        return
    yield Derived("task", "classification", f"since {named} has {len(classes)} classes")
    yield Derived("loss", "cross_entropy")
    if len(classes) == 2:
        yield Derived("objective", "auroc", rare)
    elif least < RARE_OF_SEVERAL / len(classes):
        yield Derived("objective", "f1", rare)
    else:
        yield Derived("objective", "accuracy")


def _of_shape(card: Card) -> Iterator[Derived]:
    classes = None if card.classes is None else len(card.classes)
    yield Derived("data.fingerprint", card.fingerprint)
    yield Derived("data.input_shape", list(card.input_shape))
    yield Derived("data.num_classes", classes)
    yield Derived("data.num_targets", card.num_targets)
    yield Derived("data.stratified", classes is not None)


def _of_network(card: TableCard) -> Iterator[Derived]:
    many = len(card.codes)
    reason = f"since {many} column{'s' * (many != 1)} of many categories want embeddings" if many else ""
    yield Derived("model", "table_mlp" if many else "mlp", reason)
    yield Derived("optimizer", "adamw")


def _of_rows(card: TableCard) -> Iterator[Derived]:
    rows = card.train_rows
    batch = batch_size(rows)
    steps = max(1, round(0.8 * rows / batch))
    epochs = min(max(round(MOST_STEPS / steps), EPOCHS[0]), EPOCHS[1])
    yield Derived("data.batch_size", batch, f"for {rows} rows to learn from and to validate on")
    yield Derived("trainer.max_epochs", epochs, "at most: a training ends when validation stops improving")
    yield Derived("early_stopping", "patience" if epochs < PATIENT else "patient")
    if rows <= SMALL:
        yield Derived("study.n_seeds", 3, "each with validation rows of its own, since one part would have few")


def batch_size(rows: int) -> int:
    """Rows per step, a power of two: about 50 steps an epoch, within `BATCHES`, and at least 3 steps.

    Examples:
        >>> batch_size(16), batch_size(300), batch_size(10_000), batch_size(10**6)
        (4, 32, 128, 1024)
    """
    wanted = min(max(rows / 50, BATCHES[0]), BATCHES[1], rows / 3)
    return 1 << math.floor(math.log2(max(1, wanted)))


def experiment_name(stem: str, targets: Sequence[str], fingerprint: str) -> str:
    """Name of an experiment on data of one's own: what was edited has another, and so has a file of the same name.

    Examples:
        >>> experiment_name("my houses (2)", ["Sale Price"], "0123456789ab")
        'my_houses_2-Sale_Price-012345'
        >>> experiment_name("air", ["NO2", "O3", "CO"], "0123456789ab")
        'air-NO2_and_2_more-012345'
    """
    more = f" and {len(targets) - 1} more" if len(targets) > 1 else ""
    texts = [stem, "".join(targets[:1]) + more, fingerprint[:6]]
    return "-".join(filter(None, (_word(text) for text in texts)))


def _word(text: str) -> str:
    """A text as a part of a name: letters, digits and _, at most 30."""
    return re.sub(r"\W+", "_", text).strip("_")[:30].rstrip("_")
