"""Write dvc.yaml: the stages of every experiment and what they depend on.

DVC runs a stage again when one of its dependencies has changed. They are found here, so that they are true: the data,
the files of `conf/` that compose the stage, and the source files that it can reach (its imports, and the parts that the
configuration names). So a changed comment in `report/` reruns no search, and a changed CNN no search of MLPs.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from eksplora.config import Request, choices, compose_request, composed_files, is_group, metrics_for, parse_space
from eksplora.config.schema import DagConfig
from eksplora.errors import ConfigError, nearest
from eksplora.files import write_file
from eksplora.installation import CONF
from eksplora.search.space import extremes
from eksplora.stage._reach import files_of, reach
from eksplora.stage.confirm import ON_ALL_ROWS
from eksplora.stage.spec import TO_THE_END as EACH
from eksplora.types import Config
from eksplora.untrusted import is_name

ROOT = CONF.parent
PACKAGE = ROOT / "src/eksplora"
RESULTS = "results"
TARGET = re.compile(r"^_target_:\s*(\S+)", re.MULTILINE)

HEAD = """\
# Made by `make dag` from conf/dag.yaml (the list of experiments) and what the files import; a test keeps it current.
# `dvc repro` runs what has changed, `dvc dag` draws the stages, `dvc status` says why a stage would run again.
"""


@dataclass(frozen=True)
class Stage:
    """A stage of the DAG.

    Attributes:
        name: Of the pipeline.
        subject: The experiment or the data set that it is for.
        words: What follows the pipeline on the command line.
        config: The files of `conf/` that compose it.
        code: The source files that it can reach.
        data: Outputs of other stages that it reads.
        outs: What it hands on; those that are kept while it runs again are `persistent`.
        persistent: Likewise.
    """

    name: str
    subject: str
    words: Sequence[str]
    config: Sequence[Path]
    code: Sequence[Path]
    data: Sequence[str] = ()
    outs: Sequence[str] = ()
    persistent: Sequence[str] = ()

    @property
    def key(self) -> str:
        """Its name in dvc.yaml."""
        return f"{self.name}-{self.subject}"

    @property
    def dependencies(self) -> list[str]:
        """All that it depends on, relative to the project's folder."""
        files = {path.relative_to(ROOT).as_posix() for path in (*self.config, *self.code)}
        return sorted(files | set(self.data))

    def entry(self) -> dict[str, Any]:
        """Its entry in dvc.yaml."""
        kept = [{path: {"persist": True}} for path in self.persistent]
        command = shlex.join([f"pipelines/{self.name}.py", *self.words])
        return {"cmd": f"${{python}} {command}", "deps": self.dependencies, "outs": [*kept, *self.outs]}


@dataclass
class Dag:
    """All stages, and what DVC shows of their results.

    Attributes:
        stages: In the order in which they run.
        params: Files of hyperparameters (`dvc params diff`).
        metrics: Files of metrics (`dvc metrics show`).
        plots: What `dvc plots show` draws.
    """

    stages: list[Stage] = field(default_factory=list)
    params: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    plots: list[dict[str, Any]] = field(default_factory=list)

    def text(self) -> str:
        """The text of dvc.yaml."""
        content = {
            "vars": [{"python": ".venv/bin/python"}],
            "stages": {stage.key: stage.entry() for stage in self.stages},
            "params": self.params,
            "metrics": self.metrics,
            "plots": self.plots,
        }
        return HEAD + yaml.safe_dump(content, sort_keys=False, width=1000)


def dag(request: Request) -> None:
    """Write the DAG, unless it is there as it should be.

    Raises:
        ConfigError: If an experiment has no file.
        StorageError: If the file cannot be written.
    """
    settings: DagConfig = request.settings
    made, output = make(settings.experiments), Path(settings.output)
    text = made.text()
    if output.is_file() and output.read_text(encoding="utf-8") == text:
        print(f"{output} is current: {len(made.stages)} stages")
        return
    write_file(output, text)
    print(f"{output}: {len(made.stages)} stages")


def make(experiments: Sequence[str]) -> Dag:
    """The DAG of some experiments.

    Raises:
        ConfigError: If one has no file or is listed twice, or there is none; or if a file's name is no name.
    """
    known = choices("experiment")
    for name in experiments:
        if _named("experiments", name) not in known:
            raise ConfigError(f"experiments: '{name}' is no file of conf/experiment/. {nearest(name, known)}")
    if not experiments or len(set(experiments)) < len(experiments):
        raise ConfigError(f"experiments: {list(experiments)} lists none, or one twice. List each once.")
    found = Dag()
    for experiment in experiments:
        chosen = compose_request("search", [f"experiment={experiment}"])
        data = _named("data", chosen.choices["data"])
        if data not in [stage.subject for stage in found.stages if stage.name == "prepare"]:
            found.stages.append(_prepare(data))
        found.stages += _of_experiment(experiment, data, chosen)
        _show(found, experiment, chosen.config)
    return found


