"""The rules of the house, read from the files: who imports whom, and that YAML and code are two views of one list.

Each rule is a function from the project's folder to a list of offences. It is tested twice: on the project, where the
list is empty, and on a small project that offends.
"""

import ast
import graphlib
import importlib
import inspect
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]

RANKS = (
    {"installation", "declares"},
    {"errors", "types", "counter", "draw", "entrance", "ranks"},
    {"untrusted", "files", "ranges"},
    {"records", "splitting"},
    {
        "drawing",
        "model",
        "initialization",
        "loss",
        "metric",
        "optimizer",
        "scheduler",
        "augmentation",
        "imbalance",
        "images",
        "table",
        "statistics",
        "provenance",
        "events",
        "protocol",
    },
    {"data", "training", "search", "launch", "tracker", "evaluation", "explain", "report", "console"},
    {"config"},
    {"inference"},
    {"work", "build"},
    {"study"},
    {"confirmation", "assessment", "explanation", "exploration", "reproduction", "baselines"},
    {"audit"},
    {"stage"},
    {"cli", "interface"},
    {"pipelines"},
)
RANK = {part: rank for rank, parts in enumerate(RANKS) for part in parts}
OWNERS = {
    "optuna": {"search"},
    "mlflow": {"tracker"},
    "hydra": {"config", "cli", "pipelines"},
    "omegaconf": {"config", "cli", "pipelines"},
    "pytorch_lightning": {"data", "training", "work"},
    "lightning": set[str](),  # pytorch_lightning is the one that is installed
    "ray": {"launch"},
}
NOT_SHIPPED = {"benchmarks", "tests", "tools"}
MOST_FILES = 25
LARGEST_SHARE = 0.15
MOST_BODY_LINES = 40
FORBIDDEN_STEMS = re.compile(r"_*(\w+_)?(utils?|helpers?|common|misc)")
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:home|root|work|Users)/\w+")


def sources(root: Path) -> Iterator[tuple[str, Path]]:
    """Each Python file with its part; the package's own __init__ is the part ''."""
    package = root / "src/eksplora"
    for file in sorted(package.rglob("*.py")):
        part = file.relative_to(package).parts[0].removesuffix(".py")
        yield ("" if part == "__init__" else part), file
    for file in sorted((root / "pipelines").glob("*.py")):
        yield "pipelines", file


def imports(file: Path, package: Path) -> Iterator[str]:
    """Dotted names that a file imports, at its head or inside functions; `from a import b` gives `a.b`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = file.relative_to(package.parent).parts[: -node.level] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def wrong_imports(root: Path) -> list[str]:
    found = []
    for part, file in sources(root):
        if part and part not in RANK:
            found.append(f"{part} has no rank")
        for name in imports(file, root / "src/eksplora"):
            top, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if top in NOT_SHIPPED:
                found.append(f"{file.name} imports {top}, which is not installed")
            if top in OWNERS and part not in OWNERS[top]:
                found.append(f"{file.name} imports {top}")
            if top == "eksplora" and other in RANK and part != other and RANK[other] >= RANK.get(part, 0):
                found.append(f"{file.name} ({part}) imports {other}")
    return found


def instantiators(root: Path) -> list[str]:
    """Files other than those of `config` that name `instantiate`."""
    found = []
    for part, file in sources(root):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = {getattr(node, "attr", None), getattr(node, "id", None)}
            names |= {alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)}
            if part != "config" and "instantiate" in names:
                found.append(file.name)
    return found


def group_files(root: Path) -> Iterator[tuple[str, Path]]:
    """The files of config groups, each with its group."""
    for file in sorted(root.glob("conf/*/*.yaml")):
        yield file.parent.name, file


def is_delta(file: Path) -> bool:
    """Whether a file only sets keys that are explained where they belong: experiments, and what varies them."""
    return file.parent.name in ("space", "exploration") or file.read_text(encoding="utf-8").startswith(
        "# @package _global_"
    )


def read(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8")) or {}


def wrong_targets(root: Path) -> list[str]:
    """`_target_` names the part that the file is called after, or a third party with its documentation in line 1."""
    found = []
    for group, file in group_files(root):
        target, first_line = read(file).get("_target_"), file.read_text(encoding="utf-8").partition("\n")[0]
        if target is None:
            continue
        if target.startswith("eksplora."):
            if not re.match(rf"eksplora\.(\w+\.)?{group}\.{file.stem}(\.|$)", target):
                found.append(f"{group}/{file.name}: {target}")
        elif not first_line.startswith("# "):
            found.append(f"{group}/{file.name}: line 1 does not say where {target} is documented")
    return found


def wrong_keys(root: Path) -> list[str]:
    """Targets that cannot be imported, and keys that are no parameters of theirs."""
    found = []
    for group, file in group_files(root):
        settings = read(file)
        if not settings.get("_target_"):  # null where a group's file builds nothing
            continue
        try:
            parameters = inspect.signature(locate(settings["_target_"])).parameters
        except (ImportError, AttributeError) as error:
            found.append(f"{group}/{file.name}: {error}")
            continue
        takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        own = {key for key in settings if key not in {"_target_", "_partial_", "_convert_", "_recursive_", "defaults"}}
        found += [f"{group}/{file.name}: {key}" for key in sorted(own - set(parameters)) if not takes_any]
    return found


def locate(target: str) -> Any:
    """The object of a dotted name: its longest importable head, then attributes."""
    head, attributes = target, list[str]()
    while True:
        try:
            found: Any = importlib.import_module(head)
            break
        except ModuleNotFoundError as error:
            if "." not in head or (error.name or "") not in (head, head.rpartition(".")[0]):
                raise
            head, _, last = head.rpartition(".")
            attributes.insert(0, last)
    for name in attributes:
        found = getattr(found, name)
    return found


def nested_values(root: Path) -> list[str]:
    """Keys of group files whose value is neither a scalar nor a list of scalars, nor open for a user's own names."""

    def is_flat(value: Any) -> bool:
        return (
            value == {}
            or not isinstance(value, dict | list)
            or (isinstance(value, list) and not any(isinstance(item, dict | list) for item in value))
        )

    flat_files = [(group, file) for group, file in group_files(root) if not is_delta(file)]
    return [
        f"{group}/{file.name}: {key}"
        for group, file in flat_files
        for key, value in read(file).items()
        if key != "defaults" and not is_flat(value)
    ]


