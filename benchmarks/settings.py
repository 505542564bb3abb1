"""What a benchmark is asked: dataclasses whose fields are the options of its command line."""

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

S = TypeVar("S")


def _number(default: int, text: str, *, least: int = 1) -> Any:
    return field(default=default, metadata={"help": text, "least": least})


def _text(default: str, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class SpeedSettings:
    """Options of `benchmarks.speed`."""

    repeats: int = _number(5, "runs of each side that a target is about, taken in turn; others at most 3")
    seeds: int = _number(5, "members that compare bfloat16's accuracy with float32's", least=2)
    accuracy_epochs: int = _number(2, "their epochs")
    only: tuple[str, ...] = field(default=(), metadata={"help": "measurements to take; default: all"})
    output: str = _text("docs/benchmarks.md", "file that the tables are written to when all are taken")


@dataclass(frozen=True, kw_only=True)
class PeersSettings:
    """Options of `benchmarks.against_peers`."""

    python: str = _text(".venv-peers/bin/python", "Python of the peers' environment; `make bench-peers` makes it")
    only: tuple[str, ...] = field(default=(), metadata={"help": "measurements to take; default: all"})
    repeats: int = _number(5, "runs of each side of a training, taken in turn; the table shows medians")
    epochs: int = _number(200, "epochs of the Boston MLP")
    members: int = _number(16, "members of our population of Boston MLPs")
    study_trials: int = _number(64, "trials of each side's study")
    study_repeats: int = _number(3, "runs of our study")
    peer_study_repeats: int = _number(1, "runs of each peer's study, which takes minutes")
    cnn_epochs: int = _number(1, "epochs of the Fashion-MNIST CNN")
    seeds: int = _number(5, "members whose accuracy in bfloat16 and in float32 is compared", least=2)
    accuracy_epochs: int = _number(2, "their epochs")
    output: str = _text("docs/benchmarks-peers.md", "file that the tables are written to when all are taken")


@dataclass(frozen=True, kw_only=True)
class CalibrationSettings:
    """Options of `benchmarks.calibrate`."""

    studies: int = _number(2000, "simulated studies of each kind")
    networks: int = _number(500, "studies with real networks", least=0)
    processes: int = _number(2, "processes that simulate at once")
    output: str = _text("docs/calibration.md", "file that the tables are written to")


@dataclass(frozen=True, kw_only=True)
class OptimismSettings:
    """Options of `benchmarks.optimism`."""

    searches: int = _number(100, "simulated searches, each on a data set of its own")
    first: int = _number(0, "number of the first", least=0)
    trials: int = _number(10, "trials of a search")
    members: int = _number(8, "members of a confirmation")
    epochs: int = _number(30, "epochs of a training")


@dataclass(frozen=True, kw_only=True)
class OwnTablesSettings:
    """Options of `benchmarks.own_tables`."""

    only: tuple[str, ...] = field(default=(), metadata={"help": "tables to run; default: all"})
    folder: str = _text("", "folder of CSV files, of which --files are run instead")
    files: tuple[str, ...] = field(
        default=(), metadata={"help": "of --folder: name:target, or name:target:left,out, such as wage:wage:logwage"}
    )
    seed: int = _number(0, "decides which rows the tables have, and which are test rows", least=0)
    trials: int = _number(20, "trials of each search")
    seeds: int = _number(8, "seeds of each configuration that is confirmed, and of the delivered model", least=2)
    ablated: int = _number(0, "features without which the model is trained again, for the report", least=0)

    def words(self) -> list[str]:
        """The words that these options are to eksplora."""
        return [f"study.n_trials={self.trials}", f"repro.seeds={self.seeds}", f"repro.ablated={self.ablated}"]


def parse(kind: type[S], arguments: Sequence[str], measurements: Collection[str], purpose: str) -> S:
    """Read a command line; a mistake ends the process with one line and exit code 2.

    Args:
        kind: The dataclass of the settings.
        arguments: The words after the command.
        measurements: Names that `--only` may give.
        purpose: What the benchmark measures, for `--help`.
    """
    parser = argparse.ArgumentParser(description=purpose, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    for one in fields(kind):  # type: ignore[arg-type]
        option, text = f"--{one.name.replace('_', '-')}", one.metadata["help"]
        if one.name == "only":
            parser.add_argument(option, nargs="+", choices=sorted(measurements), default=(), help=text)
        elif one.name == "files":
            parser.add_argument(option, nargs="+", type=_of_file, default=(), help=text)
        elif one.type is int:
            parser.add_argument(option, type=_at_least(one.metadata["least"]), default=one.default, help=text)
        else:
            parser.add_argument(option, default=one.default, help=text)
    found = vars(parser.parse_args(arguments))
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})


def _of_file(text: str) -> str:
    if text.count(":") not in (1, 2):
        raise argparse.ArgumentTypeError(f"{text} is no name:target or name:target:left,out")
    return text


def _at_least(bound: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if value < bound:
            raise argparse.ArgumentTypeError(f"must be at least {bound}, got {value}")
        return value

    number.__name__ = "whole number"  # what argparse calls it in "invalid whole number value"
    return number
