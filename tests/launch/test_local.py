import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import is_alive
from waiting import until

from eksplora.errors import DataError
from eksplora.launch.launcher import Message
from eksplora.launch.local import LocalLauncher, LocalWorker
from eksplora.launch.signals import FOR_THE_DRIVER, cause_of_death
from eksplora.types import Decision, Job, Member, Status, Training


@pytest.fixture
def workers() -> Iterator[LocalLauncher]:
    workers = LocalLauncher("launched_work:run")
    yield workers
    workers.kill()


def job(do: str, *, is_judged: bool = False, **config: Any) -> Job:
    return Job(0, [Training(0, Member(0, 0), {"do": do, **config}, "")], "", 1, 1.0, is_judged)


def ready(workers: LocalLauncher) -> LocalWorker:
    worker = workers.add()
    receive(workers, "ready")
    return worker


def receive(workers: LocalLauncher, last: str) -> list[Message]:
    """Messages up to the first of kind `last`."""
    messages: list[Message] = []

    def has_come() -> bool:
        messages.extend(workers.poll(0.2))
        return any(message.kind == last for message in messages)

    until(has_come)
    return messages


def test_worker_is_idle_only_after_its_imports_and_outside_of_jobs(workers: LocalLauncher) -> None:
    worker = workers.add()
    assert workers.idle() == []
    receive(workers, "ready")
    assert workers.idle() == [worker]
    workers.submit(worker, job("finish"))
    assert workers.idle() == []


def test_results_come_before_the_end_of_the_job(workers: LocalLauncher) -> None:
    workers.submit(ready(workers), job("finish"))
    messages = receive(workers, "done")
    assert [message.kind for message in messages] == ["member", "done"]
    assert messages[0].value.value == 1.5


def test_error_arrives_with_its_traceback_and_the_worker_lives_on(workers: LocalLauncher) -> None:
    worker = ready(workers)
    workers.submit(worker, job("raise"))
    [message] = receive(workers, "error")
    assert message.value.startswith("Traceback")
    assert message.value.endswith("ValueError: that was to be\n")
    workers.submit(worker, job("finish"))
    receive(workers, "done")


def test_error_of_ours_arrives_as_itself(workers: LocalLauncher) -> None:
    worker = ready(workers)
    for ask in (lambda: workers.submit(worker, job("refuse")), lambda: workers.check(worker, {"do": "refuse"})):
        ask()
        [message] = receive(workers, "refused")
        assert type(message.value) is DataError
        assert str(message.value) == "data.csv is missing. Bring it."


def test_what_a_worker_sent_before_it_died_arrives_before_its_death(workers: LocalLauncher) -> None:
    worker = ready(workers)
    workers.submit(worker, job("die"))
    messages = receive(workers, "died")
    assert [(message.kind, message.worker) for message in messages] == [("member", worker), ("died", worker)]
    assert messages[-1].value == cause_of_death(-signal.SIGKILL)
    assert workers.workers == []


@pytest.mark.parametrize("decision", [Decision.GO_ON, Decision.PRUNE])
def test_judged_epoch_waits_for_its_verdicts_even_when_a_stop_comes_first(
    workers: LocalLauncher, decision: Decision
) -> None:
    worker = ready(workers)
    workers.submit(worker, job("epochs", is_judged=True))
    receive(workers, "epochs")
    workers.stop()
    assert workers.poll(0.3) == [], "a verdict is never skipped: after a resumption nobody would give it again"
    workers.decide(worker, [Decision.GO_ON, decision])
    member, _ = receive(workers, "done")
    second = Decision.PRUNE if decision is Decision.PRUNE else Decision.STOP
    assert member.value.message == f"{Decision.STOP} {second}"


def test_each_member_of_an_epoch_gets_its_own_verdict(workers: LocalLauncher) -> None:
    worker = ready(workers)
    workers.submit(worker, job("epochs", is_judged=True))
    [message] = receive(workers, "epochs")
    assert [report.member for report in message.value] == [0, 1]
    workers.decide(worker, [Decision.PRUNE, Decision.GO_ON])
    assert receive(workers, "done")[0].value.message == f"{Decision.PRUNE} {Decision.GO_ON}"


def test_unjudged_epoch_waits_for_nobody(workers: LocalLauncher) -> None:
    workers.submit(ready(workers), job("epochs"))
    messages = receive(workers, "done")
    assert [message.kind for message in messages] == ["epochs", "member", "done"]
    assert messages[1].value.message == f"{Decision.GO_ON} {Decision.GO_ON}"


def test_a_job_that_is_given_back_says_how_many_go_together_and_why(workers: LocalLauncher) -> None:
    workers.submit(ready(workers), job("split"))
    messages = receive(workers, "done")
    assert [(message.kind, message.value) for message in messages] == [
        ("split", (3, "the memory holds no more")),
        ("done", None),
    ]


def test_stop_reaches_a_training_and_nothing_more_is_handed_out(workers: LocalLauncher, tmp_path: Path) -> None:
    worker = ready(workers)
    workers.submit(worker, job("wait", file=str(tmp_path / "waits")))
    workers.stop()
    member, _ = receive(workers, "done")
    assert member.value.status is Status.INTERRUPTED
    assert workers.idle() == []


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
    pids = [ready(workers).process.pid or 0 for _ in range(2)]
    assert all(map(is_alive, pids))
    workers.close()
    assert not any(map(is_alive, pids))
    assert workers.workers == []


DRIVER = """
import sys
from launched_work import run
from eksplora.launch.signals import FOR_THE_DRIVER, cause_of_death
from eksplora.launch.local import LocalLauncher
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
