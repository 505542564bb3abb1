import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eksplora.cli import main
from eksplora.cli.command import check_checkout
from eksplora.errors import ConfigError
from eksplora.installation import CHECKOUT, CONF

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "pipelines").glob("*.py"))


def command(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """The command `eksplora`, as its script starts it."""
    script = "import sys; from eksplora.cli.main import main; sys.argv[0] = 'eksplora'; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", script, *words], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("words", [["--help"], ["-h"], []])
def test_help_lists_every_command_with_what_it_is_for(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["eksplora", *words])
    main.main()
    listed = dict(re.findall(r"^  (\w+) +(\S.*)$", capsys.readouterr().out, re.MULTILINE))
    assert sorted(listed) == NAMES
    for name in NAMES:
        assert (ROOT / f"pipelines/{name}.py").read_text().startswith(f'"""{listed[name]}"""\n')


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("serch", "error: serch: no such command. Did you mean 'search'?\n"),
        ("--version", "error: --version: no such command. Valid: audit, baseline, "),
        ("../dag", "error: ../dag: no such command. "),
        ("spec", "error: spec: no such command. "),
    ],
)
def test_an_unknown_command_is_one_line_with_the_nearest_name(
    word: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["eksplora", word, "experiment=wine_mlp"])
    with pytest.raises(SystemExit) as left:
        main.main()
    said = capsys.readouterr().err
    assert left.value.code == 2 and said.startswith(expected) and said.count("\n") == 1


def test_every_root_configuration_is_a_command() -> None:
    assert CHECKOUT == CONF.parent == ROOT and main.stages() == NAMES


def test_the_command_does_what_the_pipeline_does(tmp_path: Path) -> None:
    words = ["experiment=wine_mlp", "study.seed=3", "space.params.optimizer.lr=choice(1, 2)", "--cfg", "job"]
    script = [sys.executable, str(ROOT / "pipelines/search.py"), *words]
    other = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True)
    done = command("search", *words, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, other.stdout, other.stderr)
    assert "experiment: wine_mlp" in done.stdout


@pytest.mark.parametrize("script", ["pipelines/search.py", ".venv/bin/eksplora"])
def test_a_script_of_another_checkout_is_refused(script: str, tmp_path: Path) -> None:
    check_checkout(tmp_path / script)
    (tmp_path / "src/eksplora").mkdir(parents=True)
    check_checkout(tmp_path / "env/deep/bin/eksplora")
    with pytest.raises(ConfigError, match=rf" is of {tmp_path}, but this Python imports eksplora from {ROOT}\. Use "):
        check_checkout(tmp_path / script)


def test_nothing_slow_is_imported_for_help(tmp_path: Path) -> None:
    script = (
        "import json, sys; from eksplora.cli.main import main; sys.argv = ['eksplora', '--help']; main();"
        "print(json.dumps([name for name in ('torch', 'optuna', 'mlflow', 'pandas') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
