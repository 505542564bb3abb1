"""A stage ends with the DVC that started it, however that ends: real processes, killed with real signals."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import kill, read, running
from waiting import stays, until

STAGE = """
import sys, time
from eksplora.launch import dvc
time.sleep(float(sys.argv[1]))
dvc.follow()
print(dvc.ancestors() if "DVC_STAGE" in dvc.os.environ else [], flush=True)
time.sleep(9999)
"""
DVC = """
import os, subprocess, sys
shell, named, command = sys.argv[1:]
own = {"DVC_STAGE": "search-x"} if named == "named" else {}
subprocess.Popen([shell, "-c", command], env=os.environ | own).wait()
"""
SHELLS = [shell for shell in ("dash", "bash", "zsh") if shutil.which(shell)]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    found = shutil.which(request.param)
    assert found is not None
    return found


class Started:
    """A process that stands for DVC, and the stage that it has started through a shell."""

    def __init__(self, folder: Path, shell: str, *, late: float = 0, named: str = "named") -> None:
        stage = folder / "stage.py"
        stage.write_text(STAGE)
        command = [sys.executable, "-c", DVC, shell, named, f"{sys.executable} {stage} {late}"]
        self.dvc = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.stage = str(stage)

    def stages(self) -> list[int]:
        """The processes of the stage, the shell's aside."""
        return [pid for pid in running() if self.stage.encode() in read(pid, "cmdline").split(b"\0")]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[list[Started]]:
    """Those that are started; nothing of them is left afterwards."""
    started: list[Started] = []
    yield started
    for one in started:
        for process in (*one.stages(), one.dvc.pid):
            if one.dvc.poll() is None or process != one.dvc.pid:
                kill(process)
        assert one.dvc.stdout is not None
        one.dvc.stdout.close()
        one.dvc.wait()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_stage_ends_with_dvc_whatever_the_shell_between_them(
    end: signal.Signals, shell: str, tmp_path: Path, begin: list[Started]
) -> None:
    begin.append(Started(tmp_path, shell))
    dvc = begin[0].dvc
    assert dvc.stdout is not None
    ancestors = json.loads(dvc.stdout.readline())
    assert ancestors[-1] == dvc.pid
    assert len(ancestors) in (1, 2), "a shell that waits for its command is one more"
    assert stays(begin[0].stages, 1.2), "while DVC lives, it goes on"
    dvc.send_signal(end)
    until(lambda: not begin[0].stages())


def test_a_stage_ends_when_dvc_was_gone_before_it_could_look(shell: str, tmp_path: Path, begin: list[Started]) -> None:
    begin.append(Started(tmp_path, shell, late=1))
    until(begin[0].stages)
    begin[0].dvc.kill()
    assert begin[0].dvc.wait() == -signal.SIGKILL
    until(lambda: not begin[0].stages())  # fails where they go on


def test_a_command_that_no_dvc_started_outlives_its_parent(shell: str, tmp_path: Path, begin: list[Started]) -> None:
    begin.append(Started(tmp_path, shell, named="unnamed"))
    dvc = begin[0].dvc
    assert dvc.stdout is not None
    assert dvc.stdout.readline() == "[]\n"
    dvc.kill()
    assert stays(begin[0].stages, 1.5)
