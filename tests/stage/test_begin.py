"""The first sign of life comes before anything slow is imported, and not at all where something is wrong with the
request."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SLOW = ("torch", "optuna", "mlflow", "scipy", "pandas", "plotly", "sklearn", "pytorch_lightning")

PROBE = f"""
import json, os, runpy, sys
import eksplora.cli.command
from eksplora.config import compose_request
from eksplora.console import work
compose_request("sync", [])  # what Hydra imports on its way is needed by all
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


def test_each_command_says_that_it_starts_before_anything_slow_is_imported(tmp_path: Path) -> None:
    found = announced([[command, *overrides] for command, (overrides, _) in SAID.items()], tmp_path)
    assert dict(zip(SAID, found, strict=True)) == {command: (said, []) for command, (_, said) in SAID.items()}


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


def test_what_is_wrong_or_only_asked_for_is_not_announced(tmp_path: Path) -> None:
    assert announced(WRONG, tmp_path) == [None] * len(WRONG)
