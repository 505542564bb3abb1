"""`make ui`: a real server of MLflow's pages, and its end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from processes import session
from waiting import until

from eksplora.tracker.views import views

UI = Path(__file__).parents[2] / "pipelines/ui.py"
TRAINING_PAGES = "/#/experiments?workflowType=machine_learning"


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(UI), *words], cwd=folder, capture_output=True, text=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def asked(address: str, what: str, **body: object) -> dict[str, Any]:
    words = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/2.0/mlflow/{what}", json.dumps(body).encode(), words)
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def check_views(address: str) -> None:
    """The page of an experiment has the best values of its studies as columns, under an address for trainings."""
    number = asked(address, "experiments/create", name="wine")["experiment_id"]
    tags = [{"key": "kind", "value": "study"}]
    run = asked(address, "runs/create", experiment_id=number, tags=tags)["run"]["info"]["run_id"]
    for key in ("best/val/mae", "seconds"):
        asked(address, "runs/log-metric", run_id=run, key=key, value=2.5, timestamp=1)
    shown = views(address)
    assert (
        shown["wine"] == f"{address}/#/experiments/{number}/runs?viewStateShareKey=best&workflowType=machine_learning"
    )
    tags = asked(address, "experiments/search", max_results=9, filter="name = 'wine'")["experiments"][0]["tags"]
    assert {tag["key"]: json.loads(tag["value"]) for tag in tags} == {
        "mlflow.sharedViewState.best": {"selectedColumns": ["metrics.`best/val/mae`", "attributes.`Dataset`"]}
    }


def test_a_server_that_is_away_or_says_something_else_gives_no_views() -> None:
    assert views(f"http://127.0.0.1:{free_port()}") == {}


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
        assert asked(f"http://127.0.0.1:{port}", "experiments/search", max_results=9) == {}  # also where it comes first
        check_views(f"http://127.0.0.1:{port}")
        shown = run(tmp_path, f"port={port}")
        assert shown.returncode == 2 and shown.stderr.count("\n") == 1
        assert re.match(
            rf"error: port {port} of 127\.0\.0\.1 cannot be used \(Address already in use\): .*", shown.stderr
        )
        os.kill(process.pid, signum)
        rest = process.stdout.read()
        assert process.wait() == code and "Traceback" not in rest and "GET" not in rest
    until(lambda: not session(process.pid))
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
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "mlflow.db is damaged, or no database. Move it away: `make sync` fills a new one" in done.stderr
