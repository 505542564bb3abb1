"""The first sign of life comes before anything slow is imported, and not at all where something is wrong with the
request. On a terminal a line that is taken away again comes before the configuration is read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import preloaded
import pytest
from pseudo import Pseudo

ROOT = Path(__file__).parents[2]

SLOW = ("torch", "optuna", "mlflow", "scipy", "pandas", "plotly", "sklearn", "pytorch_lightning")

PROBE = f"""
import json, os, runpy, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import quick_hydra
import eksplora.cli.command
from eksplora.config import compose_request
from eksplora.console import work
quick_hydra.quicken()
compose_request("search", ["experiment=wine_mlp"])  # what Hydra imports on its way is needed by all
os.environ["HYDRA_FULL_ERROR"] = "0"

def begin(command, subject):
    imported = [name for name in {SLOW!r} if name in sys.modules]
    print(json.dumps([f"{{command}} {{subject}}: starting", imported]), flush=True)
    os._exit(0)

work.begin = begin
for command, *overrides in json.loads(sys.argv[1]):
    if os.fork() == 0:
        try:
            sys.argv = [command, *overrides]
            runpy.run_path({str(ROOT)!r} + "/pipelines/" + command + ".py", run_name="__main__")
        except SystemExit:
            pass
        os._exit(3)
    print(json.dumps(os.waitstatus_to_exitcode(os.wait()[1])), flush=True)
"""
"""Runs commands until they announce themselves, each in a child that has the imports of the parent only."""


def announced(commands: list[list[str]], folder: Path) -> list[tuple[str, list[str]] | None]:
    """What each command announces, and what slow things it has imported by then; None where it announces nothing."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(commands)], cwd=folder, capture_output=True, text=True
    )
    found: list[tuple[str, list[str]] | None] = []
    heard = None
    for line in done.stdout.splitlines():
        if line.startswith("["):
            heard = tuple(json.loads(line))
        elif line.lstrip("-").isdigit():
            found.append(heard)
            heard = None
    assert len(found) == len(commands), done.stderr
    return found


SAID = {
    "search": (["experiment=wine_mlp"], "search wine_mlp: starting"),
    "baseline": (["experiment=wine_mlp"], "baseline wine_mlp: starting"),
    "explore": (["budget=smoke"], "explore boston_mlp: starting"),
    "predict": (["trained=model", "input=rows.csv"], "predict rows.csv: starting"),
    "reproduce": (["run=0123456789abcdef0123456789abcdef"], "reproduce 0123456789abcdef0123456789abcdef: starting"),
}


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, list[str]] | None]:
    """What is announced by the commands that are right, and then by those of which something is wrong."""
    right = [[command, *overrides] for command, (overrides, _) in SAID.items()]
    return announced([*right, *WRONG], tmp_path_factory.mktemp("announced"))


def test_each_command_says_that_it_starts_before_anything_slow_is_imported(heard: list[object]) -> None:
    found = dict(zip(SAID, heard, strict=False))
    assert found == {command: (said, []) for command, (_, said) in SAID.items()}


@pytest.mark.parametrize("stage", ["confirm", "evaluate", "explain", "report"])
def test_the_later_stages_say_so_too_once_they_know_what_they_work_on(stage: str) -> None:
    """They read what the stages before handed on first: the line that announces comes before the slow imports."""
    text = (ROOT / f"src/eksplora/stage/{stage}.py").read_text()
    before, _, after = text.partition("  # only now: what is slow comes with it")
    lines = {line.strip() for line in before.splitlines()}
    assert "begin(request.root, request.settings.experiment)" in lines
    assert after


WRONG = [
    ["search", "experiment=wine_mlp", "--cfg", "job"],
    ["search", "experiment=wine_mlp", "study.n_trials=0"],
    ["explore", "study.workers=0"],
    ["confirm", "experiment=wine_mlp", "output=results/wine_mlp"],
    ["predict"],
]


def test_what_is_wrong_or_only_asked_for_is_not_announced(heard: list[object]) -> None:
    assert heard[len(SAID) :] == [None] * len(WRONG)


OPENED = """
import os, sys
from eksplora.cli.main import main
from eksplora.console.work import Opening

def shown(opening):
    print(opening._line, [name for name in ("hydra", "omegaconf", "numpy") if name in sys.modules], flush=True)
    os._exit(0)

Opening.__enter__ = shown
main("search")
"""


def test_the_line_of_a_terminal_comes_before_anything_is_imported_to_read_the_configuration(tmp_path: Path) -> None:
    words = [sys.executable, "-c", OPENED, "experiment=wine_mlp", "study.n_trials=2"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "search wine_mlp · reading the configuration []\n", done.stderr


def test_the_line_of_a_terminal_is_gone_before_an_error_is_printed(tmp_path: Path) -> None:
    words = [sys.executable, str(ROOT / "pipelines/search.py"), "experiment=wine_mlp", "study.n_trials=0"]
    with Pseudo(100) as pseudo:
        done = preloaded.run(words, cwd=tmp_path, env=os.environ | {"TERM": "xterm"}, stderr=pseudo.stream.fileno())
        written = pseudo.read()
        assert written.count("search wine_mlp · reading the configuration") >= 1
        pseudo.screen.write(written)
        rows = [row for row in pseudo.screen.rows() if row]
    assert done.returncode == 2 and len(rows) == 1 and rows[0].startswith("error: study.n_trials"), rows
