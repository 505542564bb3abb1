"""dvc.yaml: its dependencies against a computation of their own, by what Hydra says it chose and by reading imports."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from eksplora.config import Request, compose_request, compose_root
from eksplora.errors import ConfigError, StorageError
from eksplora.stage import dag as dags
from eksplora.stage._reach import reach

ROOT = Path(__file__).resolve().parents[2]
CONF, SOURCES = ROOT / "conf", ROOT / "src"
LISTED = yaml.safe_load((CONF / "dag.yaml").read_text())["experiments"]
OTHERS = [path.stem for path in (CONF / "experiment").glob("*.yaml") if path.stem not in LISTED]
TRAINING = ("search", "confirm", "evaluate", "explain")


@pytest.fixture(scope="module")
def made() -> dags.Dag:
    """The DAG of the listed experiments: a network of each kind, numbers and classes."""
    return dags.make(LISTED)


@pytest.fixture(scope="module")
def stages(made: dags.Dag) -> dict[str, dags.Stage]:
    return {stage.key: stage for stage in made.stages}


def test_dvc_yaml_is_current(made: dags.Dag) -> None:
    """Else: `make dag`."""
    assert (ROOT / "dvc.yaml").read_text() == made.text()


# --- the dependencies, computed anew -----------------------------------------------------------------------------


def included(path: Path) -> Iterator[Path]:
    """A file of `conf/` and those beside it that its defaults list names."""
    yield path
    for entry in yaml.safe_load(path.read_text()).get("defaults", []):
        if isinstance(entry, str) and (beside := path.parent / f"{entry}.yaml").is_file():
            yield from included(beside)


@cache
def chosen(experiment: str) -> Request:
    return compose_request("search", [f"experiment={experiment}"])


@cache
def composed(root: str, *overrides: str) -> set[Path]:
    """The files of a composition: its root, and what Hydra says was chosen of each group."""
    config = compose_root(root, overrides, with_hydra=True)
    chosen = {group.partition("@")[0]: name for group, name in config.hydra.runtime.choices.items()}
    files = [CONF / f"{root}.yaml", *(CONF / group / f"{name}.yaml" for group, name in chosen.items())]
    return {path for file in files if file.is_file() for path in included(file)}


def closure(files: list[Path]) -> set[Path]:
    """Python files and all that they import, or name in a string, directly or not; with the packages around."""
    found: set[Path] = set()
    while files:
        file = files.pop()
        if file not in found:
            found.add(file)
            files += [module for name in named(file) for module in modules(name)]
    return found


@cache
def named(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=str(module), level=0, names=aliases):
                names |= {module} | {f"{module}.{alias.name}" for alias in aliases}
            case ast.Constant(value=str(text)) if re.fullmatch(r"eksplora\.[\w.]+(:\w+)?", text):
                names.add(text.partition(":")[0])
    return {name for name in names if name.partition(".")[0] == "eksplora"}


def modules(name: str) -> Iterator[Path]:
    """The file of the longest head of a name that is a module, and the packages around it."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        head = SOURCES.joinpath(*parts[:length])
        yield from (path for path in (head.with_suffix(".py"), head / "__init__.py") if path.is_file())


def parts_named(files: set[Path]) -> list[Path]:
    """The source files of the parts that configuration files name."""
    targets = {yaml.safe_load(file.read_text()).get("_target_", "") for file in files}
    return [module for target in targets if target.startswith("eksplora.") for module in modules(target)]


METRICS = {"Multiclass": ("accuracy", "auroc", "f1"), "Binary": ("binary_accuracy",), "": ("mae", "mse", "r2", "rmse")}
"""Those of a task, by what the names of their classes begin with."""


