"""Fifty hostile files and words, each given to the real commands: nothing of them runs, nothing is written outside.

make test-slow ARGS="tests/stage/test_hostile.py -s"

What a case would make is a folder, the canary, beside the project. Each runs in a copy of its own: a small experiment
that was searched and confirmed.
"""

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recording
import yaml

from eksplora.inference.card import write_card

CANARY = "CANARY"
"""In files and words: the path that must not come to be."""

MODEL, EVIL = "results/wine_mlp/confirm/model", "conf/experiment/evil.yaml"
CREATE = "${oc.create:{_target_: os.mkdir, path: CANARY}}"
QUICK = ("trainer.max_epochs=1", "study.workers=1", "study.threads=1")
TRAIN = ("train", "experiment=evil", *QUICK)
PREDICT = ("predict", f"trained={MODEL}", "input=rows.npz")
BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

Prepare = Callable[[Path, Path], None]
"""Makes a project hostile: its folder, and the canary."""


@dataclass(frozen=True)
class Case:
    """A hostile file or word.

    Attributes:
        part: What keeps it out: `config` (composing and building), `records` (models, data, runs; what their
            configurations name is the business of `config`), `spools`, or `names`.
        prepare: Makes the project hostile.
        command: What a person then types: a pipeline and its overrides, or `make` and its words.
    """

    part: str
    prepare: Prepare
    command: tuple[str, ...]


def nothing(project: Path, canary: Path) -> None:
    """The words of the command are hostile."""


def text(path: str, content: str) -> Prepare:
    """A file with a text."""

    def write(project: Path, canary: Path) -> None:
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(content.replace(CANARY, str(canary)))

    return write


def experiment(content: str) -> Prepare:
    """An experiment's file from elsewhere: that of wine, and more."""

    def write(project: Path, canary: Path) -> None:
        wine = (project / "conf/experiment/wine_mlp.yaml").read_text()
        (project / EVIL).write_text(f"{wine}\n{content}\n".replace(CANARY, str(canary)))

    return write


def model(edit: Callable[[dict[str, Any]], object]) -> Prepare:
    """A model whose configuration was edited, with a card that has the new hashes."""

    def write(project: Path, canary: Path) -> None:
        path = project / MODEL / "config.yaml"
        config = yaml.safe_load(path.read_text())
        edit(config)
        path.write_text(yaml.safe_dump(config).replace(CANARY, str(canary)))
        reseal(project)

    return write


def reseal(project: Path) -> None:
    """Give a model's folder a card that fits whatever lies there, as somebody does who means harm."""
    write_card(project / MODEL, json.loads((project / MODEL / "card.json").read_text()))


def sealed(prepare: Prepare) -> Prepare:
    """The same with a card that has the new hashes."""

    def write(project: Path, canary: Path) -> None:
        prepare(project, canary)
        reseal(project)

    return write


def spool(kinds: tuple[str, ...], key: str, value: Any, *, into: str = "evil") -> Prepare:
    """A study's folder from elsewhere: its events, one key of some of them changed, the checksums right."""

    def write(project: Path, canary: Path) -> None:
        source = sorted(project.glob("mlruns/studies/wine_mlp-random*"))[0]
        target = source.with_name(into)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("spool.jsonl", "*.lock", "*cursor*"))
        changed = json.loads(json.dumps(value).replace(CANARY, str(canary)))

        def edit(kind: str, data: dict[str, Any]) -> dict[str, Any]:
            return data | ({key: changed} if kind in kinds else {}) | ({"id": "e" * 32} if "id" in data else {})

        beside = project / "altered"
        recording.alter(source / "spool.jsonl", beside / "spool.jsonl", edit)
        (beside / "spool.jsonl").rename(target / "spool.jsonl")
        shutil.rmtree(beside)

    return write


def linked(path: str) -> Prepare:
    """A symbolic link in a study's folder, to a folder outside."""

    def write(project: Path, canary: Path) -> None:
        for place in project.glob(path):
            shutil.rmtree(place) if place.is_dir() else place.unlink()
            place.symlink_to(canary)

    return write


