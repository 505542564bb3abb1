"""The stage `bench`: speed against bare PyTorch loops, memory, and the driver's cost, as tables."""

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from eksplora import build, provenance
from eksplora.errors import ConfigError, nearest
from eksplora.schema import BenchConfig
from eksplora.stage._bench_augmentation import measure_augmentation, options
from eksplora.stage._bench_case import Case
from eksplora.stage._bench_driver import measure_driver
from eksplora.stage._bench_gpu import Promise, measure_gpu
from eksplora.stage._bench_memory import measure_memory
from eksplora.stage._bench_population import AIM, TARGET, measure_population
from eksplora.stage._bench_precision import measure_accuracy, measure_speed
from eksplora.stage._bench_table import Section, page, show
from eksplora.stage._bench_training import measure_training
from eksplora.stage._bench_turns import Say
from eksplora.training.checkpoint import write_atomically

Measure = Callable[[BenchConfig, Path, Say], list[Section]]
"""(settings, empty folder, progress) -> what was found."""


def check(settings: BenchConfig, known: Mapping[str, Measure]) -> list[str]:
    """The names of the measurements to take.

    Raises:
        ConfigError: If a setting means nothing.
    """
    if settings.repeats < 1:
        raise ConfigError(f"repeats must be at least 1, got {settings.repeats}. Try repeats=5.")
    for key, bound in (("seeds", 2), ("accuracy_epochs", 1)):
        if (value := getattr(settings, key)) < bound:
            raise ConfigError(f"{key} must be at least {bound}, got {value}. Give a larger number.")
    names = list(known) if settings.only is None else settings.only
    for name in names:
        if name not in known:
            raise ConfigError(f"only: no measurement is called '{name}'. {nearest(name, known)}")
    return names


def circumstances(request: build.Request) -> dict[str, str]:
    """When, by what command and on what machine; the load tells whether the machine was at rest."""
    known = provenance.collect(build.CONF.parent)
    versions = ("python", "torch", "pytorch-lightning", "mlflow", "optuna")
    is_dirty = " with changes" if known["git.dirty"] == "true" else ""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"`python pipelines/bench.py {shlex.join(request.overrides)}".rstrip() + "`",
        "processor": f"{known['machine.cpu']}, {known['machine.cores']} cores, {known['machine.memory_gib']} GiB",
        "system": known["machine.system"],
        "load before the first run": f"{os.getloadavg()[0]:.2f}",
        "versions": ", ".join(f"{name} {known[f'version.{name}']}" for name in versions),
        "code": known["git.commit"][:12] + is_dirty,
        "runs": f"{request.settings.repeats} of each side that a target is about; of others as the tables say",
    }


def say(name: str, text: str) -> None:
    """Progress, on the terminal's error stream."""
    print(f"{name}: {text}", file=sys.stderr, flush=True)


def case(folder: Path, experiment: str, *overrides: str) -> Case:
    """A training of an experiment on all cores."""
    return Case((f"experiment={experiment}", *overrides), folder, threads=len(os.sched_getaffinity(0)))


def training(experiment: str, target: float, *overrides: str) -> Measure:
    """The measurement of one training of an experiment."""

    def measure(settings: BenchConfig, folder: Path, progress: Say) -> list[Section]:
        chosen = case(folder, experiment, *overrides)
        return [measure_training(chosen, target=target, repeats=settings.repeats, say=progress)]

    return measure


def population(settings: BenchConfig, folder: Path, progress: Say) -> list[Section]:
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


def bfloat16(settings: BenchConfig, folder: Path, progress: Say) -> list[Section]:
    """The measurement of bfloat16: seconds, and accuracy."""
    chosen = case(folder, "fashion_mnist_cnn", "trainer.max_epochs=1")
    return [
        measure_speed(chosen, target=1.8, repeats=settings.repeats, say=progress),
        measure_accuracy(chosen, epochs=settings.accuracy_epochs, seeds=settings.seeds, say=progress),
    ]


def memory(settings: BenchConfig, folder: Path, progress: Say) -> list[Section]:
    """The measurement of a population's memory."""
    chosen = case(folder, "boston_mlp", "trainer.max_epochs=3", "tracker=off")
    return [measure_memory(chosen, sizes=(1, 64, 128, 256), say=progress)]


def augmentation(settings: BenchConfig, folder: Path, progress: Say) -> list[Section]:
    """The measurement of what augmentation costs, on one core."""
    chosen = replace(case(folder, "fashion_mnist_cnn"), threads=1)
    return [measure_augmentation(chosen, names=options(), rows=512, target=0.2, repeats=settings.repeats, say=progress)]


def gpu(settings: BenchConfig, folder: Path, progress: Say) -> list[Section]:
    """The measurement of populations on a GPU."""
    promises = (
        Promise(case(folder, "boston_mlp", "trainer=gpu"), members=512, target=100),
        Promise(case(folder, "fashion_mnist_cnn", "trainer=gpu", "trainer.max_epochs=1"), members=32, target=8),
    )
    return [measure_gpu(promises, repeats=settings.repeats, say=progress)]


def driver(settings: BenchConfig, folder: Path, progress: Say) -> list[Section]:
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


def bench(request: build.Request, measurements: Mapping[str, Measure] = MEASUREMENTS) -> None:
    """Take the measurements of the request and print them; all of them together are also written to `output`.

    Args:
        request: The checked request.
        measurements: Those there are, by name.

    Raises:
        ConfigError: If `only` names no measurement, or `repeats` is below 1.
        DataError: If Fashion-MNIST cannot be found.
        EksploraError: If the sides do not take the same steps.
        StorageError: If `output` cannot be written.
    """
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # runs that are measured stay here
    settings: BenchConfig = request.settings
    names, sections = check(settings, measurements), []
    facts = circumstances(request) | {
        "against other tools": "`make bench-peers`: [benchmarks-peers.md](benchmarks-peers.md)"
    }
    for name in names:
        with tempfile.TemporaryDirectory(prefix="eksplora-bench-") as folder:
            found = measurements[name](settings, Path(folder), partial(say, name))
        print("\n".join(show(section) for section in found), flush=True)
        sections += found
    if settings.only is None:
        output = Path(settings.output)
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, page(sections, facts).encode())
        print(f"written to {output}")