def keys_of_one_choice(root: Path) -> list[str]:
    """Values that an experiment gives to a part by itself: they would stay when another file of the group is chosen."""
    parts = {group for group, file in group_files(root) if "_target_" in read(file)} - {"trainer"}
    found = []
    for file in sorted(root.glob("conf/experiment/*.yaml")):
        found += [f"{file.name}: {key}" for key in read(file) if key in parts]
    return found


def unexplained_keys(root: Path) -> list[str]:
    """Keys of group files, deltas excepted, without a comment beside or right above."""
    found = []
    for group, file in group_files(root):
        lines = file.read_text(encoding="utf-8").splitlines()
        if is_delta(file):
            continue
        for above, line in zip(["", *lines], lines, strict=False):
            key = re.match(r"([A-Za-z]\w*):", line)
            if key and key[1] != "defaults" and not above.lstrip().startswith("#") and " #" not in line:
                found.append(f"{group}/{file.name}: {key[1]}")
    return found


def needless_names(root: Path) -> list[str]:
    """Public modules in the room of a config group that nobody needs.

    No file of the group is named after them, no other room uses them, and the page of the API does not offer them.
    """
    found = []
    used = {name for part, file in sources(root) for name in _other_rooms(part, file, root)} | offered(root)
    for folder in sorted(
        {file.parent for _, file in group_files(root) if "_target_" in read(file) or not is_delta(file)}
    ):
        package = root / "src/eksplora"
        rooms = [package / folder.name, *package.glob(f"*/{folder.name}")]
        files = {file.stem: file for room in rooms for file in room.glob("*.py") if not file.stem.startswith("_")}
        for stem in sorted(set(files) - {file.stem for file in folder.glob("*.yaml")}):
            dotted = ".".join(files[stem].relative_to(package.parent).with_suffix("").parts)
            if not any(name == dotted or name.startswith(f"{dotted}.") for name in used):
                found.append(f"{folder.name}/{stem}")
    return found


def offered(root: Path) -> set[str]:
    """What the page of the API offers to a user's own code."""
    page = root / "docs/reference/api.md"
    return set(re.findall(r"^::: ([\w.]+)$", page.read_text(), re.MULTILINE)) if page.is_file() else set()


def _other_rooms(part: str, file: Path, root: Path) -> list[str]:
    """What a file imports of other rooms of the package."""
    names = [name for name in imports(file, root / "src/eksplora") if name.startswith("eksplora.")]
    return [name for name in names if name.split(".")[1] != part]


def private_imports(root: Path) -> list[str]:
    """Imports of another room's underscored modules or names."""
    return [
        f"{file.relative_to(root).as_posix()} imports {name}"
        for part, file in sources(root)
        for name in _other_rooms(part, file, root)
        if any(word.startswith("_") and not word.startswith("__") for word in name.split(".")[2:])
    ]


