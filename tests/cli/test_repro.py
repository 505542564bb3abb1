"""`make repro` on a project of three small stages: real DVC, with a terminal and without."""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import small_project as here
import yaml
from processes import session
from waiting import until

from eksplora.cli.repro import check_project
from eksplora.errors import DataError

OURS = (sys.executable, "-m", "eksplora.cli.repro")
DVCS = (here.DVC, "repro")
COMMANDS = {"one": "cp in one", "two": "sh two.sh && cat one > two", "three": "cat two > three"}
READS = {"one": "in", "two": "one", "three": "two"}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project before its stages have run; `two.sh` is read by no stage, so DVC does not see it change."""
    project = tmp_path_factory.mktemp("start") / "project"
    (project / ".dvc").mkdir(parents=True)
    shutil.copy(here.ROOT / ".dvc/config", project / ".dvc/config")
    (project / "in").write_text("words\n")
    (project / "two.sh").write_text("true\n")
    stages = {name: {"cmd": cmd, "deps": [READS[name]], "outs": [name]} for name, cmd in COMMANDS.items()}
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    here.run(project, "git", "init", "--quiet", "--initial-branch=main")
    here.commit(project, "start")
    return project


@pytest.fixture
def project(start: Path, tmp_path: Path) -> Path:
    return here.duplicate(start, tmp_path / "project")


@pytest.fixture(scope="module")
def done(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after a repro."""
    project = here.duplicate(start, tmp_path_factory.mktemp("done") / "project")
    repro(project)
    return project


def repro(project: Path, *words: str, code: int = 0, command: tuple[str, ...] = OURS) -> str:
    """Repro with our sources, and what it printed."""
    done = here.run(project, *command, *words, code=code, own={"PYTHONPATH": str(here.ROOT / "src")})
    return done.stdout + done.stderr


def test_each_stage_is_counted_and_its_command_shown(project: Path) -> None:
    lines = [line for line in repro(project).splitlines() if line.startswith(("stage ", "> "))]
    assert lines == [
        "stage 1 of 3: one",
        "> cp in one",
        "stage 2 of 3: two",
        "> sh two.sh && cat one > two",
        "stage 3 of 3: three",
        "> cat two > three",
    ]
    assert (project / "three").read_text() == "words\n"
    again = [line for line in repro(project, "--force").splitlines() if line.startswith("stage ")]
    assert re.fullmatch(
        r"stage 1 of 3: one   \(from here to the end, all of it run: \d+ s when it ran last\)", again[0]
    )


def test_stages_that_are_skipped_are_named_and_a_target_counts_those_before_it(done: Path, tmp_path: Path) -> None:
    project = here.duplicate(done, tmp_path / "project")
    assert repro(project).splitlines() == [
        *(f"stage {number} of 3: {name} is unchanged, skipped" for number, name in enumerate(COMMANDS, 1)),
        "Data and pipelines are up to date.",
    ]
    (project / "two").unlink()
    assert repro(project, "two").splitlines()[:2] == [
        "stage 1 of 2: one is unchanged, skipped",
        "stage 2 of 2: two was run like this before, its results are taken from the cache",
    ]


def test_a_dry_run_of_what_never_ran_ends_in_one_line_with_the_way_out(project: Path) -> None:
    said = repro(project, "--dry", code=2).splitlines()
    assert said[:2] == ["stage 1 of 3: one", "> cp in one"] and not (project / "one").exists()
    assert said[-1].startswith("error: --dry: two reads what no stage before it has written yet")
    assert not [line for line in said if line.startswith("ERROR")]


@pytest.mark.slow
def test_files_exit_code_and_errors_are_those_of_dvc(start: Path, tmp_path: Path) -> None:
    said, left = [], []
    for name, command in (("ours", OURS), ("dvc's", DVCS)):
        project = here.duplicate(start, tmp_path / name)
        (project / "two.sh").write_text("echo wrong >&2; exit 2\n")
        text = repro(project, code=255, command=command)
        said.append([line for line in text.splitlines() if line.startswith(("wrong", "ERROR"))])
        (project / "two.sh").write_text("true\n")
        repro(project, command=command)
        left.append((project / "dvc.lock").read_text())
        said.append(repro(project, "--no-such-option", code=254, command=command).splitlines()[-1:])
        assert "three" in repro(project, "--single-item", "three", command=command)
    assert said[:2] == said[2:] and left[0] == left[1]
    assert "ERROR: failed to reproduce 'two'" in said[0][-1]