def expected(stage: dags.Stage) -> set[str]:
    """What a stage depends on besides what other stages hand on."""
    if stage.name == "prepare":
        files = composed("prepare", f"data={stage.subject}")
    else:
        own = f"experiment={stage.subject}"
        request = chosen(stage.subject)
        files = set(composed(stage.name, own))
        for key, words in request.config["space"]["params"].items():
            for choice in re.findall(r"\w+", str(words).partition("(")[2]) if (CONF / key).is_dir() else ():
                files |= composed(stage.name, own, f"{key}={choice}")
        if stage.name == "confirm":
            files |= {CONF / f"{name}.yaml" for name in ("protocol/full", "early_stopping/off", "pruner/none")}
        if stage.name == "explain":
            files |= {CONF / "pruner/none.yaml", CONF / "sampler/grid.yaml"}
        if stage.name == "evaluate":
            kind = re.sub(r"[a-z.]*\.(Multiclass|Binary)?.*", r"\1", request.config["metric"]["_target_"])
            for name in METRICS[kind]:
                files |= {CONF / f"objective/{name}.yaml", CONF / f"metric/{name}.yaml"}
    code = closure(
        [ROOT / f"pipelines/{stage.name}.py", SOURCES / f"eksplora/stage/{stage.name}.py", *parts_named(files)]
    )
    if stage.name == "report":
        code |= {path for path in (SOURCES / "eksplora/report").rglob("*") if path.suffix in (".html", ".css", ".js")}
    return {path.relative_to(ROOT).as_posix() for path in files | code}


def read(stage: dags.Stage) -> set[str]:
    """What a stage reads of what others hand on."""
    data = f"data/prepared/{chosen(stage.subject).choices['data']}" if stage.name != "prepare" else ""
    results = f"results/{stage.subject}"
    return {
        "prepare": set[str](),
        "search": {data},
        "confirm": {data, f"{results}/search"},
        "evaluate": {data, f"{results}/confirm"},
        "explain": {data, f"{results}/confirm", f"{results}/evaluate"},
        "report": {f"{results}/{name}" for name in TRAINING},
    }[stage.name]


@pytest.mark.parametrize("name", ["prepare", *TRAINING, "report"])
def test_a_stage_depends_on_what_composes_it_and_on_what_it_can_reach(name: str, made: dags.Dag) -> None:
    found = [stage for stage in made.stages if stage.name == name]
    assert len(found) == len(LISTED)
    for stage in found:
        assert set(stage.dependencies) == expected(stage) | read(stage), stage.key


@pytest.mark.slow
@pytest.mark.parametrize("experiment", OTHERS)
def test_so_it_is_for_the_experiments_that_are_not_listed(experiment: str) -> None:
    for stage in dags.make([experiment]).stages:
        assert set(stage.dependencies) == expected(stage) | read(stage), stage.key


def test_dependencies_exist_or_are_handed_on_by_one_stage_before(made: dags.Dag) -> None:
    there: set[str] = set()
    for stage in made.stages:
        for path in stage.dependencies:
            assert path in there or (ROOT / path).is_file(), f"{stage.key}: {path}"
        outs = {*stage.outs, *stage.persistent}
        assert not outs & there, "an out of two stages"
        there |= outs


def test_no_training_depends_on_pages_nor_on_networks_that_it_does_not_train(stages: dict[str, dags.Stage]) -> None:
    for name in TRAINING:
        for experiment in LISTED:
            reached = stages[f"{name}-{experiment}"].dependencies
            assert not [path for path in reached if path.startswith("src/eksplora/report/")]
            other = "cnn" if experiment.endswith("_cnn") else "mlp"
            assert {Path(path).name for path in reached if "eksplora/model/" in path} & NETWORKS == {f"{other}.py"}
    assert "src/eksplora/report/experiment.py" in stages["report-digits_cnn"].dependencies


NETWORKS = {path.name for path in (SOURCES / "eksplora/model").glob("[a-z]*.py")}


def test_what_only_a_trial_chooses_is_a_dependency(stages: dict[str, dags.Stage]) -> None:
    """The optimizer is searched for digits: adam or sgd; and its momentum exists with sgd only."""
    for name in (*TRAINING, "report"):
        for optimizer, is_there in (("adam", True), ("sgd", True), ("rmsprop", False)):
            file = f"conf/optimizer/{optimizer}.yaml"
            assert (file in stages[f"{name}-digits_cnn"].dependencies) is is_there
        assert "conf/optimizer/sgd.yaml" not in stages[f"{name}-boston_mlp"].dependencies


