"""A campaign of kill -9 at random moments of real studies: drivers, workers, and all at once.

EKSPLORA_KILLS=100 EKSPLORA_KILLS_SEED=1 make test-slow ARGS="tests/study/test_kills.py -s"
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import surviving as here
from processes import kill, session, stat
from waiting import at_a_random_moment, until

from eksplora.stage.spec import WORK

KILLS = int(os.environ.get("EKSPLORA_KILLS", "5"))
SEED = int(os.environ.get("EKSPLORA_KILLS_SEED", "0"))
TRIALS, MEMBERS = 6, 2
SETTING = (
    "experiment=boston_mlp",
    "sampler=random",
    "study.name=study",
    f"study.n_trials={TRIALS}",
    f"study.n_seeds={MEMBERS}",
    "study.workers=2",
    "study.threads=1",
    "study.checkpoint_seconds=0.05",
    "trainer.max_epochs=150",
    "space.params.model.widths=choice([8],[16])",
)
STUDY = Path("mlruns/studies/study")
RUNS = """SELECT status, count(*) FROM runs JOIN tags USING (run_uuid)
          WHERE key = 'study' AND value = 'study' GROUP BY status"""
"""The runs of the study; that of the experiment's own configuration, which it is compared with, is another study."""


@dataclass
class Campaign:
    """What was killed, and what came of it.

    Attributes:
        kills: How often each was killed.
        rounds: Studies that were brought to their end.
        wrong: What was not as it should be.
    """

    draws: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    def read(self, output: str) -> None:
        """Look through what a command printed."""
        if "Traceback" in output:
            self.wrong["traceback"] += 1
            print(output)

    def run_once(self, prepared: str) -> bool:
        """Start the study and kill it, its workers, or all; whether it came to its end before."""
        with here.command(here.SEARCH, *SETTING, prepared, tracker="mlflow") as process:
            if self.draws.random() < 0.3 and self.passes(process, self.draws.randint(2, 30)):
                self.kill_worker(process)
            if not self.passes(process, self.draws.choice((0, 1, 5, 20, 60, 150))):
                self.end(process)
                return True
            at_a_random_moment(self.draws, 0.5)
            what, kill = self.draws.choice(self.ways())
            kill(process)
            self.kills[what] += 1
            self.read(process.communicate()[0])
            until(lambda: not session(process.pid))
        return False

    def end(self, process: "subprocess.Popen[str]") -> None:
        """Let a study end by itself, and judge it."""
        output = process.communicate()[0]
        assert process.returncode == 0, output
        self.read(output)
        if "`make sync` fills it in" in output:  # a busy machine: MLflow was given up for now
            subprocess.run([sys.executable, str(here.SEARCH.with_name("sync.py"))], check=True)
        self.judge()

    def passes(self, process: "subprocess.Popen[str]", steps: int) -> bool:
        """Wait until the study's files have changed so often; whether the process lives."""
        seen = files()
        left = steps

        def has_moved() -> bool:
            nonlocal seen, left
            now = files()
            left -= len(now - seen)
            seen = now
            return left <= 0 or process.poll() is not None

        until(has_moved)
        return process.poll() is None

    @staticmethod
    def ways() -> list[tuple[str, Callable[["subprocess.Popen[str]"], None]]]:
        """How a study is killed."""
        return [
            ("driver", lambda process: kill(process.pid)),
            ("all at once", lambda process: os.killpg(process.pid, signal.SIGKILL)),
        ]

    def kill_worker(self, process: "subprocess.Popen[str]") -> None:
        """Kill one that trains; the driver goes on with another. Twice on the same trials they go on one by one."""
        until(lambda: workers_of(process.pid) or process.poll() is not None)
        if workers := workers_of(process.pid):
            kill(self.draws.choice(workers))
            self.kills["worker"] += 1

    def judge(self) -> None:
        """Compare an ended study with the undisturbed one."""
        self.rounds += 1
        ends = Counter((data["trial"], data.get("member")) for kind in here.ENDED for data in here.events(kind))
        wanted = {(trial, member) for trial in range(TRIALS) for member in (None, *range(MEMBERS))}
        self.wrong["lost"] += len(wanted - set(ends))
        self.wrong["twice"] += sum(count > 1 for count in ends.values())
        weights, expected = here.members(), here.members("undisturbed")
        self.wrong["different"] += sum(weights.get(key) != value for key, value in expected.items())
        self.wrong["different"] += here.table() != here.table("undisturbed")
        with closing(sqlite3.connect("mlruns/mlflow.db")) as database:
            runs = dict(database.execute(RUNS).fetchall())
        if runs != {"FINISHED": 1 + TRIALS + TRIALS * MEMBERS}:
            self.wrong["different in MLflow"] += 1
            print(runs)
        self.show()

    def show(self) -> None:
        """Say how far it is, and what was wrong until now."""
        kills = f"{self.kills.total()} kills {dict(self.kills)}"
        print(f"\n{kills} in {self.rounds} studies of {TRIALS} trials: {dict(self.wrong)}", flush=True)


def files() -> set[tuple[str, int]]:
    """The files of the study, each with the moment of its last change."""
    found = set()
    for folder, _, names in os.walk(STUDY):  # a folder that has just been replaced is left out, as `rglob` does not
        for name in names:
            with suppress(OSError):
                path = Path(folder) / name
                found.add((str(path), path.stat().st_mtime_ns))
    return found


def workers_of(driver: int) -> list[int]:
    """The workers of a study: all that a child of its driver has forked."""
    parents = {pid: int("".join(stat(pid)[1:2]) or 0) for pid in session(driver)}
    return [pid for pid, parent in parents.items() if parents.get(parent) == driver]


@pytest.mark.slow
@pytest.mark.timeout(600 + 60 * KILLS)
def test_no_kill_loses_doubles_or_changes_a_trial(prepared: str, workplace: Path) -> None:
    here.undisturbed(*SETTING, prepared, work=WORK)
    campaign = Campaign(random.Random(SEED))
    while campaign.kills.total() < KILLS:
        if campaign.run_once(prepared):
            shutil.rmtree("mlruns")
    with here.command(here.SEARCH, *SETTING, prepared, tracker="mlflow") as process:
        campaign.end(process)
    assert not +campaign.wrong
