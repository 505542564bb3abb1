"""The stage `bench`: speed against bare PyTorch loops, and the driver's cost, as tables."""

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from eksplora import build, provenance
from eksplora.errors import ConfigError, nearest
from eksplora.schema import BenchConfig
from eksplora.stage._bench_driver import measure_driver
from eksplora.stage._bench_table import Section, page, show
from eksplora.stage._bench_training import Case, Say, measure_training
from eksplora.training.checkpoint import write_atomically

Measure = Callable[[Path, int, Say], Section]
"""(empty folder, repeats, progress) -> what was found."""


def check(settings: BenchConfig, known: Mapping[str, Measure]) -> list[str]:
    """The names of the measurements to take.

    Raises:
        ConfigError: If a setting means nothing.
    """
    if settings.repeats < 1:
        raise ConfigError(f"repeats must be at least 1, got {settings.repeats}. Try repeats=5.")
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
        "runs": f"{request.settings.repeats} of each side",
    }


def say(name: str, text: str) -> None:
    """Progress, on the terminal's error stream."""
    print(f"{name}: {text}", file=sys.stderr, flush=True)


def training(experiment: str, target: float, *overrides: str) -> Measure:
    """The measurement of one training of an experiment."""

    def measure(folder: Path, repeats: int, progress: Say) -> Section:
        paths = [f"paths.{name}='{folder / name}'" for name in ("mlruns", "results")]
        case = Case([f"experiment={experiment}", *overrides, *paths], threads=len(os.sched_getaffinity(0)))
        return measure_training(case, target=target, repeats=repeats, say=progress)

    return measure


def driver(folder: Path, repeats: int, progress: Say) -> Section:
    """The measurement of the driver's cost per trial, in a small and in a large study."""
    return measure_driver(folder, sizes=(10, 2000), repeats=repeats, say=progress)


MEASUREMENTS: dict[str, Measure] = {
    "boston_mlp": training("boston_mlp", 1.15),
    "fashion_mnist_cnn": training("fashion_mnist_cnn", 1.05, "trainer.max_epochs=1"),
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
        StorageError: If `output` cannot be written.
    """
    settings: BenchConfig = request.settings
    names, facts, sections = check(settings, measurements), circumstances(request), []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="eksplora-bench-") as folder:
            sections.append(measurements[name](Path(folder), settings.repeats, partial(say, name)))
        print(show(sections[-1]), flush=True)
    if settings.only is None:
        output = Path(settings.output)
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, page(sections, facts).encode())
        print(f"written to {output}")
