"""Studies as real processes and in this process, and what they left behind."""

import csv
import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from multiprocessing import forkserver
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import preloaded
import pytest
from processes import kill, session
from spooling import plain
from waiting import rest_of, until

from eksplora.config import compose_request, gather_space, parse_space
from eksplora.events import spool as spools
from eksplora.launch._starting import end_server, start_server
from eksplora.stage.spec import spec_of
from eksplora.study.run import run_study

HERE = Path(__file__).resolve().parent
SEARCH = HERE.parent / "pipelines" / "search.py"
PRETENDED = HERE / "pretended_study.py"
PRETENDED_WORK = "pretended_work:run"
ENDED = ("trial_end", "member")
SERVER: Any = forkserver._forkserver
_warm: set[int | None] = {None}


@contextmanager
def without_plots() -> Iterator[None]:
    """Studies of this process draw nothing meanwhile: drawing is half the work of a small study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "eksplora.search.plots", SimpleNamespace(pages=lambda facts: ()))
        yield


def warm_up() -> None:
    """Have a process to fork workers from that has imported everything that these tests train with.

    One that another test has started, or that was started again after it was killed, may have imported less: every
    worker would import torch by itself then, 5 s of CPU each.
    """
    paths = [str(HERE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))
    if SERVER._forkserver_pid not in _warm:
        end_server()
    multiprocessing.get_context("forkserver").set_forkserver_preload(["eksplora.work.job", "pretended_work"])
    start_server()
    _warm.add(SERVER._forkserver_pid)


def study(*overrides: str, work: str = PRETENDED_WORK) -> None:
    """Run a study in this process, in the working folder."""
    request = compose_request("search", gather_space(["tracker=off", *overrides]))
    settings = request.settings
    results = Path(settings.paths.results).joinpath
    space = parse_space(settings.space)
    run_study(spec_of(request, "study", space, settings.study.n_trials, work=work, results=results, judges="first"))


def undisturbed(*overrides: str, work: str = PRETENDED_WORK) -> list[dict[str, str]]:
    """The table of the same study when nothing disturbs it; it runs in the folder `undisturbed`."""
    Path("undisturbed").mkdir()
    with chdir("undisturbed"):
        study(*overrides, work=work)
    return table(folder="undisturbed")


@contextmanager
def command(
    script: Path, *overrides: str, tracker: str = "off", start: Callable[..., subprocess.Popen[str]] = preloaded.start
) -> Iterator[subprocess.Popen[str]]:
    """A study as a process in a session of its own; nothing of it is left afterwards."""
    arguments = [sys.executable, str(script), f"tracker={tracker}", *overrides]
    process = start(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        yield process
    finally:
        for pid in session(process.pid):
            kill(pid)
        finish(process)


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a command's end and return what it printed."""
    output = rest_of(process)
    process.wait()
    return output


def kill_driver(process: subprocess.Popen[str]) -> None:
    """kill -9 of the driver alone; its workers must follow by themselves."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not session(process.pid))


def num_lines(path: str) -> int:
    """Lines of a file of the working folder; 0 without the file."""
    return Path(path).read_text().count("\n") if Path(path).exists() else 0


def spool_path(folder: Path | str = ".") -> Path:
    """The spool of the study in a folder."""
    return Path(folder) / "mlruns/studies/study/spool.jsonl"


def events(kind: str, folder: Path | str = ".") -> list[dict[str, Any]]:
    """The particulars of all events of a kind; every line is verified on the way."""
    return [plain(event.body) for event in spools.read(spool_path(folder)) if event.kind == kind]


def counted_once() -> bool:
    """Whether no member and no trial ended twice."""
    ends = Counter((kind, data["trial"], data.get("member")) for kind in ENDED for data in events(kind))
    return max(ends.values()) == 1


def table(folder: Path | str = ".") -> list[dict[str, str]]:
    """The trials.csv of the study's last end, finished or not, without the times."""
    with (Path(folder) / "mlruns/studies/study/summary/trials.csv").open() as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def members(folder: Path | str = ".", key: str = "weights_sha256") -> dict[tuple[int, int], Any]:
    """One particular of every member's end, by trial and member: the hash of its final weights."""
    return {(data["trial"], data["member"]): data[key] for data in events("member", folder)}
