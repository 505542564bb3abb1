"""Speed against other tools for the same work, as tables: `python -m benchmarks.against_peers`."""

import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.peers.cnn import measure_cnn
from benchmarks.peers.process import Peers
from benchmarks.peers.study import measure_study
from benchmarks.peers.training import measure_boston
from benchmarks.settings import PeersSettings, parse
from benchmarks.speed import circumstances, take
from benchmarks.table import Section
from benchmarks.turns import Say

Measure = Callable[[PeersSettings, Path, Say], list[Section]]
"""(settings, empty folder, progress) -> what was found."""

MEASUREMENTS: Mapping[str, Measure] = {
    "boston_mlp": measure_boston,
    "study": measure_study,
    "fashion_mnist_cnn": measure_cnn,
}


def bench_peers(arguments: Sequence[str], measurements: Mapping[str, Measure] = MEASUREMENTS) -> None:
    """Take measurements and print them; all of them together are also written to `--output`.

    Args:
        arguments: The words of the command line.
        measurements: Those there are, by name.

    Raises:
        ConfigError: If the peers' environment is not there.
        DataError: If Fashion-MNIST cannot be found.
        EksploraError: If a side fails.
        StorageError: If `--output` cannot be written.
    """
    settings = parse(PeersSettings, arguments, measurements, __doc__ or "")
    with tempfile.TemporaryDirectory(prefix="eksplora-bench-") as folder:
        versions = Peers(settings.python, Path(folder)).versions()
    command = "make bench-peers" + (f" ARGS={shlex.quote(shlex.join(arguments))}" if arguments else "")
    repeats = f"{settings.repeats} of each side of a training; the tables say how many of each study"
    facts = circumstances(command, settings.repeats) | {"peers": versions, "runs": repeats}
    take(measurements, settings, facts)


if __name__ == "__main__":
    bench_peers(sys.argv[1:])
