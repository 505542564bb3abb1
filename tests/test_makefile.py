import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
HELP_LINES = dict(re.findall(r"^([a-z-]+):.*?## (.*)$", MAKEFILE, re.MULTILINE))
TAKEN = {target: re.findall(r"([A-Z]+)=", line) for target, line in HELP_LINES.items()}
VARIABLES = sorted({name for names in TAKEN.values() for name in names})
LR = "'space.params.optimizer.lr=tag(log, interval(1e-4,1e-2))'"


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Make as a person at a desk calls it: without the variables of a make or a virtual environment around the test."""
    own = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", *VARIABLES}
    clean = {key: value for key, value in os.environ.items() if key not in own} | {"LC_ALL": "C"} | environment
    return subprocess.run(["make", *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False)


def script(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def own_lines(text: str) -> list[str]:
    """The lines that are not make's own."""
    return [line for line in text.splitlines() if not line.startswith("make: ")]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project as setup sees it, in a folder with a blank in its name, without an environment."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("Makefile", "constraints.txt", "constraints-peers.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "tools", folder / "tools")
    return folder


def write_stamp(folder: Path, python: str = "python3") -> None:
    """What setup writes at its end."""
    command = "cat constraints.txt pyproject.toml | cksum"
    pins = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=True).stdout
    (folder / ".venv/.eksplora-stamp").write_text(f"{python}\n{pins}{folder}\n")


@pytest.fixture
def ready(clone: Path) -> Path:
    """A clone that is set up, with a Python that prints what it is called with."""
    script(clone / ".venv/bin/python", 'printf "<%s>" "$@"; echo; echo "$MLFLOW_DISABLE_TELEMETRY $DO_NOT_TRACK"')
    write_stamp(clone)
    (clone / ".venv/.eksplora-docs-stamp").touch()
    (clone / ".venv-peers").mkdir()
    (clone / ".venv-peers/.eksplora-stamp").touch()
    return clone


def fake_python(folder: Path, pip: str) -> Path:
    """A Python that answers truly but makes a .venv whose pip runs the shell text `pip` instead of installing."""
    inner = script(
        folder / "inner", f'case "$*" in *--version*) ;; "-m pip"*) {pip} ;; *) exec "{sys.executable}" "$@" ;; esac'
    )
    making = f'mkdir -p .venv/bin && cp "{inner}" .venv/bin/python'
    return script(folder / "python", f'case "$*" in "-m venv"*) {making} ;; *) exec "{sys.executable}" "$@" ;; esac')


