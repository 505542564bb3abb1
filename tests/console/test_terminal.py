import io
import os

import pytest
from pseudo import Pseudo
from rich.cells import cell_len

from eksplora.console.terminal import Terminal, cut


@pytest.fixture(autouse=True)
def _usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def test_the_line_is_renewed_in_its_place_and_lines_that_stay_are_above_it() -> None:
    with Pseudo(80) as pseudo:
        terminal = Terminal(pseudo.stream)
        terminal.show("study 0/2")
        terminal.say("[1/2] trial 0: over")
        terminal.show("study 1/2")
        assert pseudo.rows() == ["[1/2] trial 0: over", "study 1/2"]
        terminal.show("")
        assert pseudo.rows() == ["[1/2] trial 0: over"]


@pytest.mark.parametrize("columns", [1, 2, 10, 40, 80, 120])
def test_the_line_never_wraps(columns: int) -> None:
    with Pseudo(columns) as pseudo:
        terminal = Terminal(pseudo.stream)
        for text in ("a line that is much longer than the terminal is wide, " * 4, "株価の予測" * 40, "e\u0301" * 90):
            terminal.show(text)
            assert all(cell_len(row) < max(columns, 2) for row in pseudo.rows())
            assert len(pseudo.rows()) <= 1


@pytest.mark.parametrize("narrow", [20, 33, 40, 79])
def test_a_terminal_that_becomes_narrower_and_wider_again_keeps_one_line(narrow: int) -> None:
    with Pseudo(80) as pseudo:
        terminal = Terminal(pseudo.stream)
        terminal.say("a line that stays")
        terminal.show("0123456789" * 7)
        pseudo.rows()
        for columns in (narrow, 120, narrow, 80):
            pseudo.resize(columns)
            pseudo.screen.resize(columns)
            terminal.show("abcdefghij" * 7)
            last = [row for row in pseudo.rows() if row.startswith(("0", "a" * 1 + "b"))]
            assert last == [cut("abcdefghij" * 7, columns - 1)]


def test_what_would_move_the_cursor_is_left_out() -> None:
    with Pseudo(80) as pseudo:
        terminal = Terminal(pseudo.stream)
        terminal.show("study \x1b[2J\x1b[31m of \r\n two\tlines \x07")
        terminal.say("said \x1b]0;title\x07 too")
        written = pseudo.read()
        assert "\x1b[2J" not in written
        assert "\x1b[31m" not in written
        assert "\x1b]" not in written
        assert "\x07" not in written


@pytest.mark.parametrize("value", ["dumb", "", "unknown"])
def test_a_terminal_that_cannot_clear_gets_lines_only(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", value)
    with Pseudo(80) as pseudo:
        terminal = Terminal(pseudo.stream)
        terminal.show("study 0/2")
        terminal.say("[1/2] over")
        assert pseudo.read() == "[1/2] over\r\n"


def test_no_colour_is_written_whatever_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in (("NO_COLOR", "1"), ("FORCE_COLOR", "1")):
        monkeypatch.setenv(variable, value)
        with Pseudo(80) as pseudo:
            Terminal(pseudo.stream).show("study")
            assert pseudo.read() == "\r\x1b[Jstudy"


def test_a_terminal_without_a_size_has_80_columns() -> None:
    with Pseudo(0) as pseudo:
        terminal = Terminal(pseudo.stream)
        terminal.show("x" * 200)
        assert len(pseudo.read().removeprefix("\r\x1b[J")) == 79


def test_a_terminal_that_goes_away_breaks_nothing() -> None:
    with Pseudo(80) as pseudo:
        terminal = Terminal(pseudo.stream)
        terminal.show("study 0/2")
        os.close(pseudo.master)
        terminal.show("study 1/2")  # EIO
        terminal.say("[1/2] over")
        assert not terminal.is_live
        pseudo.master = os.open(os.devnull, os.O_RDONLY)


def test_a_pipe_whose_reader_is_gone_breaks_nothing_and_is_not_written_again() -> None:
    (reader, writer), (other_reader, other_writer) = os.pipe(), os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        terminal = Terminal(stream)
        terminal.say("[1/2] over")  # EPIPE
        os.dup2(other_writer, writer)
        os.close(other_writer)
        terminal.say("[2/2] over")
    with os.fdopen(other_reader) as written:
        assert written.read() == ""


@pytest.mark.parametrize("error", [OSError(5, "EIO"), BrokenPipeError(), ValueError("closed"), BlockingIOError()])
def test_no_error_of_a_stream_reaches_the_study_and_a_dead_one_is_left_alone(error: Exception) -> None:
    tried = []

    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            tried.append(text)
            raise error

    terminal = Terminal(Broken())
    terminal.say("[1/2] over")
    terminal.say("[2/2] over")
    is_halted = isinstance(error, BlockingIOError)  # it may go on
    assert tried == (["[1/2] over\n", "[2/2] over\n"] if is_halted else ["[1/2] over\n"])
    closed = io.StringIO()
    closed.close()
    Terminal(closed).say("[1/2] over")


def test_a_stream_without_the_letters_gets_others() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="ascii") as stream, os.fdopen(reader) as written:
        Terminal(stream).say("study · 株価")
        stream.close()
        assert written.read() == "study ? ??\n"
