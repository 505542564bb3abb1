import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_contract import LauncherContract, job, ready, receive
from processes import is_alive
from waiting import until

from eksplora.launch.local import LocalLauncher
from eksplora.launch.signals import FOR_THE_DRIVER, cause_of_death
from eksplora.types import Status


@pytest.fixture
def workers() -> Iterator[LocalLauncher]:
    workers = LocalLauncher("launched_work:run")
    yield workers
    workers.kill()


class TestLocalLauncher(LauncherContract):
    """Processes of this machine."""

    @pytest.fixture
    def launcher(self, workers: LocalLauncher) -> LocalLauncher:
        return workers


def test_the_cause_of_a_death_is_said(workers: LocalLauncher) -> None:
    workers.submit(ready(workers), job("die"))
    assert receive(workers, "died")[-1].value == cause_of_death(-signal.SIGKILL)


def test_what_asks_for_an_end_does_not_reach_a_worker(workers: LocalLauncher, tmp_path: Path) -> None:
    worker = ready(workers)
    file = tmp_path / "waits"
    workers.submit(worker, job("wait", file=str(file)))
    until(file.exists)
    for number in FOR_THE_DRIVER:
        os.kill(worker.process.pid or 0, number)
    assert workers.poll(0.5) == []
    workers.stop()
    assert receive(workers, "done")[0].value.status is Status.INTERRUPTED


def test_closing_ends_all_workers(workers: LocalLauncher) -> None:
    for _ in range(2):
        ready(workers)
    pids = [worker.process.pid or 0 for worker in workers.workers]
    assert all(map(is_alive, pids))
    workers.close()
    assert not any(map(is_alive, pids))
    assert workers.workers == []


DRIVER = """
import sys
from launched_work import run
from eksplora.launch.signals import FOR_THE_DRIVER, cause_of_death
from eksplora.launch.local import LocalLauncher
from eksplora.launch.signals import cause_of_death
from eksplora.types import Job, Member, Training
if __name__ == "__main__":
    workers = LocalLauncher("launched_work:run")
    worker = workers.add()
    while not worker.is_ready:
        workers.poll(0.2)
    waits = Training(0, Member(0, 0), {"do": "wait", "file": sys.argv[1]}, "")
    workers.submit(worker, Job(0, [waits], "", 1, 1.0))
    print(worker.process.pid, flush=True)
    sys.stdin.read()
"""


def test_workers_leave_quietly_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "waits"
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    pipe = subprocess.PIPE
    driver = subprocess.Popen([sys.executable, script, file], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert driver.stdout is not None
    pid = int(driver.stdout.readline())
    until(file.exists)
    assert is_alive(pid)
    driver.kill()
    assert driver.communicate() == ("", ""), "its pipes end when all who hold them are gone"
    assert not is_alive(pid)


LEAVING = """
import os
from multiprocessing import forkserver
from eksplora.launch.signals import FOR_THE_DRIVER, cause_of_death
from eksplora.launch.local import LocalLauncher
from eksplora.launch.signals import cause_of_death
if __name__ == "__main__":
    workers = LocalLauncher("launched_work:run")
    sentinel, work = forkserver.connect_to_new_process([])
    os.close(work)  # as when a signal ends the driver just now
    while os.read(sentinel, 8):
        pass
"""


def test_worker_that_is_never_handed_its_work_says_nothing(tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(LEAVING)
    driver = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert (driver.returncode, driver.stdout, driver.stderr) == (0, "", "")