def test_help_is_the_default_and_lists_every_target_with_its_comment(clone: Path) -> None:
    phony = re.search(r"^\.PHONY: (.*) FORCE$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    done = make(clone)
    assert done.returncode == 0
    listed = re.findall(r"^  make ([a-z-]+) +\S", done.stdout, re.MULTILINE)
    assert listed == phony[1].split()
    assert "SAMPLER=grid|random|tpe|gp" in done.stdout
    assert not (clone / ".venv").exists()


def test_sweep_runs_the_pipeline_with_what_is_given(ready: Path) -> None:
    done = make(ready, "-n", "sweep", "EXPERIMENT=x", "SAMPLER=random", "TRIALS=3", "ARGS=a=b")
    assert done.stdout == ".venv/bin/python pipelines/search.py experiment=x sampler=random study.n_trials=3 a=b\n"


def test_sweep_alone_runs_both_experiments_in_turn(ready: Path) -> None:
    done = make(ready, "-n", "sweep")
    assert done.stdout.splitlines() == [
        ".venv/bin/python pipelines/search.py experiment=boston_mlp",
        ".venv/bin/python pipelines/search.py experiment=digits_cnn",
    ]


def test_experiments_of_sweep_exist() -> None:
    names = re.search(r"^EXPERIMENTS := (.*)$", MAKEFILE, re.MULTILINE)
    assert names is not None
    assert [name for name in names[1].split() if not (ROOT / f"conf/experiment/{name}.yaml").is_file()] == []


def test_pipelines_that_make_runs_exist() -> None:
    named = set(re.findall(r"pipelines/\w+\.py", MAKEFILE))
    assert len(named) > 4
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_args_reach_the_pipeline_as_the_shell_reads_them(ready: Path) -> None:
    done = make(ready, "sweep", "EXPERIMENT=x", f"ARGS=a=1 {LR} 'b=${{data.rows}}'")
    words = ["pipelines/search.py", "experiment=x", "a=1", LR.strip("'"), "b=${data.rows}"]
    assert "".join(f"<{word}>" for word in words) in done.stdout.splitlines()


def test_variables_of_the_environment_name_no_data(ready: Path) -> None:
    done = make(ready, "-n", "sweep", "EXPERIMENT=x", TARGET="arm64", DATA="/data", INPUT="y")
    assert done.stdout == ".venv/bin/python pipelines/search.py experiment=x\n"


def test_nothing_reports_home(ready: Path) -> None:
    done = make(ready, "ui", MLFLOW_DISABLE_TELEMETRY="false")
    assert done.stdout.splitlines()[-1] == "true true"


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("train", "EXPERIMENT=x", "ARGS=a=b"), "pipelines/train.py experiment=x a=b"),
        (("prepare", "DATA=wine"), "pipelines/prepare.py 'data=wine'"),
        (
            ("sweep", "DATA=a.csv", "TARGET=y", "TRIALS=3"),
            "pipelines/search.py 'data=a.csv' 'data.target=y' study.n_trials=3",
        ),
        (("sweep", "DATA=a.csv", "EXPERIMENT=x"), "pipelines/search.py 'data=a.csv' experiment=x"),
        (("repro", "DATA=a.csv", "TARGET=y", "ARGS=a=b"), "pipelines/repro.py 'data=a.csv' 'data.target=y' a=b"),
        (("repro", "ARGS=--dry"), "-m eksplora.cli.repro --dry"),
        (("report", "DATA=a.csv", "TARGET=y"), "pipelines/report.py 'data=a.csv' 'data.target=y'"),
        (("baseline", "DATA=a.csv", "TARGET=y"), "pipelines/baseline.py 'data=a.csv' 'data.target=y'"),
        (
            ("predict", "EXPERIMENT=x", "INPUT=b.csv"),
            "pipelines/predict.py trained=results/x/confirm/model 'input=b.csv'",
        ),
        (
            ("audit", "EXPERIMENT=x", "OUTER=5", "SAMPLER=gp", "TRIALS=4", "ARGS=a=b"),
            "pipelines/audit.py experiment=x audit.outer=5 sampler=gp study.n_trials=4 a=b",
        ),
        (("sync",), "pipelines/sync.py"),
        (("catalogue",), "tools/catalogue.py"),
        (("baseline", "EXPERIMENT=wine_mlp"), "pipelines/baseline.py experiment=wine_mlp"),
        (("docs", "ARGS=--quiet"), "-m mkdocs build --strict --quiet"),
        (("ui", "PORT=5001"), "pipelines/ui.py port=5001"),
        (("bench",), "-m benchmarks.speed"),
        (("calibrate", "ARGS=--studies 5"), "-m benchmarks.calibrate --studies 5"),
        (("bench-peers", "ARGS=--repeats 1"), "-m benchmarks.against_peers --repeats 1"),
        (("test", "ARGS=-x"), "-m pytest -n 2 --dist loadfile --no-loadscope-reorder -x"),
        (("test-slow",), '-m pytest -m "slow and not gpu" '),
    ],
)
def test_a_target_is_one_command(ready: Path, arguments: tuple[str, ...], command: str) -> None:
    assert make(ready, "-n", *arguments).stdout.rstrip("\n").rstrip() == f".venv/bin/python {command}".rstrip()


