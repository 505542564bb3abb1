import io

import pytest
from pseudo import Pseudo

from eksplora.console.terminal import Terminal
from eksplora.console.work import Opening, Work, begin


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_begins_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    begin("search", "boston_mlp")
    assert capsys.readouterr() == ("", "search boston_mlp: starting\n")


def test_while_the_configuration_is_read_a_terminal_shows_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with Pseudo(80) as pseudo:
        words = ["search", "experiment=wine_mlp", "study.seed=1", "experiment=boston_mlp"]
        with Opening(words, terminal=Terminal(pseudo.stream)):
            assert pseudo.rows() == ["search boston_mlp · reading the configuration"]
        assert pseudo.rows() == []
        for asked in ([], ["search", "--help"], ["search", "--cfg", "job"]):
            with Opening(asked, terminal=Terminal(pseudo.stream)):
                assert pseudo.rows() == []
    with Opening(["sync"], terminal=Terminal(stream := io.StringIO())):
        assert stream.getvalue() == ""


def test_a_step_is_shown_at_once_on_a_terminal_and_with_its_time_when_it_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with Pseudo(80) as pseudo:
        clock = Clock()
        work = Work("explain wine", terminal=Terminal(pseudo.stream), clock=clock)
        work.step("SHAP")
        assert pseudo.rows() == ["explain wine · SHAP"]
        clock.now = 7.0
        work.tick()
        assert pseudo.rows() == ["explain wine · SHAP · 7 s"]
        work.step("a name that is much longer than the terminal is wide, with the time after it all the same")
        clock.now = 17.0
        work.tick()
        assert pseudo.rows()[0].endswith("… · 10 s")
        pseudo.read()
        work.tick()
        assert pseudo.read() == ""  # nothing has changed
        work.step("")
        assert pseudo.rows() == []


def test_without_a_terminal_a_step_is_reported_when_it_takes_long_and_each_minute_after() -> None:
    stream, clock = io.StringIO(), Clock()
    work = Work("explain wine", terminal=Terminal(stream), clock=clock)
    work.step("short")
    clock.now = 2.0
    work.step("long")
    for second in range(2, 130):
        clock.now = float(second)
        work.tick()
    assert stream.getvalue().splitlines() == [
        "explain wine · long",
        "explain wine · long · 60 s",
        "explain wine · long · 120 s",
    ]


def test_it_watches_by_itself_and_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with Pseudo(80) as pseudo:
        with pytest.raises(ValueError, match="own"), Work("sync", terminal=Terminal(pseudo.stream)) as work:
            work.step("looking")
            assert pseudo.rows() == ["sync · looking"]
            raise ValueError("its own")
        assert pseudo.rows() == []
        assert not work._thread.is_alive()
