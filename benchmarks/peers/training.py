"""One training of the Boston MLP, and a population of them, against Keras and Lightning."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.peers.data import export
from benchmarks.peers.process import Ours, Peers, Training
from benchmarks.settings import PeersSettings
from benchmarks.table import Row, Section, spread
from benchmarks.turns import Say, Side, in_turn, times_faster
from eksplora.errors import EksploraError

KERAS = "Keras, `fit`"
LIGHTNING = "Lightning, `Trainer.fit`"
SINGLE = "eksplora, one training"
TARGET = 9.0

TEXT = """\
Seconds per training: 13-128-128-128-128-1, ReLU, Adam at 0.001, mean squared error, {epochs} epochs of batches of 32,
a validation after each: {steps} steps. Every side gets the same rows, split and scaled alike, in memory, in a process
of its own on all cores, with its own defaults.

- eksplora: `pipelines/train.py experiment=boston_mlp`, tracked in MLflow meanwhile and afterwards. From the trial's
  first event to its last; for {members} members, which a study divides among as many workers as there are cores, over
  their number.
- Keras and Lightning: `scripts/keras_mlp.py` and `lightning_mlp.py`, no records kept. From building the network to
  the end of `fit`, after one epoch that does not count.
- rest: the other seconds of the command: imports and data; for ours also processes, plots and the wait for MLflow, for
  the peers the uncounted epoch.
- val/mae: median of the mean absolute errors on the validation part after the last epoch.
- ours is faster by: the row's median over that of the population's member."""


def measure_boston(settings: PeersSettings, folder: Path, say: Say) -> list[Section]:
    """Time all sides in turn.

    Raises:
        EksploraError: If a side fails, or the sides do not take the same steps.
    """
    ours, peers = Ours(folder), Peers(settings.python, folder)
    data = folder / "boston.npz"
    overrides = ["experiment=boston_mlp", f"trainer.max_epochs={settings.epochs}"]
    export([*overrides, *ours.paths], data)

    def train(members: int) -> Training:
        return ours.train(*overrides, f"study.n_seeds={members}")

    sides = {
        population(settings.members): Side(lambda: train(settings.members), settings.repeats),
        SINGLE: Side(lambda: train(1), settings.repeats),
        KERAS: Side(lambda: peers.train("keras_mlp.py", data, epochs=settings.epochs), settings.repeats),
        LIGHTNING: Side(lambda: peers.train("lightning_mlp.py", data, epochs=settings.epochs), settings.repeats),
    }
    runs = in_turn(sides, say, lambda run: run.seconds)
    text = TEXT.format(epochs=settings.epochs, members=settings.members, steps=same_steps(runs))
    return [Section("Training the Boston MLP", text, rows_of(runs, settings.members))]


def population(members: int) -> str:
    """The name of the side that trains a population."""
    return f"eksplora, per member of {members}"


def same_steps(runs: Mapping[str, Sequence[Training]]) -> int:
    """The steps that every training took.

    Raises:
        EksploraError: If they differ.
    """
    steps = {name: sorted({run.steps for run in taken}) for name, taken in runs.items()}
    if len({number for numbers in steps.values() for number in numbers}) != 1:
        raise EksploraError(f"the sides took different numbers of steps: {steps}")
    return next(iter(runs.values()))[0].steps


def rows_of(runs: Mapping[str, Sequence[Training]], members: int) -> list[Row]:
    """One row per side; the peers are judged against a member of the population."""
    ours = [run.seconds / members for run in runs[population(members)]]
    rows: list[Row] = []
    for name, taken in runs.items():
        seconds = ours if name == population(members) else [run.seconds for run in taken]
        target = TARGET if name in (KERAS, LIGHTNING) else None
        rows.append(
            {"side": name}
            | spread(seconds, "s")
            | {
                "rest, s": f"{median(run.rest for run in taken):.1f}",
                "val/mae": f"{median(score for run in taken for score in run.scores):.2f}",
            }
            | times_faster(ours, seconds, target)
        )
    return rows
