"""What each signal means to a command."""

import signal
from collections.abc import Iterator

import pytest

from eksplora.launch.signals import FOR_THE_DRIVER, WARNINGS, cause_of_death, heard

FOR_OTHERS = {
    signal.SIGTSTP: "stops a command, which SIGCONT lets go on",
    signal.SIGCONT: "the same",
    signal.SIGCHLD: "a child ended",
    signal.SIGWINCH: "the terminal has another size",
    signal.SIGPIPE: "Python makes an error of it",
    signal.SIGALRM: "a timer that a library set itself",
}


@pytest.fixture
def ignored(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    before = signal.signal(request.param, signal.SIG_IGN)
    yield request.param
    signal.signal(request.param, before)


@pytest.mark.parametrize("ignored", WARNINGS, indirect=True, ids=lambda number: number.name)
def test_a_warning_that_is_ignored_on_purpose_stays_ignored(ignored: signal.Signals) -> None:
    assert set(heard()) == set(FOR_THE_DRIVER) - {ignored}


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGQUIT], indirect=True, ids=lambda number: number.name)
def test_what_a_shell_ignores_for_its_background_jobs_is_heard(ignored: signal.Signals) -> None:
    assert ignored in heard()


def test_signals_that_do_not_ask_for_an_end_are_left_alone() -> None:
    assert not set(FOR_OTHERS) & set(heard())


def test_an_end_for_lack_of_memory_is_called_so() -> None:
    assert "memory" in cause_of_death(-signal.SIGKILL)
    assert cause_of_death(-signal.SIGABRT) == "SIGABRT"
    assert cause_of_death(255) == cause_of_death(None) != cause_of_death(1)