def requests_below(root: Path) -> list[str]:
    """Files between `config` and the stages that name a request: they take plain values."""
    above, request = {"config", "stage", "cli", "interface", "pipelines"}, re.compile(r"eksplora\..*\.Request")
    below = [file for part, file in sources(root) if part not in above]
    package = root / "src/eksplora"
    return [file.relative_to(root).as_posix() for file in below if any(map(request.fullmatch, imports(file, package)))]


def large_rooms(root: Path) -> list[str]:
    """Rooms of more than 25 files, or of more than 15% of the package's lines."""
    lines: dict[str, list[int]] = {}
    for part, file in sources(root):
        if part != "pipelines":
            lines.setdefault(part, []).append(len(file.read_text(encoding="utf-8").splitlines()))
    total = sum(map(sum, lines.values()))
    found = [f"{part} has {len(counts)} files" for part, counts in lines.items() if len(counts) > MOST_FILES]
    shares = {part: sum(counts) / max(total, 1) for part, counts in lines.items()}
    return found + [f"{part} is {share:.0%} of the lines" for part, share in shares.items() if share > LARGEST_SHARE]


def long_functions(root: Path) -> list[str]:
    """Functions whose body, without its docstring, has more than 40 lines."""
    found = []
    for _, file in sources(root):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            body = node.body[ast.get_docstring(node) is not None :]
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > MOST_BODY_LINES:
                found.append(f"{file.name}: {node.name} has {lines} lines")
    return found


def circular_imports(root: Path) -> list[str]:
    """Files that import each other, at their heads or inside functions: ranks keep rooms apart, this files."""
    package = root / "src/eksplora"
    files = [file for part, file in sources(root) if part != "pipelines"]
    names = {file: ".".join(file.relative_to(package.parent).with_suffix("").parts) for file in files}
    names = {file: name.removesuffix(".__init__") for file, name in names.items()}
    known = set(names.values())
    graph = {
        own: {name if name in known else name.rpartition(".")[0] for name in imports(file, package)} & known - {own}
        for file, own in names.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [" imports ".join(reversed(error.args[1]))]
    return []


TRIAL = ("status", "value", "message", "results", "spooled", "reports", "pruned_at", "deaths")


def changers_of_trials(root: Path) -> list[str]:
    """Files of `study` that set a field of a trial: the ledger alone does."""
    found = []
    for part, file in sources(root):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            each = [one for target in targets if target for one in ast.walk(target) if isinstance(one, ast.Attribute)]
            is_set = any(one.attr in TRIAL and re.search(r"\btrials?\b", ast.unparse(one.value)) for one in each)
            if isinstance(node, ast.Assign | ast.AugAssign) and is_set and (part, file.name) != ("study", "ledger.py"):
                found += [f"{file.name}:{node.lineno}"] if part == "study" else []
    return found


def incomplete_commands(root: Path) -> list[str]:
    """Names that are not at once a root configuration, a pipeline and a public stage."""
    places = {"conf": "*.yaml", "pipelines": "*.py", "src/eksplora/stage": "*.py"}
    names = {place: {file.stem for file in (root / place).glob(glob)} for place, glob in places.items()}
    public = {stem for stems in names.values() for stem in stems if not stem.startswith("_")} - {"spec"}
    return sorted(f"{place} lacks {stem}" for place, stems in names.items() for stem in public - stems)


PIPELINE = """\
\"\"\"{purpose}\"\"\"

from eksplora.cli.main import main

if __name__ == "__main__":
    main("{name}")
"""


def thick_pipelines(root: Path) -> list[str]:
    """Pipelines that do more than hand on their name, or that say another thing than the first line of their stage."""
    found = []
    for file in sorted((root / "pipelines").glob("*.py")):
        stage = root / "src/eksplora/stage" / file.name
        said = (ast.get_docstring(ast.parse(stage.read_bytes())) if stage.is_file() else None) or ""
        if file.read_text(encoding="utf-8") != PIPELINE.format(purpose=said.partition("\n")[0], name=file.stem):
            found.append(file.name)
    return found


def drawers(root: Path) -> list[str]:
    """Files and folders with names that say nothing: utils, helpers, common, misc."""
    return [
        path for path in project_files(root) if any(FORBIDDEN_STEMS.fullmatch(Path(p).stem) for p in Path(path).parts)
    ]


def machine_paths(root: Path) -> list[str]:
    """Text files that mention a folder of the machine they were written on."""
    found = []
    for name in project_files(root):
        content = (root / name).read_bytes() if (root / name).is_file() else b""
        if b"\0" not in content and (match := MACHINE_PATH.search(content.decode(errors="replace"))):
            found.append(f"{name}: {match[0]}")
    return found


def project_files(root: Path) -> list[str]:
    """Files that git tracks or would track; in a folder without a repository (a ZIP), or another user's, too."""
    words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(["git", "-c", "safe.directory=*", *words], cwd=root, capture_output=True, text=True)
    if done.returncode:
        with tempfile.TemporaryDirectory() as empty:
            subprocess.run(["git", "init", "--quiet", "--bare", empty], check=True)
            command = ["git", f"--git-dir={empty}", f"--work-tree={root}", *words]
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name]


