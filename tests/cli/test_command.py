import ast
import errno
import importlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hydra.errors import ConfigCompositionException

from eksplora.cli import main
from eksplora.cli.command import ended_by_signals, explain, gather_space, help_text, read_arguments, readable_errors
from eksplora.config import choices, compose_root
from eksplora.errors import ConfigError, DataError, Interrupted, WorkerError
from eksplora.installation import CONF
from eksplora.launch.signals import FOR_THE_DRIVER

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"
ROOTS = sorted(path.stem for path in CONF.glob("*.yaml"))


def ending(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str]:
    """Exit code and standard error of a command that ends with an error."""
    with pytest.raises(SystemExit) as left, readable_errors("search"):
        raise error
    return left.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("study.n_trials must be at least 1."), 2),
        (DataError("card.json is missing."), 2),
        (WorkerError("six trials failed"), 1),
        (Interrupted("stopped"), 130),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "mlruns/x"), 2),
        (OSError(errno.EROFS, "Read-only file system", "mlruns/x"), 2),
        (PermissionError(errno.EACCES, "Permission denied", "mlruns/x"), 2),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "mlruns/x"), 2),
    ],
)
def test_what_was_foreseen_ends_with_one_line_and_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    left, shown = ending(error, capsys)
    assert left == code
    assert re.fullmatch(r"error: \S[^\n]*\n", shown)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("ours"), FileNotFoundError(errno.ENOENT, "No such file", "x"), OSError("odd"), ValueError("ours")],
)
def test_what_nobody_foresaw_is_not_hidden(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, readable_errors("search"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["optimzer=adam"], "optimzer: no such key. Did you mean 'optimizer'?"),
        (["zzz=1"], "zzz: no such key. Valid: activation, augmentation,"),
        (["study.n_trial=3"], "study.n_trial: no such key. Did you mean 'study.n_trials'?"),
        (
            ["optimizer.momentum=0.9"],
            "optimizer.momentum: no such key with this optimizer. It needs optimizer=momentum or ",
        ),
        (["optimizer=adm"], "optimizer=adm: no such file in conf/optimizer/. Did you mean 'adam'?"),
        (["study.n_trials=abc"], "study.n_trials: 'abc' is of the wrong type. Give a whole number."),
        (["early_stopping.min_delta=a"], "early_stopping.min_delta: 'a' is of the wrong type. Give a number."),
        (
            ["early_stopping.restore_best_weights=7.5"],
            "early_stopping.restore_best_weights: '7.5' is of the wrong type. Give true",
        ),
        (["study.seed=true"], "study.seed: 'true' is of the wrong type. Give a whole number."),
        (["study.seed=null"], "study.seed: 'null' is of the wrong type. Give a value that is not null."),
        (["study.name=[1]"], "study.name: '[1]' is of the wrong type. Give text."),
        (["space.params=3"], "space.params: '3' cannot stand for all of its keys. Set one of space.params.<key>."),
        (["study=3"], "study: '3' cannot stand for all of its keys. Set one of study.batch, study.checkpoint_"),
        (["+optimizer=sgd"], "optimizer: is chosen already. Write optimizer=... without +."),
        (["~study.seeds"], "study.seeds: no such key. Did you mean 'study.seed'?"),
    ],
)
def test_hydras_errors_name_key_value_and_way_out_in_our_words(overrides: list[str], expected: str) -> None:
    with pytest.raises(ConfigCompositionException, match=r"overrid|find|delete|Multiple") as caught:
        compose_root("search", overrides)
    assert explain(caught.value, "search").startswith(expected)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("study.n_trials=[", r"^'study\.n_trials=\[' cannot be read\. Write key=value"),
        ("study.n_trials", r"^'study\.n_trials' cannot be read"),
        ("=3", "^'=3' cannot be read"),
        ("study.n_trials=1,2", r"^study\.n_trials: one value is wanted, got 1,2\. Give one\.$"),
        ("optimizer.lr=choice(1,2)", r"or search over them: space\.params\.optimizer\.lr=choice\(1,2\)\.$"),
        ("model=null", r"^model=null: no such file in conf/model/\. Valid: cnn, cnn_4x4, "),
        ("optimizer=5", r"^optimizer=5: no such file in conf/optimizer/"),
        ("--multirun", "^--multirun: no such option"),
        ("--cgf", r"^--cgf: no such option\. Did you mean '--cfg'\?$"),
        ("-x", "^-x: no such option"),
    ],
)
def test_an_argument_that_cannot_be_read_is_named(argument: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        read_arguments([argument])


def test_arguments_in_hydras_grammar_are_taken() -> None:
    words = ["optimizer=sgd", "+data.x=1", "~tracker.uri", "model.widths=[1, 2]", "study.name='a b'", "a.b={c: 1}"]
    options = read_arguments(words)
    assert (options.overrides, options.cfg, options.resolve, options.package) == (words, None, False, None)
    options = read_arguments(["--cfg", "job", "--package", "optimizer", "--resolve", "study.seed=1"])
    assert (options.overrides, options.cfg, options.resolve) == (["study.seed=1"], "job", True)
    assert options.package == "optimizer"


def test_only_overrides_of_the_space_are_moved() -> None:
    assert gather_space(["space=mlp", "data.batch_size=2", "--cfg"]) == ["space=mlp", "data.batch_size=2", "--cfg"]
    moved = gather_space(["space.params.a.b=1", "study.seed=1", "~space.params.c", "+space.when.a.b=d=e"])
    assert moved == ["study.seed=1", 'space.overrides=["params.a.b=1","params.c=null","when.a.b=d=e"]']


# --- help --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ROOTS)
def test_help_lists_every_group_with_all_its_choices(root: str) -> None:
    text = help_text(root, "purpose")
    config = compose_root(root, [], with_hydra=True)
    groups = set(config.hydra.runtime.choices) - {"metric"}
    groups = {group for group in groups if not group.startswith("hydra/")}
    assert groups == set(re.findall(r"^  (\w+)=\S+$", text, re.MULTILINE))
    for group in groups:
        assert f"  {group}={'|'.join(choices(group))}\n" in text


@pytest.mark.parametrize("root", ROOTS)
def test_help_shows_every_key_of_the_composed_defaults_with_a_comment(root: str) -> None:
    text = help_text(root, "purpose")
    config = compose_root(root, ["experiment=boston_mlp"] if root in ("search", "train") else [])
    for group, node in config.items():
        if group in ("experiment", "exploration", "metric", "space"):
            continue
        keys = [key for key in node if not str(key).startswith("_")] if hasattr(node, "keys") else [group]
        for key in keys:
            assert re.search(rf"^ *{key}: .*# \S", text, re.MULTILINE), f"{group}.{key}"


def test_help_names_experiments_with_what_they_are() -> None:
    text = help_text("search", "purpose")
    for name in choices("experiment"):
        assert re.search(rf"^  {name} +[A-Z].{{20,}}$", text, re.MULTILINE)
    assert "space.when.<key>" in text


# --- whole processes ---------------------------------------------------------------------------------------------


def test_an_unexpected_error_ends_with_its_traceback_and_exit_code_1(tmp_path: Path) -> None:
    """A command of our own, whose task fails in a way that nobody foresaw."""
    lines = [
        "from eksplora.cli.command import run",
        "def task(request):",
        "    raise KeyError('ours')",
    ]
    (tmp_path / "own.py").write_text("\n".join([*lines, "run('sync', [], task)"]))
    done = subprocess.run([sys.executable, "own.py"], cwd=tmp_path, capture_output=True, text=True)
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
    done = subprocess.run([sys.executable, "own.py"], cwd=tmp_path, capture_output=True, text=True)
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
    done = subprocess.run([sys.executable, "own.py"], cwd=tmp_path, capture_output=True, text=True)
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


@pytest.mark.parametrize("word", ["hydra.run.dir=x", "+hydra.callbacks.x._target_=y", "hydra/job_logging=default",
                                  "~hydra", "++hydra={}", "model@hydra.x=mlp", "hydra=x"])  # fmt: skip
def test_what_belongs_to_hydra_cannot_be_typed(word: str) -> None:
    with pytest.raises(ConfigError, match="the node 'hydra' is not set here"):
        read_arguments([word])


@pytest.mark.parametrize("word", ["space.params={a: 1}", "+space.when={}", "~space.params"])
def test_a_space_is_not_set_as_a_whole(word: str) -> None:
    with pytest.raises(ConfigError, match=r"^[+~]?space\.\w+: is not set as a whole\. Write space\.params"):
        gather_space([word])


@pytest.mark.parametrize("word", ["model=/etc/passwd", "experiment=../x", "data=a/b", "optimizer=[adam]", "loss=''"])
def test_a_choice_is_the_name_of_a_file(word: str) -> None:
    with pytest.raises(ConfigError, match=r"no such file in conf/"):
        read_arguments([word])


def test_a_call_on_an_open_file_is_told_with_the_files_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def locks(lock: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")  # as flock does: without a name

    with pytest.raises(SystemExit), readable_errors("search"):
        locks(tmp_path / "lock")
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'lock'}: Operation not permitted. ")
