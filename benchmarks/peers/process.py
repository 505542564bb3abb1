"""Runs the sides of a comparison in processes of their own: peers' scripts in their environment, ours as commands."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eksplora.errors import ConfigError, EksploraError
from eksplora.events.event import TrialEnd
from eksplora.events.line import to_json
from eksplora.events.spool import read
from eksplora.installation import CONF

ROOT = CONF.parent
SCRIPTS = Path(__file__).with_name("scripts")
QUIET = {
    "CUDA_VISIBLE_DEVICES": "",
    "KERAS_BACKEND": "tensorflow",
    "PYTHONDONTWRITEBYTECODE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
"""Environment of the peers: on the processor, nothing reports home, nothing is left beside the scripts."""
PACKAGES = ("keras", "tensorflow-cpu", "torch", "pytorch-lightning", "hydra-optuna-sweeper", "optuna", "ray")


@dataclass(frozen=True)
class Training:
    """One run of a side that trains.

    Attributes:
        seconds: From the first thing done for the training to the last.
        rest: Seconds of the process before and after that: imports, reading data, warming up, conclusion.
        steps: Optimizer steps of each member.
        scores: Validation score of each member.
    """

    seconds: float
    rest: float
    steps: int
    scores: Sequence[float]


@dataclass(frozen=True)
class Search:
    """One run of a side that searches.

    Attributes:
        seconds: From the command to its end.
        trials: Trials that finished.
        best: The best validation score.
    """

    seconds: float
    trials: int
    best: float


class Peers:
    """The peers' environment."""

    def __init__(self, python: str, folder: Path) -> None:
        """Use the Python of the environment; `folder` stands in for the home folder, which some peers write to.

        Raises:
            ConfigError: If there is no such Python.
        """
        self._python = Path(python).absolute()
        if not self._python.is_file():
            raise ConfigError(f"python: there is no '{python}'. `make bench-peers` makes it; or name another.")
        self._environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self._environment |= QUIET | {"HOME": str(folder)}
        self._folder = folder

    def run(self, script: str, *arguments: object) -> tuple[str, float]:
        """What a script of `benchmarks/peers/scripts` prints, and the seconds from its start to its end.

        Raises:
            EksploraError: If it fails.
        """
        return _run([str(self._python), str(SCRIPTS / script), *map(str, arguments)], self._folder, self._environment)

    def train(self, script: str, data: Path, *, epochs: int) -> Training:
        """Run a script that trains once."""
        printed, wall = self.run(script, data, "--epochs", epochs)
        answer = last_json(printed)
        return Training(answer["seconds"], wall - answer["seconds"], answer["steps"], [answer["score"]])

    def versions(self) -> str:
        """Names and versions of the peers."""
        program = f"import importlib.metadata as m; print(', '.join(f'{{n}} {{m.version(n)}}' for n in {PACKAGES}))"
        printed, _ = _run([str(self._python), "-c", program], self._folder, self._environment)
        return printed.strip()


class Ours:
    """Our commands, as a user gives them; all of them share data and MLflow's database."""

    def __init__(self, folder: Path) -> None:
        """Keep everything in `folder`."""
        self._folder = folder
        self._number = 0

    @property
    def paths(self) -> list[str]:
        """Overrides that keep everything in the folder."""
        return [f"paths.{name}={json.dumps(str(self._folder / name))}" for name in ("data", "mlruns", "results")]

    def train(self, *overrides: str) -> Training:
        """Train the members of one configuration, tracked; the clock runs from the trial's first event to its last."""
        name, wall = self._command("train", *overrides)
        at: dict[str, float] = {}
        members: list[dict[str, Any]] = []
        for event in read(self._folder / "mlruns" / "studies" / name / "spool.jsonl"):
            at[event.kind] = event.time / 1000
            members += [to_json(event.body)] if event.kind == "member" else []
        check_members(members)
        seconds = at["trial_end"] - at["trial"]
        return Training(seconds, wall - seconds, members[0]["step"], [member["value"] for member in members])

    def search(self, *overrides: str) -> Search:
        """Run a study, tracked; everything counts."""
        name, wall = self._command("search", *overrides)
        events = read(self._folder / "mlruns" / "studies" / name / "spool.jsonl")
        ends = [event.body for event in events if isinstance(event.body, TrialEnd)]
        values = [end.value for end in ends if end.status == "finished" and end.value is not None]
        return Search(wall, len(values), min(values))

    def _command(self, root: str, *overrides: str) -> tuple[str, float]:
        """Give one of our commands; the name of its study, and the seconds it took."""
        self._number += 1
        name = f"{root}-{self._number}"
        command = [sys.executable, str(ROOT / "pipelines" / f"{root}.py"), *overrides, f"study.name={name}"]
        _, wall = _run([*command, *self.paths], self._folder, os.environ)
        return name, wall


def check_members(members: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a training that is none: every member finished, all with the same steps.

    Raises:
        EksploraError: If not.
    """
    if not members or {member["status"] for member in members} != {"finished"}:
        raise EksploraError(f"not every member finished: {[member['message'] for member in members]}")
    if len({member["step"] for member in members}) > 1:
        raise EksploraError("members of one training took different numbers of steps")


def last_json(printed: str) -> dict[str, Any]:
    """The last line of what a script printed, which is JSON."""
    answer: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    return answer


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[str, float]:
    begun = time.time()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-5:])
        raise EksploraError(f"`{' '.join(command)}` failed with exit code {done.returncode}: {last}")
    return done.stdout, time.time() - begun