PRETENDING = (
    "launched_work.py",
    "pretended_work.py",
    "test_dvc.py",
)  # work that takes time
PATIENT_SECONDS = 600


def patience(node: ast.AST) -> list[object]:
    """How many seconds a call waits at most: its `timeout`, or more than one that is given to `wait` and `join`."""
    if not isinstance(node, ast.Call):
        return []
    named = [getattr(keyword.value, "value", None) for keyword in node.keywords if keyword.arg == "timeout"]
    waits = ast.unparse(node.func).rpartition(".")[2] in ("wait", "join")
    placed = [getattr(value, "value", None) for value in node.args] if waits else []
    return [*named, *(value for value in placed if isinstance(value, int | float) and value > 1)]


def impatient_tests(root: Path) -> list[str]:
    """Tests that sleep, look at a clock until something is so, or give up early: a busy machine lets them fail.

    `tests/waiting.py` waits for them.
    """
    found = []
    for file in sorted(path for path in root.glob("tests/**/*.py") if path.name != "waiting.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.While) and "time" in {getattr(n, "id", "") for n in ast.walk(node.test)}:
                found.append(f"{file.name}:{node.lineno} polls")
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep"):
                found += [f"{file.name}:{node.lineno} sleeps"] if file.name not in PRETENDING else []
            for value in patience(node):
                if isinstance(value, int | float) and value < PATIENT_SECONDS:
                    found.append(f"{file.name}:{node.lineno} gives up after {value} s")
    return found


def readers_of_processes(root: Path) -> list[str]:
    """Tests that read of other processes by themselves: one that ends between two looks lets them fail.

    `tests/processes.py` looks at them.
    """
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(root.glob("tests/**/*.py"))}
    reads = re.compile(r'/proc/\{|/proc"\)\.glob')
    return [
        file.name
        for file, text in texts.items()
        if reads.search(text) and file.name not in ("processes.py", Path(__file__).name)
    ]


ROUNDABOUT = re.compile(
    r'\s*r?"""(What|How|Where|Why|Which|When|Who|If|That|It|They|So|As|At|By|For|From|In|Of|Only|Under|With)\b'
)


def roundabout_docstrings(root: Path) -> list[str]:
    """Docstrings, of values too, that begin with "What", "How" or "Of": a noun or a verb says it at once.

    "Whether" is the field's word for what is true or false.
    """
    return [
        f"{file.name}:{number} begins with {match[1]}"
        for _, file in sources(root)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (match := ROUNDABOUT.match(line))
    ]


def untyped_records(root: Path) -> list[str]:
    """Classes of records/ and kinds of events that are no dataclasses, and what records hand on without a type."""
    found = []
    for file in sorted([*(root / "src/eksplora/records").glob("*.py"), root / "src/eksplora/events/event.py"]):
        if not file.is_file():
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            if fields and not any("dataclass" in ast.unparse(one) for one in node.decorator_list):
                found.append(f"{file.name}: {node.name} is no dataclass")
            for one in fields:
                if file.parent.name == "records" and re.search(r"\bAny\b", ast.unparse(one.annotation)):
                    found.append(f"{file.name}: {node.name}.{ast.unparse(one.target)} is {ast.unparse(one.annotation)}")
    return found


def words_of_two_meanings(root: Path) -> list[str]:
    """Public classes of one name in several places: a reader of one file would take one for the other."""
    places: dict[str, list[str]] = {}
    for part, file in sources(root):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(f"{part}/{file.name}")
    return [f"{name} is in {', '.join(found)}" for name, found in sorted(places.items()) if len(found) > 1]


COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def module_names(tree: ast.Module) -> set[str]:
    """Names that a module binds: imports, functions, classes, values."""
    found = {getattr(node, "name", "") for node in tree.body}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return found


