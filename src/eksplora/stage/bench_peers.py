"""The stage `bench_peers`: speed against other tools that one would take for the same work, as tables."""

import os
import shlex
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from eksplora import build
from eksplora.errors import ConfigError, nearest
from eksplora.schema import BenchPeersConfig
from eksplora.stage._bench_table import Section, page, show
from eksplora.stage._bench_turns import Say
from eksplora.stage._peers_cnn import measure_cnn
from eksplora.stage._peers_process import Peers
from eksplora.stage._peers_study import measure_study
from eksplora.stage._peers_training import measure_boston
from eksplora.stage.bench import circumstances, say
from eksplora.training.checkpoint import write_atomically

Measure = Callable[[BenchPeersConfig, Path, Say], list[Section]]
"""(settings, empty folder, progress) -> what was found."""

MEASUREMENTS: Mapping[str, Measure] = {
    "boston_mlp": measure_boston,
    "study": measure_study,
    "fashion_mnist_cnn": measure_cnn,
}
LEAST = {
    "repeats": 1,
    "epochs": 1,
    "members": 1,
    "study_trials": 1,
    "study_repeats": 1,
    "peer_study_repeats": 1,
    "cnn_epochs": 1,
    "seeds": 2,
    "accuracy_epochs": 1,
}


def check(settings: BenchPeersConfig, known: Mapping[str, Measure]) -> list[str]:
    """The names of the measurements to take.

    Raises:
        ConfigError: If a setting means nothing.
    """
    for key, bound in LEAST.items():
        if (value := getattr(settings, key)) < bound:
            raise ConfigError(f"{key} must be at least {bound}, got {value}. Give a larger number.")
    names = list(known) if settings.only is None else settings.only
    for name in names:
        if name not in known:
            raise ConfigError(f"only: no measurement is called '{name}'. {nearest(name, known)}")
    return names


def facts(request: build.Request, versions: str) -> dict[str, str]:
    """When, by what command, on what machine and against what."""
    command = "make bench-peers" + (f" ARGS={shlex.quote(shlex.join(request.overrides))}" if request.overrides else "")
    repeats = f"{request.settings.repeats} of each side of a training; the tables say how many of each study"
    return circumstances(request) | {"command": f"`{command}`", "peers": versions, "runs": repeats}


def bench_peers(request: build.Request, measurements: Mapping[str, Measure] = MEASUREMENTS) -> None:
    """Take the measurements of the request and print them; all of them together are also written to `output`.

    Args:
        request: The checked request.
        measurements: Those there are, by name.

    Raises:
        ConfigError: If a setting means nothing, or the peers' environment is not there.
        DataError: If Fashion-MNIST cannot be found.
        EksploraError: If a side fails.
        StorageError: If `output` cannot be written.
    """
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # runs that are measured stay here
    settings: BenchPeersConfig = request.settings
    names, sections = check(settings, measurements), []
    with tempfile.TemporaryDirectory(prefix="eksplora-bench-") as folder:
        known = facts(request, Peers(settings.python, Path(folder)).versions())
    for name in names:
        with tempfile.TemporaryDirectory(prefix="eksplora-bench-") as folder:
            found = measurements[name](settings, Path(folder), partial(say, name))
        print("\n".join(show(section) for section in found), flush=True)
        sections += found
    if settings.only is None:
        output = Path(settings.output)
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, page(sections, known).encode())
        print(f"written to {output}")
