"""The files dvc.yaml, written by hand: compared with what the commands import and with what Hydra composes."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import dvc_yaml
import pytest
import yaml

from eksplora.config import choices, compose_root
from eksplora.stage.confirm import ON_ALL_ROWS
from eksplora.stage.spec import TO_THE_END
from eksplora.untrusted import is_name

ROOT = Path(__file__).resolve().parents[1]
CONF, SOURCES = ROOT / "conf", ROOT / "src"
STAGES = dvc_yaml.stages(ROOT / "dvc.yaml")
AUDITS = dvc_yaml.stages(ROOT / "pipelines/dvc.yaml")
VARS = dvc_yaml.read(ROOT / "dvc.yaml")["vars"]
COMMANDS = ("prepare", "search", "confirm", "evaluate", "explain", "report")
EXPERIMENT = next(iter(VARS["experiments"]))

LEFT_OUT = ("paths", "tracker")
"""Groups that the resolved configuration, `config.yaml`, leaves out."""

BESIDES = {
    "confirm": {*TO_THE_END, *(word.partition("=")[0] for word in ON_ALL_ROWS)},
    "evaluate": {"objective", "metric", "baseline"},
    "explain": {*TO_THE_END},
}
"""Groups of which a stage composes other files than the experiment's: its code says so."""


def dependencies(command: str) -> list[str]:
    """Those of a command's stages that are files of the project; equal for all of its stages."""
    (found,) = {
        tuple(path for path in entry["deps"] if not path.startswith(("data/", "results/")))
        for name, entry in {**STAGES, **AUDITS}.items()
        if name.partition("@")[0] == command
    }
    return list(found)


# --- names -------------------------------------------------------------------------------------------------------


def test_every_experiment_has_its_stages_and_every_data_set_is_prepared_once() -> None:
    per_experiment = [f"{command}@{name}" for command in COMMANDS[1:] for name in VARS["experiments"]]
    assert [*STAGES] == [*(f"prepare@{name}" for name in VARS["data_sets"]), *per_experiment]
    assert sorted(VARS["data_sets"]) == sorted({*VARS["experiments"].values()})
    assert [*AUDITS] == [f"audit@{name}" for name in VARS["experiments"]]


def test_an_experiment_is_a_file_of_its_group_and_has_the_data_set_that_the_file_chooses() -> None:
    """Names become words of a shell and folders: a file called `a|touch X.yaml` is no choice."""
    assert VARS["experiments"].keys() <= {*choices("experiment")}
    assert all(map(is_name, [*VARS["experiments"], *VARS["data_sets"]]))
    chosen = {name: groups("search", f"experiment={name}")["data"] for name in VARS["experiments"]}
    assert VARS["experiments"] == chosen


def test_a_stage_is_one_command_and_reads_what_stages_before_it_hand_on() -> None:
    handed_on: set[str] = set()
    for name, entry in {**STAGES, **AUDITS}.items():
        command, _, subject = name.partition("@")
        assert re.fullmatch(rf"\S+ pipelines/{command}\.py \w+={subject}( [\w.]+=[\w./]+)*", entry["cmd"])
        for path in entry["deps"]:
            assert path in handed_on or (ROOT / path).exists(), f"{name}: {path}"
        assert not handed_on & {*entry["outs"]}, "an out of two stages"
        handed_on |= {*entry["outs"]}


def test_what_dvc_shows_is_handed_on_by_a_stage() -> None:
    content = dvc_yaml.read(ROOT / "dvc.yaml")
    plotted = [file for plot in content["plots"] for settings in plot.values() for file in settings["y"]]
    outs = [path for entry in STAGES.values() for path in entry["outs"]]
    for file in [*content["params"], *content["metrics"], *plotted]:
        assert dvc_yaml.is_covered(file, outs), file


# --- configuration -----------------------------------------------------------------------------------------------


@cache
def groups(root: str, *overrides: str) -> dict[str, str]:
    """The groups of a composition, each with the file that Hydra says was chosen."""
    found = compose_root(root, overrides, with_hydra=True).hydra.runtime.choices
    return {group.partition("@")[0]: name for group, name in found.items() if (CONF / group.partition("@")[0]).is_dir()}