@contextmanager
def waiting(project: Path, command: tuple[str, ...]) -> Iterator["subprocess.Popen[str]"]:
    """A repro in a session of its own, in the middle of the second stage."""
    (project / "two.sh").write_text("touch begun; exec sleep 600\n")
    with here.started(project, command, project.parent / f"{project.name}.log") as process:
        here.wait((project / "begun").exists, process)
        yield process


@pytest.mark.parametrize("signum", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_ctrl_c_ends_it_as_it_ends_dvc(start: Path, tmp_path: Path, signum: int) -> None:
    ends = []
    for name, command in (("ours", OURS), ("dvcs", DVCS)):
        with waiting(here.duplicate(start, tmp_path / name), command) as process:
            os.killpg(process.pid, signum)
            code = process.wait()
            until(lambda leader=process.pid: not session(leader))
        lines = (tmp_path / f"{name}.log").read_text().splitlines()
        ends.append((code, [line for line in lines if line.startswith("ERROR")]))
    assert ends[0] == ends[1] and ends[0][0] != 0


def test_a_terminal_shows_lines_and_stages_have_it_to_themselves(project: Path) -> None:
    """No bars: they go back to the beginning of a line, and move the cursor."""
    (project / "two.sh").write_text("[ -t 1 ] && [ -t 2 ] && echo it is a terminal\n")
    leader, follower = pty.openpty()
    own = here.environment(project) | {"PYTHONPATH": str(here.ROOT / "src"), "TERM": "xterm"}
    with subprocess.Popen(OURS, cwd=project, env=own, stdin=follower, stdout=follower, stderr=follower) as process:
        os.close(follower)
        shown = b"".join(iter(lambda: read(leader), b"")).decode()
    os.close(leader)
    assert process.returncode == 0 and "it is a terminal\r\n" in shown
    assert re.findall(r"\r(?!\n)|\x1b\[\d*[A-K]", shown) == []


def read(terminal: int) -> bytes:
    """What is shown next; nothing when all that wrote to it have ended."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_lock_file_that_breaks_off_is_one_line_with_the_way_out(done: Path, tmp_path: Path) -> None:
    project = here.duplicate(done, tmp_path / "project")
    lock = project / "dvc.lock"
    whole = lock.read_text()
    lock.write_text(whole[: len(whole) // 2])
    shown = repro(project, code=2)
    assert shown.startswith("error: dvc.lock breaks off") and shown.count("\n") == 1
    lock.unlink()  # the way out that it names
    assert "> " not in repro(project), "nothing runs"
    assert lock.read_text() == whole


def test_what_is_left_of_a_lock_file_is_refused_or_can_be_read_by_dvc(done: Path, tmp_path: Path) -> None:
    """Cut at every byte."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA

    (tmp_path / ".git").mkdir()
    whole, lock = (done / "dvc.lock").read_bytes(), tmp_path / "dvc.lock"
    passed = 0
    for length in range(len(whole) + 1):
        lock.write_bytes(whole[:length])
        try:
            check_project(tmp_path)
        except DataError:
            continue
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(whole[:length]))
        passed += 1
    assert 1 <= passed < len(whole) / 10


def test_without_git_it_is_one_line(start: Path, tmp_path: Path) -> None:
    project = without_git(start, tmp_path)
    shown = repro(project, code=2)
    assert shown.startswith("error: this folder is in no Git repository") and shown.count("\n") == 1


@pytest.mark.slow
def test_both_ways_out_lead_on_without_git(start: Path, tmp_path: Path) -> None:
    project = without_git(start, tmp_path)
    here.run(project, sys.executable, "-m", "dvc", "config", "--local", "core.no_scm", "true")
    assert "stage 3 of 3: three" in repro(project)
    (project / ".dvc/config.local").unlink()
    here.run(project, "git", "init", "--quiet")
    assert "stage 3 of 3: three is unchanged, skipped" in repro(project)


def without_git(start: Path, folder: Path) -> Path:
    """The project as a ZIP has it."""
    project = here.duplicate(start, folder / "project")
    shutil.rmtree(project / ".git")
    return project
