"""Studies that are killed and interrupted with real signals, and go on."""

import os
import pty
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import surviving as here
from processes import session, stat
from waiting import at_a_random_moment, until

from eksplora.errors import ConfigError, EksploraError, Interrupted, StudyError
from eksplora.launch.signals import FOR_THE_DRIVER
from eksplora.stage.spec import WORK
from eksplora.study.interruption import Interruption, _insists, outlived

RANDOM = ("experiment=boston_mlp", "sampler=random", "study.n_trials=10", "trainer.max_epochs=6", "study.workers=2")
TPE = ("experiment=boston_mlp", "sampler=tpe", "sampler.n_startup_trials=4", *RANDOM[2:4], "study.workers=1")
REAL = (
    "experiment=boston_mlp",
    "sampler=random",
    "study.name=study",
    "study.n_trials=3",
    "study.workers=2",
    "study.threads=1",
    "study.checkpoint_seconds=0.05",
    "trainer.max_epochs=100",
    "space.params.model.widths=choice([8])",
)


@pytest.mark.parametrize(
    ("setting", "moments"),
    [
        pytest.param(RANDOM, (0, 10, 35, 60), marks=pytest.mark.slow),
        pytest.param(TPE, (25, 45), marks=pytest.mark.slow),  # the gate kills populations (test_populations.py)
    ],
    ids=["random, 2 workers", "tpe, 1 worker"],
)
def test_study_killed_again_and_again_equals_the_undisturbed_one(
    setting: tuple[str, ...], moments: tuple[int, ...], prepared: str, workplace: Path
) -> None:
    expected = here.undisturbed(*setting, prepared)
    draws = random.Random(0)
    for num_epochs in moments:  # of 60: from the start-up to the conclusion
        with here.command(here.PRETENDED, *setting, prepared) as process:
            until(lambda num=num_epochs: here.num_lines("epochs.log") >= num, process=process)
            at_a_random_moment(draws, 0.1 if num_epochs else 1)
            here.kill_driver(process)
    with here.command(here.PRETENDED, *setting, prepared) as process:
        output = here.finish(process)
    assert process.returncode == 0, output
    assert here.table() == expected
    assert here.counted_once()
    trained = Counter(Path("epochs.log").read_text().splitlines())
    assert len(trained) == 60
    largest = max(len(data["trainings"]) for data in here.events("population"))
    assert sum(trained.values()) - 60 <= 2 * largest * len(moments), "a kill costs at most the epoch of each worker"


ENDS = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize(
    ("members", "ends"),
    [
        (1, (signal.SIGKILL,)),
        *(pytest.param(*more, marks=pytest.mark.slow) for more in ((1, (signal.SIGTERM,)), (3, tuple(ENDS)))),
    ],
)
def test_real_trainings_go_on_from_their_checkpoints_to_the_same_bits(
    members: int, ends: tuple[signal.Signals, ...], prepared: str, workplace: Path
) -> None:
    setting = [*REAL, f"study.n_seeds={members}", prepared]
    expected = here.undisturbed(*setting, work=WORK)
    for end in ends:
        before = checkpoints()
        with here.command(here.SEARCH, *setting) as process:
            until(lambda before=before: is_newer(before), process=process)
            if end is signal.SIGKILL:
                here.kill_driver(process)
            else:
                os.killpg(process.pid, end)
                output = here.finish(process)
                assert "trials.csv" in output, "a summary is printed"
                assert output.splitlines()[-1] == "error: stopped; the same command goes on where it was left"
                assert "Traceback" not in output
            assert process.returncode == ENDS[end]
        assert checkpoints()
    here.study(*setting, work=WORK)
    assert here.table() == expected
    assert here.members() == here.members("undisturbed")
    assert here.counted_once()
    assert not checkpoints(), "only the best trial's weights are kept"
    assert len(list(Path("mlruns/studies/study/trials").glob("*/*/weights.safetensors"))) == members


def is_newer(before: dict[Path, int]) -> bool:
    """Whether a checkpoint was written since."""
    return any(before.get(path) != moment for path, moment in checkpoints().items())


def checkpoints() -> dict[Path, int]:
    """The manifests of all checkpoints, and when they were written."""
    found = {}
    for path in Path("mlruns/studies/study/populations").glob("*/[ab].json"):
        with suppress(FileNotFoundError):  # the next generation takes its place just now
            found[path] = path.stat().st_mtime_ns
    return found


