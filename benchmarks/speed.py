"""Speed against bare PyTorch loops, memory, and the driver's cost, as tables: `python -m benchmarks.speed`."""

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.augmentation import measure_augmentation, options
from benchmarks.case import Case
from benchmarks.driver import measure_driver
from benchmarks.gpu import Promise, measure_gpu
from benchmarks.memory import measure_memory
from benchmarks.population import AIM, TARGET, measure_population
from benchmarks.precision import measure_accuracy, measure_speed
from benchmarks.settings import SpeedSettings, parse
from benchmarks.table import Section, page, show
from benchmarks.training import measure_training
from benchmarks.turns import Say
from eksplora import provenance
from eksplora.files import write_file
from eksplora.installation import CONF

Measure = Callable[[SpeedSettings, Path, Say], list[Section]]
"""(settings, empty folder, progress) -> what was found."""


def circumstances(command: str, repeats: int) -> dict[str, str]:
    """When, by what command and on what machine; the load tells whether the machine was at rest."""
    known = provenance.collect(CONF.parent)
    versions = ("python", "torch", "pytorch-lightning", "mlflow", "optuna")
    is_dirty = " with changes" if known["git.dirty"] == "true" else ""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"`{command}`",
        "processor": f"{known['machine.cpu']}, {known['machine.cores']} cores, {known['machine.memory_gib']} GiB",
        "system": known["machine.system"],
        "load before the first run": f"{os.getloadavg()[0]:.2f}",
        "versions": ", ".join(f"{name} {known[f'version.{name}']}" for name in versions),
        "code": known["git.commit"][:12] + is_dirty,
        "runs": f"{repeats} of each side that a target is about; of others as the tables say",
    }


def say(name: str, text: str) -> None:
    """Progress, on the terminal's error stream."""
    print(f"{name}: {text}", file=sys.stderr, flush=True)


def case(folder: Path, experiment: str, *overrides: str) -> Case:
    """A training of an experiment on all cores."""
    return Case((f"experiment={experiment}", *overrides), folder, threads=len(os.sched_getaffinity(0)))


def training(experiment: str, target: float, *overrides: str) -> Measure:
    """The measurement of one training of an experiment."""

    def measure(settings: SpeedSettings, folder: Path, progress: Say) -> list[Section]:
        chosen = case(folder, experiment, *overrides)
        return [measure_training(chosen, target=target, repeats=settings.repeats, say=progress)]

    return measure


def population(settings: SpeedSettings, folder: Path, progress: Say) -> list[Section]:
    """The measurement of populations, per member."""
    section = measure_population(
        case(folder, "boston_mlp"),
        sizes=(1, 2, 4, 8, 16, 32),
        judged=16,
        target=TARGET,
        aim=AIM,
        repeats=settings.repeats,
        say=progress,
    )
    return [section]


def bfloat16(settings: SpeedSettings, folder: Path, progress: Say) -> list[Section]:
    """The measurement of bfloat16: seconds, and accuracy."""
    chosen = case(folder, "fashion_mnist_cnn", "trainer.max_epochs=1")
    return [
        measure_speed(chosen, target=1.8, repeats=settings.repeats, say=progress),
        measure_accuracy(chosen, epochs=settings.accuracy_epochs, seeds=settings.seeds, say=progress),
    ]


def memory(settings: SpeedSettings, folder: Path, progress: Say) -> list[Section]:
    """The measurement of a population's memory."""
    chosen = case(folder, "boston_mlp", "trainer.max_epochs=3", "tracker=off")
    return [measure_memory(chosen, sizes=(1, 64, 128, 256), say=progress)]


def augmentation(settings: SpeedSettings, folder: Path, progress: Say) -> list[Section]:
    """The measurement of what augmentation costs, on one core."""
    chosen = replace(case(folder, "fashion_mnist_cnn"), threads=1)
    return [measure_augmentation(chosen, names=options(), rows=512, target=0.2, repeats=settings.repeats, say=progress)]


def gpu(settings: SpeedSettings, folder: Path, progress: Say) -> list[Section]:
    """The measurement of populations on a GPU."""
    promises = (
        Promise(case(folder, "boston_mlp", "trainer=gpu"), members=512, target=100),
        Promise(case(folder, "fashion_mnist_cnn", "trainer=gpu", "trainer.max_epochs=1"), members=32, target=8),
    )
    return [measure_gpu(promises, repeats=settings.repeats, say=progress)]


def driver(settings: SpeedSettings, folder: Path, progress: Say) -> list[Section]:
    """The measurement of the driver's cost per trial, in a small and in a large study."""
    return [measure_driver(folder, sizes=(10, 2000), repeats=settings.repeats, say=progress)]


MEASUREMENTS: Mapping[str, Measure] = {
    "boston_mlp": training("boston_mlp", 1.15),
    "fashion_mnist_cnn": training("fashion_mnist_cnn", 1.05, "trainer.max_epochs=1"),
    "population": population,
    "bfloat16": bfloat16,
    "memory": memory,
    "augmentation": augmentation,
    "gpu": gpu,
    "driver": driver,
}


def bench(arguments: Sequence[str], measurements: Mapping[str, Measure] = MEASUREMENTS) -> None:
    """Take measurements and print them; all of them together are also written to `--output`.

    Args:
        arguments: The words of the command line.
        measurements: Those there are, by name.

    Raises:
        DataError: If Fashion-MNIST cannot be found.
        EksploraError: If the sides do not take the same steps.
        StorageError: If `--output` cannot be written.
    """
    settings = parse(SpeedSettings, arguments, measurements, __doc__ or "")
    facts = circumstances(f"python -m benchmarks.speed {shlex.join(arguments)}".rstrip(), settings.repeats) | {
        "against other tools": "`make bench-peers`: [benchmarks-peers.md](benchmarks-peers.md)"
    }
    take(measurements, settings, facts)


def take(measurements: Mapping[str, Callable[..., list[Section]]], settings: Any, facts: Mapping[str, str]) -> None:
    """Take the measurements that `settings.only` names, or all, and write the page of all."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # runs that are measured stay here
    sections: list[Section] = []
    for name in settings.only or measurements:
        with tempfile.TemporaryDirectory(prefix="eksplora-bench-") as folder:
            found = measurements[name](settings, Path(folder), partial(say, name))
        print("\n".join(show(section) for section in found), flush=True)
        sections += found
    if not settings.only:
        output = Path(settings.output)
        write_file(output, page(sections, facts))
        print(f"written to {output}")


if __name__ == "__main__":
    bench(sys.argv[1:])