def names_bound_in(comprehension: ast.AST) -> set[str]:
    """The variables of a comprehension."""
    targets = [generator.target for generator in getattr(comprehension, "generators", ())]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def shadowing_comprehensions(root: Path) -> list[str]:
    """Comprehensions whose variable is a name of the module that the same function reads.

    Python 3.12.1 takes that name for an unassigned local one.
    """
    found = []
    for file in sorted(
        path for folder in ("src", "benchmarks", "tests", "tools") for path in root.glob(f"{folder}/**/*.py")
    ):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = module_names(tree)
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            bound = {one: names_bound_in(one) & names for one in ast.walk(function) if isinstance(one, COMPREHENSIONS)}
            own = {
                id(name)
                for one, variables in bound.items()
                for name in ast.walk(one)
                if getattr(name, "id", "") in variables
            }
            read = {name.id for name in ast.walk(function) if isinstance(name, ast.Name) and id(name) not in own}
            found += [
                f"{file.name}:{one.lineno} {name}"
                for one, variables in bound.items()
                for name in sorted(variables & read)
            ]
    return found


RULES = [
    wrong_imports,
    instantiators,
    wrong_targets,
    nested_values,
    keys_of_one_choice,
    unexplained_keys,
    needless_names,
    private_imports,
    requests_below,
    large_rooms,
    long_functions,
    circular_imports,
    changers_of_trials,
    incomplete_commands,
    thick_pipelines,
    drawers,
    machine_paths,
    impatient_tests,
    readers_of_processes,
    roundabout_docstrings,
    untyped_records,
    words_of_two_meanings,
    shadowing_comprehensions,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule: Any) -> None:
    assert rule(ROOT) == []


def test_the_rules_have_something_to_read() -> None:
    assert len(list(sources(ROOT))) > 10
    assert len(list(group_files(ROOT))) > 10
    assert "pyproject.toml" in project_files(ROOT)


def test_targets_exist_and_keys_are_their_parameters() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what third parties warn of when imported is not asked here
        assert wrong_keys(ROOT) == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for folder in ("model", "search", "stage", "study", "config"):
        (tmp_path / "src/eksplora" / folder).mkdir(parents=True)
    for folder in ("conf/model", "pipelines"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "offence"),
    [
        ("src/eksplora/model/cnn.py", "import eksplora.data", "cnn.py (model) imports data"),
        ("src/eksplora/model/cnn.py", "from eksplora import loss", "cnn.py (model) imports loss"),
        ("src/eksplora/model/cnn.py", "from ..build import part", "cnn.py (model) imports build"),
        ("src/eksplora/model/cnn.py", "from .. import loss", "cnn.py (model) imports loss"),
        ("src/eksplora/__init__.py", "from eksplora.config import part", "__init__.py () imports config"),
        (
            "src/eksplora/search/space.py",
            "def f():\n    from eksplora.tracker import off",
            "space.py (search) imports tracker",
        ),
        ("src/eksplora/stage/train.py", "import optuna.samplers", "train.py imports optuna"),
        ("src/eksplora/search/space.py", "from omegaconf import DictConfig", "space.py imports omegaconf"),
        ("src/eksplora/search/space.py", "import pytorch_lightning as pl", "space.py imports pytorch_lightning"),
        ("src/eksplora/extra.py", "", "extra has no rank"),
        ("pipelines/train.py", "import mlflow", "train.py imports mlflow"),
        ("pipelines/train.py", "from benchmarks import speed", "train.py imports benchmarks, which is not installed"),
    ],
)
def test_wrong_imports_are_found(project: Path, file: str, text: str, offence: str) -> None:
    (project / file).write_text(text)
    assert wrong_imports(project) == [offence]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "src/eksplora/model/cnn.py",
            "from eksplora.errors import ConfigError\nfrom eksplora.model._layers import Dense",
        ),
        ("src/eksplora/model/cnn.py", "from . import _layers\nfrom ._layers import Dense\nfrom ..types import Batch"),
        ("src/eksplora/search/space.py", "import optuna\nfrom eksplora import counter"),
        ("pipelines/train.py", "import hydra\nfrom eksplora.stage.train import train"),
    ],
)
def test_imports_that_point_down_are_allowed(project: Path, file: str, text: str) -> None:
    (project / file).write_text(text)
    assert wrong_imports(project) == []


@pytest.mark.parametrize(
    "text", ["from hydra.utils import instantiate as make", "import hydra\nx = hydra.utils.instantiate({})"]
)
def test_instantiate_outside_config_is_found(project: Path, text: str) -> None:
    (project / "src/eksplora/config/parts.py").write_text("from hydra.utils import instantiate\ninstantiate({})")
    assert instantiators(project) == []
    (project / "src/eksplora/search/space.py").write_text(text)
    assert set(instantiators(project)) == {"space.py"}