def test_second_signal_leaves_at_once_and_the_same_command_finishes(
    prepared: str, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = [*RANDOM, "study.n_trials=2", prepared]
    monkeypatch.setenv("PRETENDED_EPOCH_SECONDS", "3000")  # no epoch ends while this test runs
    with here.command(here.PRETENDED, *slow) as process:
        until(lambda: here.spool_path().exists() and len(here.events("trial")) == 2, process=process)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        while "stopping" not in process.stdout.readline():
            pass
        os.killpg(process.pid, signal.SIGINT)
        output = here.finish(process)
        assert process.returncode == 130
        until(lambda: not session(process.pid))
    assert output.splitlines()[-1] == "error: left at once; the same command goes on from the last checkpoints"
    here.study(*slow)
    assert [row["status"] for row in here.table()] == ["finished"] * 2
    assert here.counted_once()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_workers_import_ends_quietly(number: int, prepared: str, workplace: Path) -> None:
    with here.command(here.SEARCH, *REAL, prepared, start=subprocess.Popen) as process:
        until(lambda: len(session(process.pid)) >= 3, process=process)  # two servers of multiprocessing
        os.killpg(process.pid, number)
        output = here.finish(process)
        assert process.returncode == 128 + number
        until(lambda: not session(process.pid))
    said = [line for line in output.splitlines() if "starting" not in line]
    assert said == ["error: stopped; the same command goes on where it was left"]
    assert not Path("mlruns/studies/study").exists(), "nothing is left half-written"


def test_second_driver_is_refused_until_the_first_is_gone(prepared: str, workplace: Path) -> None:
    slow = [*RANDOM, "trainer.max_epochs=1000000", prepared]  # no trial ends while this test runs
    with here.command(here.PRETENDED, *slow) as process:
        until(lambda: here.num_lines("epochs.log") > 5, process=process)
        with pytest.raises(StudyError, match=f"being run by process {process.pid}.*study.name=<name>"):
            here.study(*slow)
        here.kill_driver(process)
    with pytest.raises(EksploraError, match=r"no trial finished: study\.timeout_seconds=0\.1 is over"):
        here.study(*slow, "study.timeout_seconds=0.1")
    assert len(here.events("start")) == 2


def test_time_limit_ends_with_checkpoints_and_the_same_command_goes_on(prepared: str, workplace: Path) -> None:
    limited = [*RANDOM, "study.timeout_seconds=0.25", prepared]
    go_on(limited)
    first_end = [data["status"] for data in here.events("stop")]
    assert first_end == ["interrupted"]
    first = {row["trial"]: row for row in here.table()}
    assert "interrupted" in {row["status"] for row in first.values()}
    until(lambda: len(here.events("trial_end")) == 10 or go_on(limited))
    assert [row["status"] for row in here.table()] == ["finished"] * 10
    assert Counter(Path("epochs.log").read_text().splitlines()).most_common(1)[0][1] == 1, "no epoch twice"
    assert here.counted_once()


def go_on(limited: list[str]) -> None:
    """On a busy machine the time may be over before a first trial is."""
    with suppress(EksploraError):
        here.study(*limited)


@pytest.mark.slow
def test_killed_study_is_whole_in_mlflow_after_the_same_command(prepared: str, workplace: Path) -> None:
    from mlflow import MlflowClient

    small = [*RANDOM, "study.n_trials=6", "study.n_seeds=2", prepared]
    for num_epochs in (25, None):
        with here.command(here.PRETENDED, *small, tracker="mlflow") as process:
            if num_epochs:
                until(lambda: here.num_lines("epochs.log") >= 25, process=process)
                here.kill_driver(process)
            else:
                assert "same command" not in here.finish(process)
    client = MlflowClient("sqlite:///mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("boston_mlp")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
    depths = Counter(depth(run.data.tags, {run.info.run_id: run.data.tags for run in runs}) for run in runs)
    assert depths == {0: 1, 1: 6, 2: 12}, "one study, its trials, their members: each once"
    expected = {int(row["trial"]): float(row["val/mae"]) for row in here.table()}
    for run in runs:
        if "member" not in run.data.tags and "trial" in run.data.tags:
            assert expected.pop(int(run.data.tags["trial"])) in run.data.metrics.values()
    assert not expected


def depth(tags: dict[str, str], of: dict[str, dict[str, str]]) -> int:
    """How many runs a run is nested in."""
    parent = tags.get("mlflow.parentRunId")
    return 1 + depth(of[parent], of) if parent else 0


@pytest.mark.parametrize(
    "numbers", [(signal.SIGUSR1, signal.SIGXCPU), pytest.param(FOR_THE_DRIVER, marks=pytest.mark.slow)]
)
def test_every_signal_that_asks_for_an_end_leaves_checkpoints_and_the_same_command_goes_on(
    numbers: tuple[int, ...], prepared: str, workplace: Path
) -> None:
    """Ctrl-C, SIGTERM and SIGHUP are seen by themselves as well; here are several, one after the other in one study."""
    slow = [*RANDOM, "study.n_trials=2", "trainer.max_epochs=1000000", prepared]
    for place, number in enumerate(numbers, 1):
        with here.command(here.PRETENDED, *slow) as process:
            before = here.num_lines("epochs.log")
            until(lambda before=before: here.num_lines("epochs.log") > before + 2, process=process)
            os.killpg(process.pid, number)  # workers get it too
            output = here.finish(process)
        assert process.returncode == 128 + number, output
        assert output.splitlines()[-1] == "error: stopped; the same command goes on where it was left"
        assert [data["status"] for data in here.events("stop")] == ["interrupted"] * place
    assert Counter(Path("epochs.log").read_text().splitlines()).most_common(1)[0][1] == 1, "no epoch twice"


def test_a_study_ends_well_when_its_terminal_is_closed(prepared: str, workplace: Path) -> None:
    """What it still writes goes nowhere; the signal comes from the system, and once more as from a shell."""
    master, slave = pty.openpty()
    own = 'exec "$@" <> "$0" > "$0" 2>&1'  # the first terminal that a session's leader opens is its own
    words = [sys.executable, str(here.PRETENDED), "tracker=off", *RANDOM, "trainer.max_epochs=1000000", prepared]
    process = subprocess.Popen(["sh", "-c", own, os.ttyname(slave), *words], start_new_session=True)
    os.close(slave)
    until(lambda: here.num_lines("epochs.log") > 3 or process.poll() is not None)
    os.close(master)
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGHUP)
    assert process.wait() == 128 + signal.SIGHUP
    assert [data["status"] for data in here.events("stop")] == ["interrupted"]
    assert Path("mlruns/studies/study/summary/trials.csv").exists()


@pytest.mark.slow
def test_a_study_that_is_to_outlive_its_terminal_does(prepared: str, workplace: Path) -> None:
    words = [sys.executable, str(here.PRETENDED), "tracker=off", *RANDOM, prepared]
    process = subprocess.Popen(["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words], start_new_session=True)
    until(lambda: here.num_lines("epochs.log") > 3 or process.poll() is not None)
    os.killpg(process.pid, signal.SIGHUP)
    assert process.wait() == 0
    assert [row["status"] for row in here.table()] == ["finished"] * 10


@pytest.mark.slow
def test_a_study_that_is_stopped_and_continued_is_the_same(prepared: str, workplace: Path) -> None:
    expected = here.undisturbed(*RANDOM, prepared)
    with here.command(here.PRETENDED, *RANDOM, prepared) as process:
        until(lambda: here.num_lines("epochs.log") > 3, process=process)
        os.killpg(process.pid, signal.SIGSTOP)  # as SIGTSTP does where a shell watches over the group
        until(lambda: "T" in states(process.pid))
        os.killpg(process.pid, signal.SIGCONT)
        output = here.finish(process)
    assert process.returncode == 0, output
    assert here.table() == expected


def states(leader: int) -> set[str]:
    """The states of the processes of a session."""
    return {state for pid in session(leader) for state in stat(pid)[:1]}


@pytest.mark.parametrize(
    ("first", "second", "leaves"),
    [
        (signal.SIGINT, signal.SIGINT, True),
        (signal.SIGTERM, signal.SIGTERM, True),
        (signal.SIGINT, signal.SIGTERM, True),
        (signal.SIGHUP, signal.SIGINT, True),
        (signal.SIGHUP, signal.SIGHUP, False),
        (signal.SIGHUP, signal.SIGTERM, False),
        (signal.SIGUSR1, signal.SIGTERM, False),
        (signal.SIGXCPU, signal.SIGXCPU, False),
        (signal.SIGTERM, signal.SIGXCPU, False),
    ],
)
def test_only_a_signal_that_insists_ends_without_checkpoints(first: int, second: int, leaves: bool) -> None:
    assert _insists(second, first) is leaves


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_what_foreign_code_makes_of_a_signal_is_an_interruption_all_the_same(number: int, code: int) -> None:
    """Hydra makes a mistake of the user's of whatever is raised while a part is imported."""
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=r"^stopped; the same command goes on") as raised, Interruption():
        try:
            os.kill(os.getpid(), number)
        except Interrupted as first:
            try:
                raise ImportError("initialization failed") from first
            except ImportError as second:
                raise ConfigError("tracker: refuses its values") from second
    assert raised.value.exit_code == code and signal.getsignal(number) is before


def test_a_mistake_without_a_signal_stays_one() -> None:
    with pytest.raises(ConfigError, match="of the user's"), Interruption():
        raise ConfigError("of the user's")


def test_who_insists_ends_the_study_and_not_a_process_that_outlives_it() -> None:
    killed = []
    with outlived(), Interruption() as interruption:
        interruption.number = signal.SIGINT
        interruption._driver = SimpleNamespace(workers=SimpleNamespace(kill=lambda: killed.append(1)))  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt, match="left at once; the same command goes on from the last checkpoints"):
            signal.raise_signal(signal.SIGINT)
    assert killed == [1]


def test_a_study_in_another_thread_hears_no_signals_and_runs() -> None:
    before, ran = signal.getsignal(signal.SIGINT), []

    def run() -> None:
        with Interruption():
            ran.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ran == [before]
