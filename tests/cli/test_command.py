import ast
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import preloaded
import pytest

from eksplora.cli import main
from eksplora.cli.command import ended_by_signals
from eksplora.launch.signals import FOR_THE_DRIVER

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"


def test_an_unexpected_error_ends_with_its_traceback_and_exit_code_1(tmp_path: Path) -> None:
    """A command of our own, whose task fails in a way that nobody foresaw."""
    lines = [
        "from eksplora.cli.command import run",
        "def task(request):",
        "    raise KeyError('ours')",
    ]
    (tmp_path / "own.py").write_text("\n".join([*lines, "run('sync', [], task)"]))
    done = preloaded.run([sys.executable, "own.py"], cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr and done.stderr.splitlines()[-1] == "KeyError: 'ours'"
    assert "HYDRA_FULL_ERROR" not in done.stderr


@pytest.mark.parametrize("level", ["1", "2"])
def test_an_interpreter_without_assertions_is_refused(level: str, tmp_path: Path) -> None:
    words = [sys.executable, str(ROOT / "pipelines/search.py"), "experiment=wine_mlp"]
    own = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONOPTIMIZE": level}
    done = subprocess.run(words, cwd=tmp_path, env=own, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: PYTHONOPTIMIZE") and done.stderr.endswith("Unset it.\n")


@pytest.mark.parametrize("number", [n for n in FOR_THE_DRIVER if n != signal.SIGINT], ids=lambda number: number.name)
def test_every_signal_that_asks_for_an_end_is_an_exit_code(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, ended_by_signals():
        os.kill(os.getpid(), number)
        pytest.fail("it went on")
    assert ended.value.code == 128 + number and signal.getsignal(number) is before
    assert capfd.readouterr().err == "error: stopped; the same command goes on where it was left\n"


def test_a_warning_that_comes_again_does_not_disturb_the_end() -> None:
    cleaned = []
    with pytest.raises(SystemExit), ended_by_signals():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
            cleaned.append(True)
    assert cleaned


def test_sigterm_ends_with_143_even_where_its_exception_is_only_noted(tmp_path: Path) -> None:
    """In a finalizer Python prints an exception and goes on; what was asked to end must not look as if it were done."""
    lines = [
        "import os, signal",
        "from eksplora.cli.command import run",
        "class Last:",
        "    def __del__(self):",
        "        os.kill(os.getpid(), signal.SIGTERM)",
        "def task(request):",
        "    last = Last()",
        "    del last",
        "    print('went on')",
    ]
    (tmp_path / "own.py").write_text("\n".join([*lines, "run('sync', [], task)"]))
    done = preloaded.run([sys.executable, "own.py"], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (143, "went on\n")
    assert done.stderr.startswith("error: stopped; the same command goes on where it was left\n")


@pytest.mark.parametrize(
    ("number", "code", "error"),
    [
        ("SIGTERM", 143, "ImportError('initialization failed')"),
        ("SIGTERM", 143, "OSError(28, 'full')"),
        ("SIGINT", 130, "ImportError('initialization failed')"),
        ("SIGINT", 130, "ConfigError('tracker: refuses its values')"),
        ("SIGINT", 130, "OSError(28, 'full')"),
    ],
)
def test_what_foreign_code_makes_of_a_signal_does_not_change_the_exit_code(
    tmp_path: Path, number: str, code: int, error: str
) -> None:
    """pybind11 turns any exception during the import of a module into an ImportError that is caused by it."""
    lines = [
        "import os, signal",
        "from eksplora.cli.command import run",
        "from eksplora.errors import ConfigError",
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born deaf to it",
        "def task(request):",
        "    try:",
        f"        os.kill(os.getpid(), signal.{number})",
        "    except BaseException as interruption:",
        f"        raise {error} from interruption",
    ]
    (tmp_path / "own.py").write_text("\n".join([*lines, "run('sync', [], task)"]))
    done = preloaded.run([sys.executable, "own.py"], cwd=tmp_path)
    assert done.returncode == code
    assert "error: " in done.stderr and "Traceback" not in done.stderr


def started(*arguments: str, out: int = subprocess.DEVNULL, python: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """A command with a configuration to print, whose Ctrl-C is not ignored as in a shell's background job."""
    words = [sys.executable, *python, str(PIPELINES / "search.py"), *arguments]
    deaf = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(words, stdout=out, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, deaf)


@pytest.mark.parametrize("arguments", [["--help"], ["--cfg", "job"]])
def test_a_pipe_that_nobody_reads_ends_a_command_quietly(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with started(*arguments, out=writing) as process:
        os.close(writing)
        assert (process.wait(), process.stderr and process.stderr.read()) == (141, "")


def test_a_full_disk_behind_the_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full, started("--cfg", "job", out=full.fileno()) as process:
        assert process.stderr is not None
        shown = process.stderr.read()
        assert (process.wait(), shown.count("\n")) == (2, 1)
        assert "No space left on device" in shown


def test_a_python_without_assertions_is_refused_in_one_line() -> None:
    with started("--cfg", "job", python=["-O"]) as process:
        assert process.stderr is not None
        shown = process.stderr.read()
        assert process.wait() == 2
        assert shown.startswith("error: PYTHONOPTIMIZE") and shown.count("\n") == 1


@pytest.mark.parametrize("name", sorted(path.name for path in PIPELINES.glob("*.py")))
def test_every_command_is_ready_for_ctrl_c_before_it_imports_anything_else(name: str) -> None:
    assert first_import(PIPELINES / name) == "from eksplora.cli.main import main"
    for package in ("eksplora", "eksplora.cli"):
        assert first_import(Path(str(importlib.import_module(package).__file__))) in (None, "import os")
    assert first_import(Path(main.__file__)) == "import eksplora.entrance"


def first_import(file: Path) -> str | None:
    found = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return ast.unparse(found[0]) if found else None


@pytest.mark.parametrize("module", ["hydra", "omegaconf", "eksplora.config.schema", "eksplora.stage.search"])
def test_ctrl_c_while_a_command_is_imported_ends_it_in_one_line(module: str, tmp_path: Path) -> None:
    """A module of that name is met at a known place; there the signal comes, as a person's would."""
    lines = [
        "import importlib.abc, os, runpy, signal, sys",
        "signal.signal(signal.SIGINT, signal.default_int_handler)",
        "class Interrupts(importlib.abc.MetaPathFinder):",
        "    def find_spec(self, name, path, target=None):",
        f"        if name == {module!r}:",
        "            os.kill(os.getpid(), signal.SIGINT)",
        "sys.meta_path.insert(0, Interrupts())",
        "sys.argv = sys.argv[1:]",
        "runpy.run_path(sys.argv[0], run_name='__main__')",
    ]
    (tmp_path / "interrupted.py").write_text("\n".join(lines))
    words = [sys.executable, "interrupted.py", str(PIPELINES / "search.py"), "experiment=wine_mlp", "tracker=off"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 130
    assert done.stderr.startswith("error: interrupted") and done.stderr.count("\n") == 1
