"""`make ui`: a real server of MLflow's pages, and its end."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import surviving
from waiting import until

UI = Path(__file__).parents[2] / "pipelines/ui.py"
TRAINING_PAGES = "/#/experiments?workflowType=machine_learning"


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(UI), *words], cwd=folder, capture_output=True, text=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("signum", "code"),
    [
        (signal.SIGINT, 0),
        *(
            pytest.param(signum, code, marks=pytest.mark.slow)
            for signum, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9))
        ),
    ],
)
def test_it_says_when_it_is_up_keeps_the_log_to_itself_and_leaves_nothing(
    tmp_path: Path, signum: int, code: int
) -> None:
    port = free_port()
    command = [sys.executable, str(UI), f"port={port}"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "MLflow UI: starting, which takes some seconds. Its log: mlruns/ui.log\n"
        up = process.stdout.readline()
        assert up == f"MLflow UI: http://127.0.0.1:{port}{TRAINING_PAGES}   (Ctrl-C ends it)\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert b"MLflow" in page.read()
        told = run(tmp_path, f"port={port}")
        assert told.returncode == 2 and told.stderr.count("\n") == 1
        assert re.match(
            rf"error: port {port} of 127\.0\.0\.1 cannot be used \(Address already in use\): .*", told.stderr
        )
        os.kill(process.pid, signum)
        rest = process.stdout.read()
        assert process.wait() == code and "Traceback" not in rest and "GET" not in rest
    until(lambda: not surviving.session(process.pid))
    assert "GET /health" in (tmp_path / "mlruns/ui.log").read_text()
    assert rest == "\nMLflow UI: ended\n" or signum != signal.SIGINT


def test_a_server_of_its_own_is_named_without_its_password(tmp_path: Path) -> None:
    done = run(tmp_path, "tracker.uri=http://me:secret@tracking.example:5000/")
    assert (done.returncode, done.stderr) == (0, "")
    shown = f"http://tracking.example:5000{TRAINING_PAGES}\n"
    assert done.stdout == f"tracker.uri is a server, which shows its runs itself: {shown}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_store_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns/mlflow.db").write_text("no database\n" * 100)
    done = run(tmp_path, f"port={free_port()}")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: MLflow's server has ended: ")
    assert done.stderr.endswith(" All that it said: mlruns/ui.log.\n")