@pytest.mark.parametrize(
    ("target", "is_right"),
    [
        ("eksplora.model.cnn", True),
        ("eksplora.model.cnn.CNN", True),
        ("eksplora.search.model.cnn", True),
        ("eksplora.model.cnn2.CNN", False),
        ("eksplora.model.mlp.MLP", False),
        ("eksplora.cnn.CNN", False),
        ("eksplora.a.b.model.cnn", False),
        ("torch.nn.Linear", False),
    ],
)
def test_a_target_that_is_not_called_after_its_file_is_found(project: Path, target: str, is_right: bool) -> None:
    (project / "conf/model/cnn.yaml").write_text(f"_target_: {target}\n")
    assert (wrong_targets(project) == []) is is_right


def test_a_third_party_target_needs_its_documentation_in_line_1(project: Path) -> None:
    (project / "conf/model/cnn.yaml").write_text("# https://example.org/linear\n_target_: torch.nn.Linear\n")
    assert wrong_targets(project) == []


def test_keys_that_the_target_does_not_take_are_found(project: Path) -> None:
    file = project / "conf/model/cnn.yaml"
    file.write_text("_target_: fractions.Fraction\n_partial_: true\nnumerator: 1\n")
    assert wrong_keys(project) == []
    file.write_text("_target_: fractions.Fraction\nnumerater: 1\n")
    assert wrong_keys(project) == ["model/cnn.yaml: numerater"]


@pytest.mark.parametrize("target", ["no_such_package.Thing", "fractions.Fractoin", "fractions.no.Fraction"])
def test_targets_that_cannot_be_imported_are_found(project: Path, target: str) -> None:
    (project / "conf/model/cnn.yaml").write_text(f"_target_: {target}\n")
    assert len(wrong_keys(project)) == 1


def test_nested_values_are_found_outside_deltas(project: Path) -> None:
    file = project / "conf/model/cnn.yaml"
    file.write_text("defaults: [{a: b}]\nwidths: [1, 2]\nkernel: 3\nempty: null\n")
    assert nested_values(project) == []
    file.write_text("blocks: [{kernel: 3}]\nshape: {height: 1}\nwidths: [[1], [2]]\n")
    assert nested_values(project) == [f"model/cnn.yaml: {key}" for key in ("blocks", "shape", "widths")]
    file.write_text("# @package _global_\nmodel: {widths: [1]}\n")
    assert nested_values(project) == []


def test_values_that_an_experiment_gives_to_one_choice_are_found(project: Path) -> None:
    (project / "conf/experiment").mkdir()
    (project / "conf/model/cnn.yaml").write_text("_target_: x\nkernel: 3\n")
    file = project / "conf/experiment/digits.yaml"
    file.write_text("# @package _global_\ndefaults: [override /model: cnn]\nstudy: {seed: 1}\n")
    assert keys_of_one_choice(project) == []
    file.write_text("# @package _global_\nmodel: {kernel: 4}\n")
    assert keys_of_one_choice(project) == ["digits.yaml: model"]


def test_keys_without_a_comment_are_found(project: Path) -> None:
    file = project / "conf/model/cnn.yaml"
    file.write_text("_target_: x\ndefaults:\n  - a\nkernel: 3 # pixels\n# rows\nrows: 1\n")
    assert unexplained_keys(project) == []
    file.write_text("kernel: 3\n\n# rows\n\nrows: 1\nurl: http://a/#b\n")
    assert unexplained_keys(project) == [f"model/cnn.yaml: {key}" for key in ("kernel", "rows", "url")]


def test_public_modules_without_a_yaml_or_a_user_are_found(project: Path) -> None:
    for module in ("model/cnn.py", "model/_layers.py", "model/__init__.py", "search/space.py"):
        (project / "src/eksplora" / module).touch()
    (project / "conf/model/mlp.yaml").touch()
    assert needless_names(project) == ["model/cnn"]
    (project / "conf/model/cnn.yaml").touch()
    assert needless_names(project) == []
    (project / "src/eksplora/model/layers.py").touch()
    assert needless_names(project) == ["model/layers"]
    (project / "src/eksplora/search/space.py").write_text("from eksplora.model.layers import Dense")
    assert needless_names(project) == []
    (project / "src/eksplora/model/base.py").touch()
    assert needless_names(project) == ["model/base"]
    (project / "docs/reference").mkdir(parents=True)
    (project / "docs/reference/api.md").write_text("::: eksplora.model.base.Base\n")
    assert needless_names(project) == []


