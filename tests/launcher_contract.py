"""What every launcher must do: a test of one derives from this class and gives it as a fixture.

Its workers run `launched_work:run`, which does what a job's configuration says.
"""

from pathlib import Path
from typing import Any

import pytest
from waiting import until

from eksplora.errors import DataError
from eksplora.launch.launcher import Launcher, Message, Worker
from eksplora.types import Decision, Job, Member, Status, Training


def job(do: str, *, is_judged: bool = False, **config: Any) -> Job:
    return Job(0, [Training(0, Member(0, 0), {"do": do, **config}, "")], "", 1, 1.0, is_judged)


def ready(launcher: Launcher) -> Worker:
    worker = launcher.add()
    receive(launcher, "ready")
    return worker


def receive(launcher: Launcher, last: str) -> list[Message]:
    """Messages up to the first of kind `last`."""
    messages: list[Message] = []

    def has_come() -> bool:
        messages.extend(launcher.poll(0.2))
        return any(message.kind == last for message in messages)

    until(has_come)
    return messages


class LauncherContract:
    """Tests of a launcher, given as the fixture `launcher`."""

    def test_worker_is_idle_only_after_its_imports_and_outside_of_jobs(self, launcher: Launcher) -> None:
        worker = launcher.add()
        assert launcher.idle() == []
        receive(launcher, "ready")
        assert launcher.idle() == [worker]
        launcher.submit(worker, job("finish"))
        assert launcher.idle() == []

    def test_results_come_before_the_end_of_the_job(self, launcher: Launcher) -> None:
        asked, worker = job("finish"), ready(launcher)
        assert not launcher.is_busy
        launcher.submit(worker, asked)
        assert launcher.is_busy
        messages = receive(launcher, "done")
        assert [message.job for message in messages] == [asked, asked] and not launcher.is_busy
        assert [message.kind for message in messages] == ["member", "done"]
        assert messages[0].value.value == 1.5

    def test_error_arrives_with_its_traceback_and_the_worker_lives_on(self, launcher: Launcher) -> None:
        worker = ready(launcher)
        launcher.submit(worker, job("raise"))
        [message] = receive(launcher, "error")
        assert message.value.startswith("Traceback")
        assert message.value.endswith("ValueError: that was to be\n")
        launcher.submit(worker, job("finish"))
        receive(launcher, "done")

    def test_error_of_ours_arrives_as_itself(self, launcher: Launcher) -> None:
        worker = ready(launcher)
        for ask in (lambda: launcher.submit(worker, job("refuse")), lambda: launcher.check(worker, {"do": "refuse"})):
            ask()
            [message] = receive(launcher, "refused")
            assert type(message.value) is DataError
            assert str(message.value) == "data.csv is missing. Bring it."

    def test_what_a_worker_sent_before_it_died_arrives_before_its_death(self, launcher: Launcher) -> None:
        worker = ready(launcher)
        launcher.submit(worker, job("die"))
        messages = receive(launcher, "died")
        assert [(message.kind, message.worker) for message in messages] == [("member", worker), ("died", worker)]
        assert messages[-1].value and isinstance(messages[-1].value, str), "the cause in words"
        assert not launcher.is_busy and launcher.idle() == []

    @pytest.mark.parametrize("decision", [Decision.GO_ON, Decision.PRUNE])
    def test_judged_epoch_waits_for_its_verdicts_even_when_a_stop_comes_first(
        self, launcher: Launcher, decision: Decision
    ) -> None:
        worker = ready(launcher)
        launcher.submit(worker, job("epochs", is_judged=True))
        receive(launcher, "epochs")
        launcher.stop()
        assert launcher.poll(0.3) == [], "a verdict is never skipped: after a resumption nobody would give it again"
        launcher.decide(worker, [Decision.GO_ON, decision])
        member, _ = receive(launcher, "done")
        second = Decision.PRUNE if decision is Decision.PRUNE else Decision.STOP
        assert member.value.message == f"{Decision.STOP} {second}"

    def test_each_member_of_an_epoch_gets_its_own_verdict(self, launcher: Launcher) -> None:
        worker = ready(launcher)
        launcher.submit(worker, job("epochs", is_judged=True))
        [message] = receive(launcher, "epochs")
        assert [report.member for report in message.value] == [0, 1]
        launcher.decide(worker, [Decision.PRUNE, Decision.GO_ON])
        assert receive(launcher, "done")[0].value.message == f"{Decision.PRUNE} {Decision.GO_ON}"

    def test_unjudged_epoch_waits_for_nobody(self, launcher: Launcher) -> None:
        launcher.submit(ready(launcher), job("epochs"))
        messages = receive(launcher, "done")
        assert [message.kind for message in messages] == ["epochs", "member", "done"]
        assert messages[1].value.message == f"{Decision.GO_ON} {Decision.GO_ON}"

    def test_a_job_that_is_given_back_says_how_many_go_together_and_why(self, launcher: Launcher) -> None:
        launcher.submit(ready(launcher), job("split"))
        messages = receive(launcher, "done")
        assert [(message.kind, message.value) for message in messages] == [
            ("split", (3, "the memory holds no more")),
            ("done", None),
        ]

    def test_stop_reaches_a_training_and_nothing_more_is_handed_out(self, launcher: Launcher, tmp_path: Path) -> None:
        worker = ready(launcher)
        launcher.submit(worker, job("wait", file=str(tmp_path / "waits")))
        launcher.stop()
        member, _ = receive(launcher, "done")
        assert member.value.status is Status.INTERRUPTED
        assert launcher.idle() == []