def included(root: str) -> Iterator[str]:
    """A root configuration and those that its defaults list names."""
    yield f"conf/{root}.yaml"
    for entry in yaml.safe_load((CONF / f"{root}.yaml").read_text()).get("defaults", []):
        if isinstance(entry, str) and (CONF / f"{entry}.yaml").is_file():
            yield from included(entry)


def test_prepare_search_and_audit_depend_on_all_that_they_compose() -> None:
    for command, subject, names in (
        ("prepare", "data", choices("data")),
        ("search", "experiment", choices("experiment")),
        ("audit", "experiment", choices("experiment")),
    ):
        composed = {group for name in names for group in groups(command, f"{subject}={name}")}
        wanted = {*included(command), *(f"conf/{group}" for group in composed)}
        assert {path for path in dependencies(command) if path.startswith("conf/")} == wanted


@pytest.mark.parametrize("command", COMMANDS[2:])
def test_a_later_stage_depends_on_the_resolved_configuration_and_on_what_it_composes_besides(command: str) -> None:
    searched, own = groups("search", f"experiment={EXPERIMENT}"), groups(command, f"experiment={EXPERIMENT}")
    other = {group for group in own if own[group] != searched.get(group)} | BESIDES.get(command, set()) | {*LEFT_OUT}
    wanted = {*included(command)} - {*included("search")} | {f"conf/{group}" for group in other}
    assert {path for path in dependencies(command) if path.startswith("conf/")} == wanted
    assert f"results/{EXPERIMENT}/config.yaml" in STAGES[f"{command}@{EXPERIMENT}"]["deps"]


# --- sources -----------------------------------------------------------------------------------------------------


def closure(files: Iterable[Path]) -> set[Path]:
    """Python files and all that they import, or name in a string, directly or not; with the packages around."""
    found, waiting = set[Path](), [*files]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += [module for name in named(file) for module in modules(name)]
    return found


@cache
def named(file: Path) -> set[str]:
    """The dotted names of ours that a file imports or has as a string: workers get their functions so."""
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


def parts_named(command: str) -> Iterator[Path]:
    """The source files of the parts that the configuration of a command can name."""
    folders = dependencies(command if command == "prepare" else "search")
    for file in CONF.glob("*/*.yaml"):
        if dvc_yaml.is_covered(file.relative_to(ROOT).as_posix(), folders):
            yield from modules(str((yaml.safe_load(file.read_text()) or {}).get("_target_", "")))


@pytest.mark.parametrize("command", [*COMMANDS, "audit"])
def test_a_stage_depends_on_the_rooms_that_its_command_can_reach_and_on_no_other(command: str) -> None:
    begun = [ROOT / f"pipelines/{command}.py", SOURCES / f"eksplora/stage/{command}.py"]  # found by its name
    files = closure([*begun, *parts_named(command)])
    reached = {path.relative_to(ROOT).as_posix() for path in files}
    listed = [path for path in dependencies(command) if not path.startswith("conf/")]
    missing = sorted({room(path) for path in reached if not dvc_yaml.is_covered(path, listed)})
    needless = sorted(path for path in listed if not any(dvc_yaml.is_covered(file, [path]) for file in reached))
    assert not missing and not needless, f"{command} in dvc.yaml: add {missing}, remove {needless}"


def room(path: str) -> str:
    """`src/eksplora/<room>`, or a module that is in none."""
    return "/".join(path.split("/")[:3])


def test_imports_inside_functions_and_names_in_strings_are_followed() -> None:
    reached = {path.relative_to(ROOT).as_posix() for path in closure([SOURCES / "eksplora/stage/search.py"])}
    assert "src/eksplora/training/population.py" in reached, "the worker's function is named by a string"
    assert not [path for path in reached if path.startswith("src/eksplora/report/")]


def test_no_source_imports_relatively() -> None:
    """Only absolute names are followed."""
    for file in SOURCES.rglob("*.py"):
        assert not re.search(r"^\s*from\s+\.", file.read_text(), re.MULTILINE), file
