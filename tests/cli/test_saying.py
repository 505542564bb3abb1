import re
import shlex
from pathlib import Path

import pytest

from eksplora.cli.saying import command_on, ended, found
from eksplora.config import compose_request


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table in the working folder."""
    monkeypatch.chdir(tmp_path)
    lines = [f"{n % 7},{n % 7 * 2 + n % 3 + n / 100}" for n in range(120)]
    (tmp_path / "houses.csv").write_text("\n".join(["rooms,price", *lines]))


def test_every_decision_is_said_with_its_reason_unless_it_was_typed() -> None:
    words = ["data.path=houses.csv", "data.target=price"]
    own = compose_request("search", words).own_data
    assert own is not None
    shown = "\n".join(found(own))
    assert shown.startswith("houses.csv: 96 rows to learn from, 24 to test on\n")
    assert re.search(r"^  task +regression, since price holds numbers$", shown, re.MULTILINE)
    own = compose_request("search", [*words, "task=regression", "trainer.max_epochs=3"]).own_data
    assert own is not None and not re.search(r"^  (task|trainer\.max_epochs) ", "\n".join(found(own)), re.MULTILINE)


def test_the_last_lines_name_the_experiment_and_a_next_command() -> None:
    request = compose_request("search", ["data.path=houses.csv", "data.target=price", "study.n_trials=3"])
    name, command = ended(request)
    assert name.split() == ["experiment", request.settings.experiment]
    assert "make repro DATA=houses.csv TARGET=price ARGS=study.n_trials=3" in command
    request = compose_request("report", ["data.path=houses.csv", "data.target=price"])
    assert f"trained=results/{request.settings.experiment}/confirm/model" in ended(request)[1]


def test_odd_names_are_quoted_in_the_next_command() -> None:
    command = command_on("search", ["data.path=a.csv", 'data.target="b \'c"', 'model.activation="relu"', "x=1 2"])
    *words, rest = shlex.split(command)
    assert words == ["make", "sweep", "DATA=a.csv", "TARGET=b 'c"]
    assert shlex.split(rest.removeprefix("ARGS=")) == ['model.activation="relu"', "x=1 2"]