def test_a_stage_is_one_command_without_logic(made: dags.Dag) -> None:
    written = yaml.safe_load(made.text())
    for name, stage in written["stages"].items():
        assert set(stage) == {"cmd", "deps", "outs"}
        assert re.fullmatch(rf"\$\{{python\}} pipelines/{name.partition('-')[0]}\.py( [\w.]+=[\w./]+)+", stage["cmd"])
    assert all(path.startswith("results/") for path in written["params"] + written["metrics"])


# --- reach -------------------------------------------------------------------------------------------------------


def test_imports_inside_functions_and_names_in_strings_are_reached(tmp_path: Path) -> None:
    package = tmp_path / "eksplora"
    content = {
        "__init__.py": "",
        "begin.py": "def run():\n    from eksplora.room import late\n",
        "room/__init__.py": "import eksplora.beside\n",
        "room/late.py": "WORK = 'eksplora.room.worker:run'\n",
        "room/worker.py": "'''Prose that names eksplora.room.prose.'''\nimport os, numpy, begin\n",
        "room/prose.py": "",
        "beside.py": "from eksplora.begin import run\n",
        "alone.py": "from eksplora import begin\n",
    }
    for name, text in content.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    found = {path.relative_to(package).as_posix() for path in reach([package / "begin.py"], package)}
    assert found == set(content) - {"room/prose.py", "alone.py"}


def test_no_source_imports_relatively() -> None:
    """Only absolute names are followed."""
    for file in SOURCES.rglob("*.py"):
        assert not [node for node in ast.walk(ast.parse(file.read_text())) if getattr(node, "level", 0)], file


# --- bad input, and the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("experiments", "told"),
    [
        (["boston"], r"^experiments: 'boston' is no file of conf/experiment/\. Did you mean 'boston_mlp'\?$"),
        (["digits_cnn", "digits_cnn"], r"^experiments: .* lists none, or one twice\. List each once\.$"),
        ([], r"^experiments: \[\] lists none, or one twice\."),
    ],
)
def test_a_list_that_cannot_be_is_refused(experiments: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        dags.make(experiments)


HOSTILE = [
    "a|touch X",
    "a;touch X",
    "$(touch X)",
    "`touch X`",
    "${x}",
    "a b",
    "../wine_mlp",
    "team/wine",
    "a\nb",
    "-x",
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_whose_name_is_no_name_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC hands the name to a shell, and makes a folder of it; it may be the name of the data, too."""
    told = r" is no name\. Call its file by letters, digits, '_', '-' and '\.' alone\.$"
    with pytest.raises(ConfigError, match=rf"^experiments: .*{told}"):
        dags.make([name])
    other = replace(chosen(LISTED[0]), choices=dict(chosen(LISTED[0]).choices) | {"data": name})
    monkeypatch.setattr(dags.build, "compose_request", lambda root, overrides: other)
    with pytest.raises(ConfigError, match=rf"^data: .*{told}"):
        dags.make([LISTED[0]])


@pytest.mark.parametrize("word", HOSTILE)
def test_words_of_a_command_are_one_word_to_the_shell(word: str) -> None:
    command = dags.Stage("search", "wine", [f"experiment={word}"], [], []).entry()["cmd"]
    assert shlex.split(command) == ["${python}", "pipelines/search.py", f"experiment={word}"]


def test_an_unknown_experiment_is_one_line_and_no_file_is_written(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "pipelines/dag.py"), "experiments=[boston]"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: experiments: 'boston' is no file of conf/experiment/.")
    assert list(tmp_path.iterdir()) == []


def test_a_current_file_is_left_alone_and_another_replaced(
    tmp_path: Path, made: dags.Dag, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(output: Path) -> Any:
        dags.dag(compose_request("dag", [f"output={output}"]))
        return capsys.readouterr().out

    monkeypatch.setattr(dags, "make", lambda experiments: made)
    output = tmp_path / "new/dvc.yaml"
    assert write(output) == f"{output}: {len(made.stages)} stages\n"
    before = output.stat().st_mtime_ns
    assert write(output) == f"{output} is current: {len(made.stages)} stages\n"
    assert output.stat().st_mtime_ns == before
    output.write_text("stages: {}\n")
    write(output)
    assert output.read_text() == made.text()
    with pytest.raises(StorageError, match=r"^\S*dvc\.yaml: cannot be written \("):
        write(output / "dvc.yaml")
