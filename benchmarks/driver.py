"""Measurement of the driver: a study whose training does nothing, run in a process of its own as a user's is.

`python -m benchmarks.driver <folder> <name> <trials>` is that process.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks.table import Row, Section, spread, verdict
from eksplora.config import compose_request, parse_space
from eksplora.errors import EksploraError
from eksplora.events.spool import read
from eksplora.stage.spec import spec_of
from eksplora.study.run import run_study

WORK = "benchmarks.idle:run"
TARGET_MS = 30.0
ROOT = Path(__file__).parents[1]

TEXT = """\
Milliseconds of the driver per trial: `search` with `experiment=boston_mlp sampler=random`, each study in a fresh
process, one worker whose training does nothing (for each trial of a population it sends at once ten epochs of four
curves and a result), MLflow on SQLite.

- median, min, max: from the first trial to the last one's end, plus the wait at the end until MLflow has everything;
  over the number of trials.
- start-up (from the command to the first trial) and conclusion (table, files, plots; MLflow is filled meanwhile) come
  once a study.
- in all: everything after the start-up, the conclusion too, over the number of trials."""


@dataclass(frozen=True)
class Times:
    """One study of `trials` trials, in seconds since its command was given.

    Attributes:
        first: The first trial was recorded.
        last: The last trial's end was.
        concluded: Table, files and plots were written.
        complete: MLflow had everything and the study ended.
    """

    trials: int
    first: float
    last: float
    concluded: float
    complete: float

    @property
    def cost_ms(self) -> float:
        """Milliseconds per trial without start-up and conclusion."""
        return 1000 * (self.last - self.first + self.complete - self.concluded) / self.trials

    @property
    def in_all_ms(self) -> float:
        """Milliseconds per trial of all that comes after the start-up."""
        return 1000 * (self.complete - self.first) / self.trials


def run_idle_study(folder: Path, name: str, trials: int) -> None:
    """Run the study in this process; the last line printed is when it was complete, in seconds since the epoch."""
    overrides = [
        "experiment=boston_mlp",
        "sampler=random",
        f"study.n_trials={trials}",
        "study.workers=1",
        f"paths.data={json.dumps(str(folder / 'data'))}",
        f"paths.mlruns={json.dumps(str(folder / 'mlruns'))}",
        f"paths.results={json.dumps(str(folder / 'results'))}",
    ]
    request = compose_request("search", overrides)
    space = parse_space(request.settings.space)
    run_study(spec_of(request, name, space, trials, work=WORK, results=(folder / "results").joinpath))
    print(time.time())


def time_study(folder: Path, name: str, trials: int) -> Times:
    """Run a study of `trials` trials in a fresh process.

    Raises:
        EksploraError: If it fails.
    """
    command = [sys.executable, "-m", "benchmarks.driver", str(folder), name, str(trials)]
    begun = time.time()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise EksploraError(f"the study of {trials} trials failed: {done.stderr.strip().splitlines()[-1:]}")
    at: dict[str, list[float]] = {}
    for event in read(folder / "mlruns" / "studies" / name / "spool.jsonl"):
        at.setdefault(event.kind, []).append(event.time / 1000 - begun)
    assert len(at["trial_end"]) == trials
    complete = float(done.stdout.splitlines()[-1]) - begun
    return Times(trials, at["trial"][0], at["trial_end"][-1], at["stop"][-1], complete)


def measure_driver(folder: Path, *, sizes: Sequence[int], repeats: int, say: Callable[[str], None]) -> Section:
    """Run studies of each size in turn, in one folder, whose MLflow database and data are made first."""
    say("a study of one trial first, not counted")
    time_study(folder, "first", 1)
    times: dict[int, list[Times]] = {size: [] for size in sizes}
    begun, numbers = time.monotonic(), count()
    for run in range(repeats):
        for size in sizes:
            times[size].append(time_study(folder, f"study-{next(numbers)}", size))
            say(f"run {run + 1} of {repeats}: {size} trials, {times[size][-1].cost_ms:.1f} ms each")
        say(f"about {(time.monotonic() - begun) / (run + 1) * (repeats - run - 1):.0f} s left")
    return Section("The driver's cost per trial", TEXT, rows_of(times))


def rows_of(times: Mapping[int, Sequence[Times]]) -> list[Row]:
    """One row per size of study."""
    rows: list[Row] = []
    for size, runs in times.items():
        costs = [run.cost_ms for run in runs]
        judged = verdict(median(costs), TARGET_MS, sign="<")
        rows.append(
            {"trials": str(size), **spread(costs, "ms")}
            | judged
            | {
                "start-up, s": f"{median(run.first for run in runs):.1f}",
                "conclusion, s": f"{median(run.concluded - run.last for run in runs):.1f}",
                "in all, ms": f"{median(run.in_all_ms for run in runs):.1f}",
            }
        )
    return rows


if __name__ == "__main__":
    run_idle_study(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