@pytest.mark.parametrize(
    "text",
    [
        "from eksplora.model._layers import Dense",
        "from eksplora.model import _layers",
        "def f():\n    from ..model.cnn import _width",
    ],
)
def test_imports_of_another_rooms_private_names_are_found(project: Path, text: str) -> None:
    (project / "src/eksplora/model/cnn.py").write_text("from eksplora.model._layers import _dense")
    assert private_imports(project) == []
    (project / "src/eksplora/search/space.py").write_text(text)
    assert [line.partition(" imports ")[0] for line in private_imports(project)] == ["src/eksplora/search/space.py"]


def test_requests_below_the_stages_are_found(project: Path) -> None:
    text = "from eksplora.config import Request"
    for room in ("stage", "config"):
        (project / f"src/eksplora/{room}/search.py").write_text(text)
    assert requests_below(project) == []
    (project / "src/eksplora/study/run.py").write_text(f"def f():\n    {text}")
    assert requests_below(project) == ["src/eksplora/study/run.py"]


def test_rooms_that_have_grown_too_large_are_found(project: Path) -> None:
    for number in range(MOST_FILES):
        (project / f"src/eksplora/model/part_{number}.py").write_text("x = 1\n")
        (project / f"src/eksplora/room_{number}.py").write_text("x = 1\n" * 10)
    assert large_rooms(project) == []
    (project / "src/eksplora/model/one_more.py").touch()
    (project / "src/eksplora/search/space.py").write_text("x = 1\n" * 60)
    assert large_rooms(project) == ["model has 26 files", "search is 18% of the lines"]


def test_functions_that_have_grown_too_long_are_found(project: Path) -> None:
    lines = '    """Two\n    lines."""\n' + "    x = 1\n" * MOST_BODY_LINES
    file = project / "src/eksplora/model/cnn.py"
    file.write_text(f"def f():\n{lines}")
    assert long_functions(project) == []
    file.write_text(f"class A:\n    x = 1\n\ndef f():\n{lines}    y = 1\n")
    assert long_functions(project) == ["cnn.py: f has 41 lines"]


@pytest.mark.parametrize("text", ["from eksplora.model import cnn", "def f():\n    from eksplora.model.cnn import CNN"])
def test_files_that_import_each_other_are_found(project: Path, text: str) -> None:
    (project / "src/eksplora/model/cnn.py").write_text("from eksplora.model._layers import Dense\n")
    (project / "src/eksplora/model/_layers.py").write_text("from torch import nn\n")
    assert circular_imports(project) == []
    (project / "src/eksplora/model/_layers.py").write_text(text)
    (offence,) = circular_imports(project)
    assert {"eksplora.model.cnn", "eksplora.model._layers"} == set(offence.split(" imports "))


@pytest.mark.parametrize(
    "text",
    ["trial.status = 1", "trials[0].results[1] = 2", "self.ledger.trials[0].deaths += 1", "a.trial.value, b = 1, 2"],
)
def test_files_that_change_a_trial_beside_the_ledger_are_found(project: Path, text: str) -> None:
    (project / "src/eksplora/study/ledger.py").write_text(text)
    (project / "src/eksplora/study/driver.py").write_text("status = trial.status\nself.status = 1\n")
    assert changers_of_trials(project) == []
    (project / "src/eksplora/study/driver.py").write_text(text)
    assert changers_of_trials(project) == ["driver.py:1"]


def test_commands_that_lack_a_place_are_found(project: Path) -> None:
    (project / "conf/search.yaml").touch()
    (project / "src/eksplora/study/driver.py").touch()
    (project / "src/eksplora/stage/search.py").touch()
    assert incomplete_commands(project) == ["pipelines lacks search"]
    (project / "pipelines/search.py").touch()
    assert incomplete_commands(project) == []


@pytest.mark.parametrize("other", [('("search")', "()"), ("A search.", "A walk."), ("import main", "import main, x")])
def test_pipelines_that_do_more_than_hand_on_their_name_are_found(project: Path, other: tuple[str, str]) -> None:
    (project / "src/eksplora/stage/search.py").write_text('"""A search.\n\nMore of it.\n"""\n')
    file, text = project / "pipelines/search.py", PIPELINE.format(purpose="A search.", name="search")
    file.write_text(text)
    assert thick_pipelines(project) == []
    file.write_text(text.replace(*other))
    assert thick_pipelines(project) == ["search.py"]


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("class A(Record):\n    x: int", "mine.py: A is no dataclass"),
        ("@dataclass(frozen=True)\nclass A(Record):\n    x: dict[str, Any]", "mine.py: A.x is dict[str, Any]"),
        ("@dataclass\nclass A:\n    x: list[Mapping[str, Any]]", "mine.py: A.x is list[Mapping[str, Any]]"),
    ],
)
def test_records_without_types_are_found(project: Path, text: str, offence: str) -> None:
    (project / "src/eksplora/records").mkdir()
    (project / "src/eksplora/records/mine.py").write_text(text)
    assert untyped_records(project) == [offence]
    (project / "src/eksplora/records/mine.py").write_text("@dataclass\nclass A:\n    x: dict[str, int]")
    assert untyped_records(project) == []