def test_exit_code_of_a_pipeline_is_shown(ready: Path) -> None:
    script(ready / ".venv/bin/python", "exit 130")
    done = make(ready, "sweep")
    assert done.returncode == 2
    assert re.fullmatch(r"make: \*\*\* \[Makefile:\d+: sweep\] Error 130", done.stderr.strip())
    assert "digits_cnn" not in done.stdout


@pytest.mark.parametrize("python", ["/bin/false", "no-such-python"])
def test_a_python_that_is_none_is_named_in_one_line(clone: Path, python: str) -> None:
    done = make(clone, "sweep", f"PYTHON={python}")
    (line,) = own_lines(done.stdout + done.stderr)
    assert line.startswith(f"eksplora: needs Python 3.11, 3.12 or 3.13, and '{python}' is none. Install one")
    assert done.returncode == 2
    assert not (clone / ".venv").exists()


def test_an_old_python_alone_on_path_gives_one_line(clone: Path, tmp_path: Path) -> None:
    # An old Python's `sys.exit(not ...)` is 1; the names newer than it are not on this PATH.
    tools = tmp_path / "tools"
    script(tools / "python3", "exit 1")
    for tool in ("sh", "make", "awk", "cat", "cksum"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    done = make(clone, "setup", PATH=str(tools))
    (line,) = own_lines(done.stdout + done.stderr)
    assert line.startswith("eksplora: needs Python 3.11, 3.12 or 3.13, and found none on PATH. Install one")
    assert done.returncode == 2


def test_the_supported_versions_are_those_of_the_package(clone: Path) -> None:
    check = re.search(r"^SUPPORTED := (.*)$", MAKEFILE, re.MULTILINE)
    assert check is not None
    for version, is_supported in {(3, 9): False, (3, 10): False, (3, 11): True, (3, 13): True, (3, 14): False}.items():
        program = check[1].replace("sys.version_info", f"{version}")
        done = subprocess.run([sys.executable, "-c", program], check=False)
        assert (done.returncode == 0) is is_supported, version
    assert 'requires-python = ">=3.11,<3.14"' in (clone / "pyproject.toml").read_text()


def test_a_python_without_venv_says_what_to_install(clone: Path, tmp_path: Path) -> None:
    python = script(tmp_path / "python", f'case "$2" in *ensurepip*) exit 1 ;; *) exec "{sys.executable}" "$@" ;; esac')
    done = make(clone, "setup", f"PYTHON={python}")
    (line,) = own_lines(done.stdout + done.stderr)
    assert "has no venv module. Install it (Debian, Ubuntu: apt install python3-venv" in line
    assert done.returncode == 2


def test_a_failed_install_names_the_last_error_in_one_line_and_keeps_the_log(clone: Path, tmp_path: Path) -> None:
    pip = 'echo Collecting torch; echo "ERROR: No matching distribution found for torch==2.13.0"; echo more; exit 1'
    python = fake_python(tmp_path, pip)
    done = make(clone, "setup", f"PYTHON={python}")
    (line,) = own_lines(done.stderr)
    assert line.startswith("eksplora: installing failed: ERROR: No matching distribution found for torch==2.13.0 (")
    assert done.returncode == 2
    assert "Collecting torch" in (clone / ".venv/setup.log").read_text()
    assert not (clone / ".venv/.eksplora-stamp").exists()


def test_a_failure_without_an_error_line_names_the_last_line(clone: Path, tmp_path: Path) -> None:
    python = fake_python(tmp_path, "echo Collecting torch; echo Killed; exit 137")
    (line,) = own_lines(make(clone, "setup", f"PYTHON={python}").stderr)
    assert line.startswith("eksplora: installing failed: Killed (")


def test_what_is_installed_is_compiled_but_for_the_tests_of_libraries(clone: Path, tmp_path: Path) -> None:
    files = "mkdir -p .venv/lib/a/tests; for name in a/used a/tests/unused; do echo > .venv/lib/$name.py; done"
    files += "; echo ? > .venv/lib/broken.py"
    assert make(clone, "setup", f"PYTHON={fake_python(tmp_path, files)}").returncode == 0
    assert [path.name.partition(".")[0] for path in clone.rglob(".venv/lib/**/*.pyc")] == ["used"]


def test_setup_is_done_once_and_again_when_pins_or_python_change(clone: Path, tmp_path: Path) -> None:
    python = fake_python(tmp_path, f'echo "$*" >> "{tmp_path}/calls"')
    calls = tmp_path / "calls"

    def installs(name: str) -> int:
        calls.unlink(missing_ok=True)
        assert make(clone, "setup", f"PYTHON={name}").returncode == 0
        return len(calls.read_text().splitlines()) if calls.exists() else 0

    assert installs(str(python)) == 2
    pinned = "--no-input -c constraints.txt"
    assert calls.read_text().splitlines() == [
        f"-m pip install {pinned} pip setuptools",
        "-m pip install --no-input --no-compile -c constraints.txt --build-constraint constraints.txt -e .[dev]",
    ]
    assert installs(str(python)) == 0
    stamp = clone / ".venv/.eksplora-stamp"
    later = stamp.stat().st_mtime + 10
    os.utime(clone / "constraints.txt", (later, later))
    assert installs(str(python)) == 0, "a checkout of the same pins"
    (clone / "constraints.txt").write_text("torch==2.13.0\n")
    assert installs(str(python)) == 2
    assert installs(str(python)) == 0
    other = python.rename(tmp_path / "other")
    assert installs(str(other)) == 2
    before = stamp.read_text()
    write_stamp(clone, str(other))
    assert stamp.read_text() == before


# --- variables ---------------------------------------------------------------------------------------------------


def test_new_pins_are_installed_for_the_python_that_was_named(clone: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    python = fake_python(tmp_path / "own tools", f'echo "$*" >> "{calls}"')
    assert make(clone, "setup", f"PYTHON={python}").returncode == 0
    calls.unlink()
    (clone / "constraints.txt").write_text("torch==2.13.0\n")
    done = make(clone, "setup")
    assert done.returncode == 0 and f"Setting up .venv with {python}:" in done.stdout
    assert len(calls.read_text().splitlines()) == 2
    python.unlink()
    (clone / "constraints.txt").write_text("torch==2.13.1\n")
    assert make(clone, "setup", "--dry-run").stdout.startswith("'python3"), "it is gone: another one"


def test_a_target_takes_the_variables_of_its_help_line_and_each_of_them_reaches_its_command(ready: Path) -> None:
    for target, names in TAKEN.items():
        for name in set(names) - {"PYTHON"}:
            data = ["DATA=a.csv"] if name == "TARGET" else []
            done = make(ready, "-n", target, f"{name}=m4rk", *data)
            assert done.returncode == 0 and "m4rk" in done.stdout, (target, name, done.stderr)


def test_no_target_takes_another_variable(ready: Path) -> None:
    for number, target in enumerate(TAKEN):
        others = [name for name in [*VARIABLES, "COLUMN"] if name not in [*TAKEN[target], "PYTHON"]]
        name = others[number % len(others)]
        done = make(ready, target, f"{name}=1")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), target
        assert f"eksplora: {name}: make {target} has no such variable." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            "ui DATA=houses.csv",
            r"DATA: make ui has no such variable\. That is for make sweep\. It",
        ),
        (
            "sweep COLUMN=price",
            r"It takes DATA, TARGET, EXPERIMENT, SAMPLER, TRIALS, ARGS, PYTHON\. Other keys",
        ),
        ("sweep TARGE=price", r"TARGE: make sweep has no such variable\. Did you mean TARGET\?"),
        ("sweep TARGET=price", r"TARGET: names a column of DATA, which is not given\. Add DATA=<file>"),
        ("sweep DATA=", r"DATA has no value\. Give it one, or leave it out"),
        ("sweep DATA=a.csv TARGET=a;b", r"TARGET=a;b: one column is wanted, without ; and line breaks"),
        ("sweep TRAILS=3", r"TRAILS: make sweep has no such variable\. Did you mean TRIALS\?"),
        ("train experiment=wine_mlp", r"Did you mean EXPERIMENT\?"),
        ("TRIALS=3", r"TRIALS: make has no such variable\. That is for make sweep\."),
        ("sweep TRIALS=", r"TRIALS has no value\. Give it one, or leave it out\."),
        ("prepare ui PORT=1 EXPERIMENTS=a", r"EXPERIMENTS: make prepare ui has no such variable\."),
        ("sweep VENV_PYTHON=python", r"VENV_PYTHON: make sweep has no such variable\."),
    ],
)
def test_a_variable_that_is_wrong_is_named_with_the_way_out(ready: Path, arguments: str, expected: str) -> None:
    done = make(ready, *arguments.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert re.search(rf"^Makefile:\d+: \*\*\* eksplora: .*{expected}", done.stderr), done.stderr


@pytest.mark.parametrize("words", ["-n", "-s", "-k", "-j2", "-B -n", "SHELL=/bin/sh", "ARGS=", "MAKEFLAGS=s"])
def test_what_is_make_s_own_stays(ready: Path, words: str) -> None:
    assert make(ready, "sync", *words.split(), CFLAGS="-O2", TARGET="x").returncode == 0


HOSTILE = [
    "a; touch PWNED",
    "$(touch PWNED)",
    "$(shell touch PWNED)",
    "`touch PWNED`",
    "a|touch PWNED",
    "a\ntouch PWNED",
]
HOSTILE += ["a' ; touch PWNED; '", 'a" ; touch PWNED; "', "a&touch PWNED", "a > PWNED", "-x", "a\\", "$$(touch PWNED)"]


NAMES = ("DATA", "TARGET", "INPUT")
"""Variables of names from outside: any sign is part of them."""

ODD = ["my houses (2).csv", "a'b.csv", 'a"b.csv', "$HOME $(pwd) `id`.csv", "a|b&c>d#e%f", "*?[x]", "\\\\", "-x", "é ü"]


@pytest.mark.parametrize("text", [*ODD, *(text for text in HOSTILE if not re.search(r"[;\n]", text))])
def test_names_of_files_and_columns_become_one_word_and_no_shell(ready: Path, text: str) -> None:
    done = make(ready, "sweep", f"DATA={text}", f"TARGET={text}")
    assert f"<pipelines/search.py><data={text}><data.target={text}>" in done.stdout.splitlines(), done.stderr
    assert not (ready / "PWNED").exists()


@pytest.mark.parametrize("name", [name for name in VARIABLES if name not in ("ARGS", "PYTHON", *NAMES)])
def test_a_value_is_a_word_and_never_shell(ready: Path, name: str) -> None:
    target = next(target for target, names in TAKEN.items() if name in names)
    for text in HOSTILE:
        for done in (make(ready, target, f"{name}={text}"), make(ready, target, **{name: text})):
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), text
            assert "a name or a number is wanted" in done.stderr
    assert not (ready / "PWNED").exists()


