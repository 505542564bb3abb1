"""Progress in the output of a cell."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from eksplora.console.notebook import Notebook, NotebookLine, notebook
from eksplora.console.progress import Ahead, Progress
from eksplora.console.terminal import Terminal, shown_on, standard


class Cell:
    """The output of a cell: one place for each line that was displayed anew."""

    def __init__(self) -> None:
        self.places: list[NotebookLine] = []

    def display(self, shown: NotebookLine, *, display_id: bool) -> Any:
        assert display_id
        self.places.append(shown)
        place = len(self.places) - 1
        return SimpleNamespace(update=lambda line: self.places.__setitem__(place, line))


def test_a_study_takes_one_place_in_the_output_however_many_trials_it_has() -> None:
    cell = Cell()
    with shown_on(Notebook(cell.display)):
        with Progress(title="study", total=50, done=0, workers=1, ahead=Ahead) as progress:
            for number in range(50):
                progress.over(f"trial {number}", "mae 1", 0.1, number + 1)
            assert len(cell.places) == 1
            said, shown = repr(cell.places[0]).splitlines()
            assert said.startswith("[50/50] trial 49: mae 1") and shown.startswith("study 50/50")
        assert repr(cell.places[0]).splitlines() == [said]
    assert isinstance(standard(), Terminal)


def test_text_of_a_study_is_no_html() -> None:
    assert NotebookLine("<b>&")._repr_html_() == "<pre>&lt;b&gt;&amp;</pre>"


@pytest.mark.parametrize("shell", [None, SimpleNamespace(), SimpleNamespace(kernel=None)])
def test_there_is_no_cell_without_a_kernel(shell: object, monkeypatch: pytest.MonkeyPatch) -> None:
    display = SimpleNamespace(display=lambda *_, **__: None)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell, display=display))
    assert notebook() is None
    monkeypatch.setitem(
        sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1), display=display)
    )
    assert isinstance(notebook(), Notebook)


def test_a_stream_that_names_the_file_of_another_is_written_to_itself() -> None:
    """As a notebook's standard error: its file number is that of the server's terminal."""

    class Stream:
        def __init__(self) -> None:
            self.text = ""

        def isatty(self) -> bool:
            return False

        def fileno(self) -> int:
            return 2

        def flush(self) -> None:
            pass

        def write(self, text: str) -> None:
            self.text += text

    stream = Stream()
    Terminal(stream).say("a line")  # type: ignore[arg-type]
    assert stream.text == "a line\n"
