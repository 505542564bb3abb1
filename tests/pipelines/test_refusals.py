"""What a command refuses after a look at the disk: data, folders, locks, earlier studies. All with real processes."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import preloaded
import pytest
from waiting import until

PIPELINES = Path(__file__).parents[2] / "pipelines"
QUICK = ["sampler=random", "study.n_trials=1", "study.workers=1", "trainer.max_epochs=1", "tracker=off"]
NAME = "study.name=one"
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
"""Runs a shell that may mount: a small disk needs no rights of the machine's own."""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Boston, prepared once for all tests."""
    folder = tmp_path_factory.mktemp("prepared")
    words = [sys.executable, str(PIPELINES / "prepare.py"), "data=boston_housing"]
    done = preloaded.run(words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "data"


def words(prepared: Path, *overrides: str) -> list[str]:
    return [sys.executable, str(PIPELINES / "search.py"), f"paths.data={prepared}", NAME, *QUICK, *overrides]


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that a mistake is answered with."""
    assert done.returncode == 2, done.stderr
    error = re.sub(r"(?m)^(?!error).*\bstarting\b.*\n", "", done.stderr)  # some mistakes are seen when parts are built
    assert error.startswith("error: ") and error.count("\n") == 1, done.stderr
    assert done.stdout == ""
    return error.removeprefix("error: ").rstrip("\n")


def run(folder: Path, command: list[str]) -> "subprocess.CompletedProcess[str]":
    return preloaded.run(command, cwd=folder)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("override", ["data.batch_size=324", "space.params.data.batch_size=choice(16,324)"])
def test_a_batch_larger_than_the_rows_is_refused(override: str, prepared: Path, tmp_path: Path) -> None:
    shown = refusal(run(tmp_path, words(prepared, override)))
    assert shown == "data.batch_size=324 is more than the 323 rows to learn from. Choose 323 or fewer."
    assert files(tmp_path) == []


def test_altered_data_are_refused_by_file(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "data")
    file = tmp_path / "data/prepared/boston_housing/train_features.npy"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    before = files(tmp_path)
    shown = refusal(run(tmp_path, words(Path("data"))))
    assert "train_features.npy has changed since it was prepared: its sha256 is not the card's." in shown
    assert shown.endswith("Run `python pipelines/prepare.py data=boston_housing`.")
    assert files(tmp_path) == before


def test_a_part_that_refuses_its_values_is_named_before_anything_is_written(prepared: Path, tmp_path: Path) -> None:
    shown = refusal(run(tmp_path, words(prepared, "trainer.max_epochs=0")))
    assert shown == "trainer.max_epochs must be a whole number of at least 1, got 0. Try trainer.max_epochs=100."
    assert files(tmp_path) == []


def test_a_searched_value_that_means_nothing_is_refused_before_anything_is_trained(
    prepared: Path, tmp_path: Path
) -> None:
    momentum = "space.params.optimizer.momentum=interval(0.5,1.5)"
    shown = refusal(run(tmp_path, words(prepared, "optimizer=sgd", momentum)))
    assert shown == (
        "space.params.optimizer.momentum: optimizer.momentum must be a number of at least 0 and below 1, got 1.49. "
        "Try optimizer.momentum=0.9."
    )
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("where", [pytest.param("mlruns", marks=pytest.mark.slow), "mlruns/studies"])
def test_a_file_where_a_folder_is_wanted_is_refused_by_name(where: str, prepared: Path, tmp_path: Path) -> None:
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text("mine")
    shown = refusal(run(tmp_path, words(prepared)))
    assert shown.startswith("mlruns/studies/one: cannot be written (")
    assert shown.endswith("Fix its rights or set paths.mlruns=<folder>.")
    assert files(tmp_path) == [where] and (tmp_path / where).read_text() == "mine"


def in_namespace(folder: Path, script: str, command: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command after a shell script that mounts; skip where the machine does not allow it."""
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("mounting in a user namespace is not permitted here")
    return run(folder, [*NAMESPACE, f'{script} && exec "$@"', "sh", *command])


def test_a_read_only_disk_is_refused(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    mount = "mount -t tmpfs -o ro tmpfs mlruns"
    shown = refusal(in_namespace(tmp_path, mount, words(prepared)))
    assert shown.startswith("mlruns/studies/one: cannot be written (Read-only file system).")
    assert files(tmp_path) == []


@pytest.mark.slow
def test_a_disk_that_fills_up_is_one_line_and_with_more_space_the_same_command_goes_on(
    prepared: Path, tmp_path: Path
) -> None:
    """The disk takes the beginning of the study, but not the weights of its network; then it is made larger."""
    (tmp_path / "mlruns").mkdir()
    full, larger = "mount -t tmpfs -o size=64k tmpfs mlruns", "mount -o remount,size=64m mlruns"
    command = words(prepared, "paths.results=mlruns/results")
    done = in_namespace(tmp_path, f'{full} && {{ "$@"; echo "ended $?"; {larger}; }}', command)
    assert done.returncode == 0, done.stderr
    assert "ended 2\n" in done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    assert re.search(r"^error: (Cannot write )?\S*mlruns\S*: .*(No space left|disk is full).*\.$", lines[0])
    assert "Study one: 1 finished." in done.stdout.partition("ended 2\n")[2]


def test_a_full_disk_is_refused_when_data_are_prepared(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    command = [sys.executable, str(PIPELINES / "prepare.py"), "data=boston_housing"]
    shown = refusal(in_namespace(tmp_path, "mount -t tmpfs -o size=16k tmpfs data", command))
    assert shown.startswith("data/raw/boston_housing: cannot be written (")
    assert shown.endswith("Free space, or choose another folder with paths.data=<folder>.")


@pytest.mark.slow
def test_a_second_driver_is_refused_while_the_first_runs(prepared: Path, tmp_path: Path) -> None:
    command = words(prepared, "trainer.max_epochs=100000")
    with preloaded.start(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        spool = tmp_path / "mlruns/studies/one/spool.jsonl"
        until(lambda: spool.exists() or first.poll() is not None)
        assert first.poll() is None and spool.exists()
        shown = refusal(run(tmp_path, command))
        first.send_signal(signal.SIGINT)
        assert first.wait() == 130
    assert shown.startswith(f"study 'one' is being run by process {first.pid}.")
    assert shown.endswith("study.name=<name>.")
    with spool.with_name("lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the end of the first has freed it


@pytest.mark.slow
def test_a_changed_study_is_refused_with_what_changed(prepared: Path, tmp_path: Path) -> None:
    first = run(tmp_path, words(prepared))
    assert first.returncode == 0, first.stderr
    study = tmp_path / "mlruns/studies/one"
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file() and path.name != "lock"}
    shown = refusal(
        run(tmp_path, words(prepared, "trainer.max_epochs=3", "space.params.optimizer.lr=interval(0.1,0.2)"))
    )
    assert shown.startswith("study 'one' was begun with other settings (trainer.max_epochs: 1 -> 3; ")
    assert "space.params.optimizer.lr: tag(log, interval(0.0003, 0.03)) -> interval(0.1, 0.2)" in shown
    assert shown.endswith("Give the changed one a name of its own: study.name=<new name>.")
    assert {path: path.read_bytes() for path in before} == before
    assert os.listdir(tmp_path / "results") == ["one"]  # noqa: PTH208  # names, not paths
