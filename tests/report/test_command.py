"""The commands of a report: a shell reads in them what was typed, and what is not known is said to be so."""

import html
import re
import subprocess
from typing import Any

import pytest
from handed_on import commands, document, is_plain, page

from eksplora.config import compose_request, gather_space
from eksplora.provenance import command_line, command_of
from eksplora.report.command import UNKNOWN

Facts = dict[str, Any]

TYPED = [
    "experiment=wine_mlp",
    "study.name='two  words'",
    "output='results/it is \"mine\"; $HOME `id` \\\\ !'",
    "model.widths=[6, 6]",
    "space.params.optimizer.lr=tag(log, interval(1e-3, 1e-1))",
    "space.params.activation=choice(relu, \"tanh\", 'elu')",
    "~space.params.model.widths",
    "space.when.optimizer.lr=activation=relu",
    "+trainer.gradient_clip_val=1.0",
    "~scheduler",
]


def read_by_a_shell(line: str) -> list[str]:
    """The words of a command, as bash hands them on."""
    asked = f"show() {{ printf '%s\\0' \"$@\"; }}; show {line}"
    return subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout.split("\0")[:-1]


@pytest.fixture
def facts(digits: Facts) -> Facts:
    """Of stages that were given such overrides."""
    for key, stage in (("searched", "search"), ("confirmed", "confirm"), ("evaluated", "evaluate")):
        digits[key] |= {"command": command_of(stage, TYPED), "provenance": {"threads": "1"}}
    digits["explained"]["command"] = command_of("explain", ["experiment=wine_mlp"])
    return digits


def test_a_shell_reads_what_was_typed(facts: Facts) -> None:
    for (line, _), stage in zip(commands(facts), ("search", "confirm", "evaluate"), strict=False):
        words = read_by_a_shell(line)
        threads = ["study.threads=1"] if stage != "evaluate" else []
        assert words == [".venv/bin/python", f"pipelines/{stage}.py", *TYPED, *threads]


def test_both_pages_hold_the_commands_letter_by_letter(facts: Facts) -> None:
    lines = commands(facts)
    shown = [html.unescape(one) for one in re.findall("<dt><code>(.*?)</code></dt>", document(facts), re.DOTALL)]
    text = page(facts)
    for line, says in lines:
        assert line in shown
        assert f"\n{line}  # {says}\n" in text


def test_what_hydra_carries_is_shown_as_it_was_typed() -> None:
    typed = [
        "experiment=wine_mlp",
        "study.n_trials=2",
        "model.widths=[6, 6]",
        "space.params.optimizer.lr=tag(log, interval(1e-3, 1e-1))",
        'space.params.activation=choice(relu, "tanh")',
        "~space.params.model.widths",
    ]
    request = compose_request("search", gather_space([*typed[1:], "experiment=wine_mlp", "tracker=off"]))
    assert request.command.overrides == typed
    again = compose_request("search", gather_space(read_by_a_shell(command_line(request.command))[2:]))
    assert {**again.config, "tracker": None} == {**request.config, "tracker": None}


def test_a_password_of_the_tracker_is_in_no_command() -> None:
    request = compose_request("train", ["tracker.uri='http://me:secret@host'", "experiment=wine_mlp"])
    assert "secret" not in command_line(request.command)


def test_an_environment_that_changes_the_arithmetic_is_part_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKL_CBWR", "AUTO")  # as the package sets it
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as Lightning sets it
    assert command_line(command_of("train", [])) == ".venv/bin/python pipelines/train.py"
    monkeypatch.setenv("MKL_CBWR", "a b")
    assert command_line(command_of("train", [])) == "MKL_CBWR='a b' .venv/bin/python pipelines/train.py"


def test_records_of_an_earlier_version_say_that_overrides_are_not_known(digits: Facts) -> None:
    for line, says in commands(digits)[:3]:
        assert "experiment=digits_cnn" in line and says.endswith(UNKNOWN)


def test_dvc_is_named_only_where_it_runs_the_same(digits: Facts) -> None:
    names = {"searched": "search", "confirmed": "confirm", "evaluated": "evaluate", "explained": "explain"}
    for key, stage in names.items():
        more = ["study.versioned=true", "output=results/digits_cnn"] if stage == "search" else []
        digits[key]["command"] = command_of(stage, ["experiment=digits_cnn", *more])
    assert is_plain(digits) and "<code>dvc repro</code>" in document(digits)
    digits["confirmed"]["command"].overrides.append("confirm.best=1")
    assert not is_plain(digits) and "<code>dvc repro</code>" not in document(digits)


def test_a_stage_that_was_not_run_takes_the_overrides_of_the_evaluation(facts: Facts) -> None:
    line, says = commands({**facts, "explained": None})[3]
    assert read_by_a_shell(line)[1:] == ["pipelines/explain.py", *TYPED] and UNKNOWN not in says
