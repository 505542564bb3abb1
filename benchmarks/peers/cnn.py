"""The Fashion-MNIST CNN: seconds per epoch against Keras, and what bfloat16 does to its accuracy."""

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from statistics import mean, median, stdev

from scipy.stats import t

from benchmarks.peers.data import export
from benchmarks.peers.process import Ours, Peers, Training
from benchmarks.peers.training import same_steps
from benchmarks.settings import PeersSettings
from benchmarks.table import Row, Section, spread
from benchmarks.turns import Say, Side, in_turn, times_faster

BF16 = "eksplora, bf16"
FLOAT32 = "eksplora, float32"
KERAS = "Keras, float32"
PRECISIONS = {BF16: "bf16-mixed", FLOAT32: "32-true"}
TARGET = 1.8

SPEED = """\
Seconds per epoch: 32 convolutions of 4x4, ReLU, pooling 2x2, 128 units, 10 classes; Adam at 0.001, cross entropy,
batches of 32: {steps} steps in all, and a validation after each epoch. One training in a process of its own on all
cores, every side on the same images in memory.

- eksplora: `pipelines/train.py experiment=fashion_mnist_cnn`, tracked in MLflow meanwhile and afterwards;
  `trainer.precision` is bf16-mixed or 32-true. From the trial's first event to its last.
- Keras: `scripts/keras_cnn.py`. From building the network to the end of `fit`, after a short training that does not
  count.
- rest: the other seconds of the command: imports and data; for ours also processes, plots and the wait for MLflow, for
  Keras the training that does not count.
- ours is faster by: the row's median over that of bf16."""

ACCURACY = """\
Share of the validation images classified rightly after {epochs} epoch(s), by {seeds} members (seeds) trained in each
precision. Both precisions share a member's initial weights and order of images, so members are compared in pairs; the
interval of the mean is Student's, 95 %. Distinguishable: whether the interval of the differences leaves out 0."""


def measure_cnn(settings: PeersSettings, folder: Path, say: Say) -> list[Section]:
    """Time all sides in turn, then compare the precisions.

    Raises:
        EksploraError: If a side fails, or the sides do not take the same steps.
        DataError: If Fashion-MNIST cannot be found.
    """
    ours, peers = Ours(folder), Peers(settings.python, folder)
    data, epochs = folder / "fashion.npz", settings.cnn_epochs
    export(["experiment=fashion_mnist_cnn", *ours.paths], data)
    sides = {
        BF16: Side(lambda: train(ours, BF16, 1, epochs), settings.repeats),
        FLOAT32: Side(lambda: train(ours, FLOAT32, 1, epochs), settings.repeats),
        KERAS: Side(lambda: peers.train("keras_cnn.py", data, epochs=epochs), settings.repeats),
    }
    runs = in_turn(sides, say, lambda run: run.seconds)
    text = SPEED.format(steps=same_steps(runs))
    speed = Section("An epoch of the Fashion-MNIST CNN", text, rows_of(runs, epochs))
    return [speed, measure_accuracy(settings, ours, say)]


def train(ours: Ours, precision: str, members: int, epochs: int) -> Training:
    """Our training in one of the `PRECISIONS`."""
    budget = [f"study.n_seeds={members}", f"trainer.max_epochs={epochs}", "study.workers=1"]
    return ours.train("experiment=fashion_mnist_cnn", f"trainer.precision={PRECISIONS[precision]}", *budget)


def measure_accuracy(settings: PeersSettings, ours: Ours, say: Say) -> Section:
    """Train the same members in both precisions."""
    scores = {}
    for precision in PRECISIONS:
        say(f"{settings.seeds} members in {PRECISIONS[precision]}")
        scores[precision] = train(ours, precision, settings.seeds, settings.accuracy_epochs).scores
    text = ACCURACY.format(epochs=settings.accuracy_epochs, seeds=settings.seeds)
    return Section("Accuracy in bf16 and in float32", text, accuracy_rows(scores))


def rows_of(runs: Mapping[str, Sequence[Training]], epochs: int) -> list[Row]:
    """One row per side."""
    seconds = {name: [run.seconds / epochs for run in taken] for name, taken in runs.items()}
    return [
        {"side": name}
        | spread(seconds[name], "s")
        | {
            "rest, s": f"{median(run.rest for run in taken):.1f}",
            "val/accuracy": f"{median(score for run in taken for score in run.scores):.3f}",
        }
        | times_faster(seconds[BF16], seconds[name], TARGET if name == KERAS else None)
        for name, taken in runs.items()
    ]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Student's interval of the mean, 95 %.

    Examples:
        >>> low, high = interval([1.0, 2.0, 3.0])  # 2 -+ 4.303 / sqrt(3)
        >>> round(low, 3), round(high, 3)
        (-0.484, 4.484)
    """
    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / sqrt(len(values))
    return mean(values) - half, mean(values) + half


def accuracy_rows(scores: Mapping[str, Sequence[float]]) -> list[Row]:
    """One row per precision, and one for the differences of its members."""
    differences = [ours - other for ours, other in zip(scores[BF16], scores[FLOAT32], strict=True)]
    low, high = interval(differences)
    verdict = "no" if low <= 0 <= high else "yes"
    rows = {**scores, "bf16 - float32, in pairs": differences}
    return [
        {
            "side": name,
            "members": str(len(values)),
            "mean": f"{mean(values):.4f}",
            "standard deviation": f"{stdev(values):.4f}",
            "95 % interval of the mean": "{:.4f} to {:.4f}".format(*interval(values)),
            "distinguishable": verdict if values is differences else "",
        }
        for name, values in rows.items()
    ]