class Pickled:
    """Makes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.canary),)


def weights(project: Path, canary: Path) -> None:
    """A pickle in the place of weights."""
    for path in (project / MODEL).glob("*.safetensors"):
        path.write_bytes(pickle.dumps(Pickled(canary)))


def pickled_arrays(project: Path, canary: Path) -> None:
    """An array of objects."""
    features = np.empty(1, dtype=object)
    features[0] = Pickled(canary)
    np.savez(project / "rows.npz", features=features)


def giant_arrays(project: Path, canary: Path) -> None:
    """A head that promises 80 TB."""
    head = str({"descr": "<f8", "fortran_order": False, "shape": (10**13,)}).encode().ljust(117) + b"\n"
    with zipfile.ZipFile(project / "rows.npz", "w") as file:
        file.writestr("features.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)


def giant_image(project: Path, canary: Path) -> None:
    """100 000 x 100 000 pixels in some hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    (project / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def piped(name: str) -> Prepare:
    """A pipe that nobody writes to, in the place of a file."""

    def write(project: Path, canary: Path) -> None:
        (project / name).unlink()
        os.mkfifo(project / name)

    return write


def command_in_cells(project: Path, canary: Path) -> None:
    """A table whose cells are formulas."""
    (project / "rows.csv").write_text(f'=cmd|" /C mkdir {canary}"!A0\n=1+1\n')


EPS = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(CANARY) (w) file closefile\nshowpage\n"
SHELL = ("a|mkdir CANARY", "a;mkdir CANARY;", "$(mkdir CANARY)", "`mkdir CANARY`", "a\nmkdir CANARY")

CONFIGS = {
    "created node": f"task: {{x: '{CREATE}'}}",
    "created node, escaped": f"task: {{x: '\\{CREATE}'}}",
    "created node in a list": f"model: {{widths: ['{CREATE}']}}",
    "created node as a key": f"task: {{'{CREATE}': 1}}",
    "target": "model: {_target_: os.mkdir, path: CANARY}",
    "target below a part": "optimizer: {x: {_target_: os.mkdir, path: CANARY}}",
    "target of another group": "trainer: {callbacks: [{_target_: os.mkdir, path: CANARY}]}",
    "callback of Hydra": "hydra: {callbacks: {x: {_target_: os.mkdir, path: CANARY}}}",
    "launcher of Hydra": "hydra: {launcher: {_target_: os.mkdir, path: CANARY}}",
    "logging of Hydra": "hydra: {job_logging: {version: 1, handlers: {x: {(): os.mkdir, path: CANARY}}, "
    "root: {handlers: [x]}}}",
    "folder of Hydra": "hydra: {run: {dir: CANARY}, job: {chdir: true}}",
    "output of Hydra": "hydra: {output_subdir: CANARY}",
    "name of an experiment": "study: {name: ../../../CANARY}",
    "YAML tag": "x: !!python/object/apply:os.mkdir [CANARY]",
    "YAML bomb": BOMB,
    "experiment as a path": "experiment: CANARY",
    "folder of results": "paths: {results: CANARY}",
    "folder of runs": "paths: {mlruns: CANARY}",
    "folder of data": "data: {root: CANARY}",
    "output": "output: CANARY",
}
WORDS = {
    "callback": "+hydra.callbacks.x={_target_: os.mkdir, path: CANARY}",
    "folder": "hydra.run.dir=CANARY",
    "output": "hydra.output_subdir=CANARY",
    "logging": "hydra.job_logging={version: 1, handlers: {x: {(): os.mkdir, path: CANARY}}, root: {handlers: [x]}}",
    "created node": f"+task.x='{CREATE}'",
    "target": "+optimizer.x={_target_: os.mkdir, path: CANARY}",
    "searched target": "space.params.optimizer._target_=choice(os.mkdir)",
    "study": "study.name=../../CANARY",
}


def put(*keys: str, value: Any) -> Callable[[dict[str, Any]], object]:
    """Sets a nested key."""

    def edit(config: dict[str, Any]) -> None:
        for key in keys[:-1]:
            config = config.setdefault(key, {})
        config[keys[-1]] = value

    return edit


MODELS: Mapping[str, Prepare] = {
    "created node": model(put("task", "x", value=CREATE)),
    "created node of the data": model(put("data", "excluded", value=[CREATE])),
    "target": model(put("model", value={"_target_": "os.mkdir", "path": CANARY})),
    "target of the task": model(put("task", value={"_target_": "os.mkdir", "path": CANARY})),
    "target below": model(put("model", "x", value={"_target_": "os.mkdir", "path": CANARY})),
    "node of Hydra": model(put("hydra", value={"callbacks": {"x": {"_target_": "os.mkdir", "path": CANARY}}})),
    "YAML tag": sealed(text(f"{MODEL}/config.yaml", "x: !!python/object/apply:os.mkdir [CANARY]\n")),
    "YAML bomb": sealed(text(f"{MODEL}/config.yaml", BOMB)),
    "card that is no card": text(f"{MODEL}/card.json", '{"files": {"../../../../../CANARY": "0"}, "members": [1e999]}'),
    "pickled weights": sealed(weights),
    "linked weights": linked(f"{MODEL}/*.safetensors"),
    "pipe": piped(f"{MODEL}/config.yaml"),
}
SPOOLS: Mapping[str, tuple[Prepare, tuple[str, ...]]] = {
    name: (spool(kinds, key, value), command)
    for command in (("sync",), ("train", "experiment=wine_mlp", "study.name=another", *QUICK))
    for name, kinds, key, value in (
        (f"experiment, {command[0]}", ("study",), "experiment", CANARY),
        (f"name, {command[0]}", ("study",), "name", "../../../CANARY"),
        (f"texts, {command[0]}", ("study", "start", "end"), "texts", {"../../../../CANARY/x": "x", f"{CANARY}/x": "x"}),
        (f"artifacts, {command[0]}", ("end", "summary"), "artifacts", ["../../../../constraints.txt", CANARY]),
    )
}

CASES: dict[str, Case] = (
    {f"config: {name}": Case("config", experiment(content), TRAIN) for name, content in CONFIGS.items()}
    | {f"word: {name}": Case("config", nothing, ("train", *QUICK, word)) for name, word in WORDS.items()}
    | {f"model: {name}": Case("records", prepare, PREDICT) for name, prepare in MODELS.items()}
    | {f"spool: {name}": Case("spools", prepare, words) for name, (prepare, words) in SPOOLS.items()}
    | {
        "spool: linked summary": Case("spools", linked("mlruns/studies/*/summary"), ("sync",)),
        "spool: no spool": Case("spools", text("mlruns/studies/evil/spool.jsonl", "{}\nCANARY\n"), ("sync",)),
        "input: pickled arrays": Case("records", pickled_arrays, PREDICT),
        "input: giant arrays": Case("records", giant_arrays, PREDICT),
        "input: giant image": Case("records", giant_image, (*PREDICT[:2], "input=image.png")),
        "input: program as an image": Case("records", text("image.png", EPS), (*PREDICT[:2], "input=image.png")),
        "input: formulas": Case("records", command_in_cells, (*PREDICT[:2], "input=rows.csv")),
        "run: an option as an id": Case("records", nothing, ("reproduce", "run=--upload-pack=mkdir CANARY")),
    }
    | {f"name: {word!r} to make": Case("names", nothing, ("make", "sweep", f"EXPERIMENT={word}")) for word in SHELL}
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment that was searched and confirmed, in a copy of the project."""
    root = tmp_path_factory.mktemp("hostile") / "project"
    root.mkdir()
    recording.copy_project(root)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(recording.ROOT / name, root)
    shutil.copytree(recording.ROOT / "tools", root / "tools")
    asked = ("experiment=wine_mlp", "trainer.max_epochs=1", "study.workers=1", "study.threads=1")
    search = ("search", *asked, "sampler=random", "study.n_trials=2", "output=results/wine_mlp")
    recording.record(root, search, ("confirm", *asked, "study.n_seeds=2", "confirm.best=1"))
    for folder in [root / "mlruns/artifacts", *root.glob("**/plots")]:  # megabytes that every case would copy
        shutil.rmtree(folder, ignore_errors=True)
    np.savez(root / "rows.npz", features=np.load(root / "data/prepared/wine/train_features.npy")[:3])
    return root


def around(folder: Path, project: Path) -> Iterator[str]:
    """Files in the folder around a project, those of the project and of the user's home aside."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_relative_to(project) and not path.is_relative_to(project.parent / "home"):
            yield path.relative_to(folder).as_posix()


def given(project: Path, command: tuple[str, ...], canary: Path) -> "subprocess.CompletedProcess[str]":
    """Give a command, with a home and a folder for temporary files beside the project."""
    words = [word.replace(CANARY, str(canary)) for word in command]
    if words[0] != "make":
        words = recording.words(project, *words)
    own = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    own |= {"PYTHONPATH": str(project / "src"), "HOME": str(project.parent / "home")}
    return subprocess.run(words, cwd=project, env=own, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_what_is_hostile_neither_runs_nor_writes_outside(name: str, project: Path, tmp_path: Path) -> None:
    case = CASES[name]
    folder = tmp_path / "around"
    mine = Path(shutil.copytree(project, folder / "a/b/project", symlinks=True))
    if case.command[0] == "make":
        make_ready(mine)
    canary = folder / "canary"
    case.prepare(mine, canary)
    done = given(mine, case.command, canary)
    assert not canary.exists(), f"{case.part}: it ran, or wrote outside\n{done.stderr}"
    assert list(around(folder, mine)) == [], case.part
    assert list(mine.rglob(canary.name)) == [], case.part
    assert "Traceback" not in done.stderr + done.stdout, f"{case.part}\n{done.stderr}"
    assert done.returncode in (0, 2), f"{case.part}\n{done.stderr}"
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ") or " eksplora: " in line]
        assert len(lines) == 1, f"{case.part}\n{done.stderr}"


def make_ready(project: Path) -> None:
    """What setup leaves: an environment with this Python, and its stamp."""
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").symlink_to(sys.executable)
    command = "cat constraints.txt pyproject.toml | cksum"
    pins = subprocess.run(command, shell=True, cwd=project, capture_output=True, text=True, check=True).stdout
    (project / ".venv/.eksplora-stamp").write_text(f"python3\n{pins}{project}\n")


def test_there_are_fifty_of_them_of_all_kinds() -> None:
    assert len(CASES) >= 50
    assert {case.part for case in CASES.values()} == {"config", "records", "spools", "names"}
