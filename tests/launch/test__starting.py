"""Workers start whatever the temporary folder, and where they cannot one line says why: real processes, killed."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing import current_process, forkserver
from pathlib import Path
from typing import Any

import pytest
from test_local import is_alive, job, receive
from waiting import until

from eksplora.errors import StorageError, WorkerError
from eksplora.launch import _starting
from eksplora.launch.local import LocalLauncher

SERVER: Any = forkserver._forkserver


@pytest.fixture
def workers() -> Iterator[LocalLauncher]:
    workers = LocalLauncher("launched_work:run")
    yield workers
    workers.kill()


@pytest.fixture
def fresh() -> Iterator[None]:
    """Neither a server nor its folder; afterwards the usual ones again."""
    before = current_process()._config.get("tempdir")  # type: ignore[attr-defined]
    _starting.end_server()
    current_process()._config["tempdir"] = None  # type: ignore[attr-defined]
    yield
    _starting.end_server()
    current_process()._config["tempdir"] = before  # type: ignore[attr-defined]


def folder_of_server() -> Path:
    return Path(SERVER._forkserver_address).parent


def finishes(workers: LocalLauncher) -> bool:
    """Whether a new worker does its work."""
    workers.submit(workers.add_first(), job("finish"))
    return [message.kind for message in receive(workers, "done")] == ["member", "done"]


@pytest.mark.parametrize("length", [20, 60, 71, 90, 107, 108, 200])
def test_workers_start_however_long_the_path_of_the_temporary_folder(
    length: int, fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(tempfile.mkdtemp(dir="/tmp"))
    folder = root / "/".join("d" * 40 for _ in range(1 + length // 41))
    folder = Path(str(folder)[:length].rstrip("/")) if length > len(str(root)) + 2 else root
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    try:
        _starting.start_server()
        assert len(SERVER._forkserver_address) < 108
        assert tempfile.gettempdir() == str(folder), "only multiprocessing's folder lies elsewhere"
        assert folder_of_server().parent == (folder if length <= 70 else Path("/tmp"))
    finally:
        _starting.end_server()
        shutil.rmtree(root)


def test_where_no_folder_can_be_written_one_line_says_so(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc")  # not even root can write there
    monkeypatch.setattr(_starting, "SHORT_FOLDERS", ("/sys",))
    monkeypatch.setattr(Path, "home", lambda: Path("/proc"))
    with pytest.raises(StorageError, match=r"^no folder for temporary files: /proc, /sys .* Set TMPDIR to a folder"):
        _starting.start_server()


def test_a_temporary_folder_that_was_cleaned_away_is_made_again(workers: LocalLauncher) -> None:
    shutil.rmtree(folder_of_server())
    assert finishes(workers)


def test_a_server_that_died_is_replaced(workers: LocalLauncher) -> None:
    os.kill(SERVER._forkserver_pid, signal.SIGKILL)
    assert finishes(workers)


def test_a_worker_whose_server_dies_is_ended_and_reported(workers: LocalLauncher, tmp_path: Path) -> None:
    """It would train on beside the one that takes its place."""
    worker = workers.add_first()
    workers.submit(worker, job("wait", file=str(tmp_path / "waits")))
    until((tmp_path / "waits").exists)
    pid = worker.process.pid
    assert pid is not None
    os.kill(SERVER._forkserver_pid, signal.SIGKILL)
    receive(workers, "died")
    until(lambda: not is_alive(pid))
    assert finishes(workers)


def test_a_worker_that_dies_while_it_starts_gets_a_second_try_with_a_new_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "falling.py").write_text(
        "import os, pathlib\nfrom launched_work import run\n"
        "if not os.environ.get('NOT_FALLING'): os.kill(os.getpid(), 9)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    _starting.end_server()
    workers = LocalLauncher("launched_work:run")
    workers.run = "falling:run"  # the server does not import it, each worker does
    try:
        with pytest.raises(
            WorkerError, match=r"^workers die while they start \(SIGKILL: .*memory had run out\)\. Free"
        ):
            workers.add_first()
        real_end = _starting.end_server
        servers = []

        def end_server() -> None:
            servers.append(SERVER._forkserver_pid)
            real_end()
            os.environ["NOT_FALLING"] = "1"

        monkeypatch.setattr("eksplora.launch.local.end_server", end_server)
        _starting.start_server()
        assert finishes(workers) and servers != [SERVER._forkserver_pid]
    finally:
        os.environ.pop("NOT_FALLING", None)
        workers.kill()
        _starting.end_server()


def test_too_few_open_files_are_one_line(workers: LocalLauncher) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())), before[1]))
    try:
        with pytest.raises(
            WorkerError, match=r"^workers cannot be started: too many open files \(`ulimit -n` is \d+\)"
        ):
            for _ in range(10):
                workers.add()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_threads_that_wait_for_each_other_sleep() -> None:
    """OpenMP itself says what it has read: two trainings on the same cores would else spin away each other's time."""
    code = "import eksplora, torch"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=own | {"OMP_DISPLAY_ENV": "verbose"}, capture_output=True, text=True
    )
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr and "GOMP_SPINCOUNT = '0'" in done.stderr, done.stderr