def test_kinds_of_events_that_are_no_dataclasses_are_found(project: Path) -> None:
    (project / "src/eksplora/events").mkdir()
    (project / "src/eksplora/events/event.py").write_text("@dataclass\nclass A:\n    x: dict[str, Any]")
    assert untyped_records(project) == []
    (project / "src/eksplora/events/event.py").write_text("class Stop:\n    status: Status")
    assert untyped_records(project) == ["event.py: Stop is no dataclass"]


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("import time\ntime.sleep(1)", "2 sleeps"),
        ("import time\nend = 3\nwhile time.monotonic() < end:\n    pass", "3 polls"),
        ("import subprocess\nsubprocess.run([], timeout=60)", "2 gives up after 60 s"),
        ("process.wait(60)", "1 gives up after 60 s"),
    ],
)
def test_tests_without_patience_are_found(project: Path, text: str, offence: str) -> None:
    (project / "tests").mkdir()
    (project / "tests/test_it.py").write_text(text)
    (project / "tests/waiting.py").write_text(text)
    assert impatient_tests(project) == [f"test_it.py:{offence}"]


@pytest.mark.parametrize("text", ['Path(f"/proc/{pid}/maps")', 'Path("/proc").glob("[0-9]*")'])
def test_tests_that_read_of_processes_by_themselves_are_found(project: Path, text: str) -> None:
    (project / "tests").mkdir()
    (project / "tests/test_it.py").write_text(text)
    (project / "tests/processes.py").write_text(text)
    assert readers_of_processes(project) == ["test_it.py"]


def test_class_names_that_occur_twice_are_found(project: Path) -> None:
    (project / "src/eksplora/model/cnn.py").write_text("class Block: ...\nclass _Part: ...\n")
    (project / "src/eksplora/search/space.py").write_text("class _Part: ...\nclass Space:\n    class Block: ...\n")
    assert words_of_two_meanings(project) == ["Block is in model/cnn.py, search/space.py"]


def test_comprehensions_that_shadow_a_name_which_their_function_reads_are_found(project: Path) -> None:
    text = "from hashes import sha256\n\ndef f(known):\n    a = [sha256 for sha256 in known]\n"
    (project / "src/eksplora/loss.py").write_text(text)
    assert shadowing_comprehensions(project) == []
    (project / "src/eksplora/loss.py").write_text(text + "    return [sha256(one) for one in a]\n")
    assert shadowing_comprehensions(project) == ["loss.py:4 sha256"]


@pytest.mark.parametrize("word", ["What", "How", "Where", "Which", "Of", "It"])
def test_docstrings_that_begin_with_neither_a_noun_nor_a_verb_are_found(project: Path, word: str) -> None:
    text = f'"""Losses."""\nA = 1\n"""{word} A is."""\nB = 2\n"""Whatever."""\nC = 3\n"""Whether it is."""\n'
    (project / "src/eksplora/loss.py").write_text(text)
    assert roundabout_docstrings(project) == [f"loss.py:3 begins with {word}"]


@pytest.mark.parametrize("name", ["utils.py", "_helpers.py", "data_utils.py", "common/a.py", "misc.yaml"])
def test_names_that_say_nothing_are_found(project: Path, name: str) -> None:
    file = project / "src/eksplora" / name
    file.parent.mkdir(exist_ok=True)
    file.touch()
    (project / "conf/model/commonwealth.yaml").touch()
    assert drawers(project) == [f"src/eksplora/{name}"]


def test_files_are_found_without_a_repository(project: Path) -> None:
    (project / ".gitignore").write_text("/data/\n")
    (project / "data").mkdir()
    for name in ("notes.md", "data/rows.csv"):
        (project / name).touch()
    before = project_files(project)
    shutil.rmtree(project / ".git")
    assert project_files(project) == before == [".gitignore", "notes.md"]


@pytest.mark.parametrize("folder", ["home/someone", "root/data", "work/main", "Users/someone"])
def test_paths_of_a_machine_are_found_in_text_that_git_would_track(project: Path, folder: str) -> None:
    (project / "notes.md").write_text(f"see https://example.org/{folder} and data/{folder}\n")
    (project / "picture.bin").write_bytes(f"\0 /{folder}".encode())
    assert machine_paths(project) == []
    (project / "notes.md").write_text(f"see /{folder}/x\n")
    assert len(machine_paths(project)) == 1