def test_the_name_of_a_python_is_a_word(clone: Path) -> None:
    for text in HOSTILE:
        if "$" not in text:  # make's own, and of one's own command line
            done = make(clone, "setup", f"PYTHON={text}")
            assert done.returncode == 2 and re.search(r"is none\. Install one|one path is wanted", done.stderr)
    assert not (clone / "PWNED").exists() and not (clone / ".venv").exists()


def test_names_of_files_are_no_text_for_make(ready: Path) -> None:
    (ready / "conf/experiment").mkdir(parents=True)
    for name in ("a;touch${IFS}PWNED;.yaml", "$(shell touch PWNED).yaml", "a|touch PWNED.yaml", "a: b.yaml"):
        (ready / "conf/experiment" / name).touch()
    done = make(ready, "repro", "ARGS=-f 'a b'")
    assert done.returncode == 0 and not (ready / "PWNED").exists()
    printed = [line for line in done.stdout.splitlines() if line.startswith("<")]
    assert printed == ["<-m><eksplora.cli.repro><-f><a b>"]


# --- a copied or moved project -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["copy", "a copy", "c" * 120])
def test_the_environment_of_a_copied_project_belongs_to_the_copy(clone: Path, tmp_path: Path, name: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    (packages,) = (clone / ".venv/lib").glob("python*/site-packages")
    (packages / "__editable__.eksplora-0.1.0.pth").write_text(f"{clone}/src")
    # As pip writes it into a folder with a blank in its name.
    tool = script(clone / ".venv/bin/tool", f"""'''exec' "{clone}/.venv/bin/python" "$0" "$@"\n' '''""")
    tool.write_text(f"{tool.read_text()}import sys\nprint(sys.prefix, *(path for path in sys.path if 'src' in path))\n")
    write_stamp(clone, "python3.11")
    assert own_lines(make(clone, "setup").stdout) == []
    before = tool.read_text()
    copy = Path(shutil.copytree(clone, tmp_path / name, symlinks=True))
    assert own_lines(make(copy, "setup").stdout) == ["This folder is a copy or has moved: its .venv belongs to it now."]
    for folder in (copy, clone):
        (folder / "src").mkdir()
        said = subprocess.run([folder / ".venv/bin/tool"], capture_output=True, text=True, check=True).stdout
        assert said.strip() == f"{folder}/.venv {folder}/src"
    assert tool.read_text() == before
    named = [file for file in (copy / ".venv").rglob("*") if file.is_file() and not file.is_symlink()]
    assert [file for file in named if f"{clone}/".encode() in file.read_bytes()] == []
    assert own_lines(make(copy, "setup").stdout + make(clone, "setup").stdout) == []


def test_an_environment_runs_the_sources_beside_it_wherever_it_lies(clone: Path, tmp_path: Path) -> None:
    """pip writes where the sources lie; a copy would run the sources of the folder that it was copied from."""
    packages = f".venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    pip = f'mkdir -p {packages} && echo "$PWD/src" > {packages}/__editable__.eksplora-0.1.0.pth'
    assert make(clone, "setup", f"PYTHON={fake_python(tmp_path, pip)}").returncode == 0
    (clone / ".venv/bin/python").unlink()
    copy = Path(shutil.copytree(clone, tmp_path / "copy", symlinks=True))
    moved = clone.rename(tmp_path / "moved")
    for folder in (copy, moved):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
        (folder / "src/eksplora").mkdir(parents=True)
        (folder / "src/eksplora/__init__.py").touch()
        words = [folder / ".venv/bin/python", "-c", "import eksplora; print(eksplora.__file__)"]
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        said = subprocess.run(words, env=clean, capture_output=True, text=True, check=True).stdout
        assert said.strip() == str(folder / "src/eksplora/__init__.py")


def test_a_moved_environment_without_its_python_is_made_anew(clone: Path, tmp_path: Path) -> None:
    python = fake_python(tmp_path, "true")
    assert make(clone, "setup", f"PYTHON={python}").returncode == 0
    (clone / ".venv/bin/python").unlink()
    moved = clone.rename(tmp_path / "moved")
    assert "Setting up .venv" in make(moved, "setup", f"PYTHON={python}").stdout


@pytest.mark.parametrize("words", [["experiment=wine_mlp"], ["--help"]])
def test_a_command_never_uses_the_sources_of_another_checkout(tmp_path: Path, words: list[str]) -> None:
    """A copy's command, run by the Python of the project that it was copied from."""
    copy = tmp_path / "copy"
    (copy / "src/eksplora").mkdir(parents=True)
    shutil.copytree(ROOT / "pipelines", copy / "pipelines")
    own = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    for script in sorted((copy / "pipelines").glob("*.py"))[:: 6 if words == ["--help"] else 18]:
        done = subprocess.run([sys.executable, script, *words], env=own, cwd=copy, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        shown = f"error: {script.name} is of {copy}, but this Python imports eksplora from {ROOT}. Use {copy}/.venv"
        assert done.stderr.startswith(shown)
    assert sorted(path.name for path in copy.iterdir()) == ["pipelines", "src"]


def test_what_builds_the_site_is_installed_once_and_again_when_it_failed(ready: Path) -> None:
    (ready / ".venv/.eksplora-docs-stamp").unlink()
    python = script(ready / ".venv/bin/python", 'case "$*" in *install*) echo ERROR: no disk; exit 1 ;; esac')
    done = make(ready, "docs")
    assert done.returncode == 2
    assert own_lines(done.stderr)[0].startswith("eksplora: installing failed: ERROR: no disk")
    script(python, 'echo "$*"')
    install = "-m pip install --no-input -c constraints.txt --build-constraint constraints.txt -e .[docs]"
    build = "-m mkdocs build --strict"
    assert make(ready, "docs").stdout.splitlines()[-1] == build
    assert (ready / ".venv/docs.log").read_text().splitlines() == [install]
    assert make(ready, "docs").stdout.splitlines() == [f".venv/bin/python {build}", build]


@pytest.fixture
def without_peers(ready: Path) -> Path:
    """A clone that is set up but for the peers; their pip notes what it is called with, and fails where `broken` is."""
    shutil.rmtree(ready / ".venv-peers")
    inner = script(
        ready / "inner", f'echo "$*" >> "{ready}/calls"; [ ! -e "{ready}/broken" ] || {{ echo Killed; exit 1; }}'
    )
    making = f'mkdir -p .venv-peers/bin && cp "{inner}" .venv-peers/bin/python'
    script(ready / ".venv/bin/python", f'case "$*" in "-m venv --clear .venv-peers") {making} ;; *) echo "$*" ;; esac')
    return ready


def test_the_peers_are_installed_once_and_again_when_their_pins_change(without_peers: Path) -> None:
    calls = without_peers / "calls"

    def installs() -> list[str]:
        calls.unlink(missing_ok=True)
        done = make(without_peers, "bench-peers")
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "-m benchmarks.against_peers")
        return calls.read_text().splitlines() if calls.exists() else []

    assert installs() == [
        "-m pip install --no-input -c constraints-peers.txt pip setuptools",
        "-m pip install --no-input --build-constraint constraints-peers.txt -r constraints-peers.txt",
    ]
    assert installs() == []
    later = (without_peers / ".venv-peers/.eksplora-stamp").stat().st_mtime + 10
    os.utime(without_peers / "constraints-peers.txt", (later, later))
    assert len(installs()) == 2


def test_an_installation_of_the_peers_that_fails_is_taken_up_again(without_peers: Path) -> None:
    (without_peers / "broken").touch()
    done = make(without_peers, "bench-peers")
    (line,) = own_lines(done.stderr)
    assert line.startswith("eksplora: installing failed: Killed (all of it: .venv-peers/setup.log).")
    assert not (without_peers / ".venv-peers/.eksplora-stamp").exists()
    (without_peers / "broken").unlink()
    assert make(without_peers, "bench-peers").returncode == 0


def test_clean_keeps_data_runs_results_and_the_environment(ready: Path) -> None:
    kept = ["data/a", "mlruns/a", "results/a", ".venv/bin/python"]
    gone = [".mypy_cache/a", ".ruff_cache/a", ".pytest_cache/a", "build/a", "src/__pycache__/a"]
    for name in ["tests/a", "pipelines/a", *kept[:3], *gone]:
        (ready / name).parent.mkdir(parents=True, exist_ok=True)
        (ready / name).touch()
    assert make(ready, "clean").returncode == 0
    assert [name for name in kept if not (ready / name).exists()] == []
    assert [name for name in gone if (ready / name).exists()] == []


def test_ci_script_is_executable_bash_that_runs_the_same_gate() -> None:
    file = ROOT / ".ci/run"
    assert os.access(file, os.X_OK)
    assert subprocess.run(["bash", "-n", file], check=False).returncode == 0
    text = file.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert "\nmake check test" in text