def _named(key: str, name: str) -> str:
    """A name that DVC hands to a shell and makes a folder of, once it is one.

    Raises:
        ConfigError: If it has blanks or signs in it.
    """
    if not is_name(name):
        raise ConfigError(f"{key}: {name!r} is no name. Call its file by letters, digits, '_', '-' and '.' alone.")
    return name


def _prepare(data: str) -> Stage:
    words = [f"data={data}"]
    files = composed_files("prepare", words)
    raw, prepared = f"data/raw/{data}", f"data/prepared/{data}"
    return Stage("prepare", data, words, files, code("prepare", files), outs=[prepared], persistent=[raw])


def _of_experiment(experiment: str, data: str, chosen: Request) -> Iterator[Stage]:
    """Its stages; each reads what those before it hand on."""
    results, rows, words = f"{RESULTS}/{experiment}", f"data/prepared/{data}", [f"experiment={experiment}"]
    searched = _searched(chosen)

    def stage(name: str, read: Sequence[str], outs: Sequence[str], *own: str) -> Stage:
        composed = [words, *([*words, *further] for further in _composed_too(name, chosen))]
        found = [path for overrides in composed for path in composed_files(name, overrides)]
        files = list(dict.fromkeys([*found, *searched]))
        return Stage(name, experiment, [*words, *own], files, code(name, files), data=read, outs=outs)

    search, confirm, evaluate, explain = (
        f"{results}/{stage}" for stage in ("search", "confirm", "evaluate", "explain")
    )
    own = ("study.versioned=true", f"output={results}")
    yield stage("search", [rows], [search, f"{results}/config.yaml"], *own)
    yield stage("confirm", [rows, search], [confirm])
    yield stage("evaluate", [rows, confirm], [evaluate])
    yield stage("explain", [rows, confirm, evaluate], [explain])
    pages = [f"{results}/{name}" for name in ("report.html", "report.md", "tables", "plots")]
    yield stage("report", [search, confirm, evaluate, explain], pages)


def _composed_too(name: str, chosen: Request) -> list[Sequence[str]]:
    """The overrides that a stage composes with besides those of its command line."""
    metrics = metrics_for(chosen.choices["task"])
    each = [f"{group}={choice}" for group, choice in EACH.items()]
    also: dict[str, list[Sequence[str]]] = {
        "confirm": [[*each, *ON_ALL_ROWS]],
        "explain": [each],
        "evaluate": [[f"objective={metric}"] for metric in metrics if metric != chosen.choices["objective"]],
    }
    return also.get(name, [])


def _searched(request: Request) -> list[Path]:
    """The files of `conf/` that are composed where a trial chooses other files of a group than the experiment does."""
    known = composed_files(request.root, request.overrides)
    return [
        path
        for parameter in parse_space(request.settings.space)
        if is_group(parameter.key)
        for value in extremes(parameter)
        for path in composed_files(request.root, [*request.overrides, f"{parameter.key}={value}"])
        if path not in known
    ]


def code(name: str, config: Iterable[Path]) -> list[Path]:
    """The source files that a stage can reach, by its imports and by the parts that its configuration names."""
    targets = {target for path in config for target in TARGET.findall(path.read_text(encoding="utf-8"))}
    parts = [file for target in targets for file in files_of(target, PACKAGE)]
    reached = reach([ROOT / "pipelines" / f"{name}.py", PACKAGE / "stage" / f"{name}.py", *parts], PACKAGE)
    return sorted(reached | {file for path in reached for file in read_by(path)})


TEMPLATES = "html"
"""Folder of what the sources beside it read to make pages."""


def read_by(source: Path) -> list[Path]:
    """The templates beside a source file."""
    folder = source.parent / TEMPLATES
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _show(found: Dag, experiment: str, config: Config) -> None:
    """Add what DVC shows of an experiment."""
    results = f"{RESULTS}/{experiment}"
    found.params.append(f"{results}/config.yaml")
    found.metrics += [f"{results}/{stage}/metrics.json" for stage in ("search", "confirm", "evaluate")]
    history, curves, rows = (
        f"{results}/{name}.csv" for name in ("search/history", "confirm/curves", "evaluate/predictions")
    )
    search = {"x": "trial", "y": {history: ["value", "best"]}, "y_label": f"val/{config['objective']['metric']}"}
    learned = {"x": "epoch", "y": {curves: ["train/loss", "val/loss"]}, "y_label": "loss, mean over members"}
    found.plots += [_plot(f"{experiment}: search", search), _plot(f"{experiment}: learning curves", learned)]
    if config["data"]["num_classes"] is None:
        residuals = {"template": "scatter", "x": "predicted", "y": {rows: "residual"}}
        found.plots.append(_plot(f"{experiment}: residuals", residuals))
    else:
        confusion = {"template": "confusion", "x": "actual", "y": {rows: "predicted"}}
        found.plots.append(_plot(f"{experiment}: confusion matrix", confusion))


def _plot(title: str, drawn: Mapping[str, Any]) -> dict[str, Any]:
    return {title: {**drawn, "title": title}}
