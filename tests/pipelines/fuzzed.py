"""Runs many commands, one fork of this process each: all that they do but training. Prints a JSON line for each case.

    python fuzzed.py <project> {<files|words|hostile> <seed> <first> <count>}...

`<project>` is a copy of the project with prepared data, whose `conf/` may be changed; its `src` is on PYTHONPATH. A
case is a function of kind, seed and number alone. Imported once, forked often: a case costs what composing and
building cost.
"""

import copy
import gc
import io
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

LONGEST_SECONDS = 600
"""A case that takes longer hangs."""

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{key}: &{key} [{', '.join([f'*{before}'] * 9)}]\n" for before, key in zip("abcdefgh", "bcdefghi", strict=True)
)
RUNS = {"_target_": "pathlib.Path.touch", "self": "PWNED"}
ESCAPED = r"\${oc.create:{_target_: pathlib.Path.touch, self: PWNED}}"
VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 3, 2**31, 2**70, 10**400, 0.5, -0.5, 1e308, 1e-320, float("inf"), float("nan")),
    *("", " ", "abc", "1", "null", "off", "../outside", "/x", "a/b", ".", "..", "a" * 5000, "é☃\u202e", "x\ny", "a\tb"),
    *("${x}", "${optimizer.lr}", "${oc.env:HOME}", "${oc.env:NOT_SET}", "${", "$}", "${hydra:runtime.cwd}", ESCAPED),
    *("${oc.create:{_target_: pathlib.Path.touch, self: PWNED}}", "???", "${experiment}", "${now:%Y}", "${.x}"),
    *([], [1], [[1]], ["a"], [None], {}, {"a": 1}, RUNS, [RUNS], {"x": [RUNS]}, {1: 2}, {None: 1}, {"a.b": 1}),
    *("choice(1, 2)", "interval(0, 1)", "interval(1, 0)", "range(0, 10, 0)", "range(1, 4)", "choice(null, 3)"),
    *("tag(log, interval(0, 1))", "choice()", "choice(a", "int(interval(0.1, 0.2))", "interval(1, nan)", "5"),
    *("choice([1, 2], {a: b})", "glob(*)", "shuffle(1, 2)", "sort(2, 1)", "choice(1, 1)", "interval(1e400, 2)"),
]
"""What a value is replaced by."""

KEYS = [
    "hydra",
    "_target_",
    "_partial_",
    "_args_",
    "_convert_",
    "_recursive_",
    "defaults",
    "x",
    "a.b",
    "",
    "${x}",
    "lr",
]
"""What a key is replaced by, and what is added."""

ENTRIES: list[Any] = [
    *({"override /model": "../x"}, {"override /model": None}, {"override /modle": "mlp"}, {"/hydra/launcher": "basic"}),
    *(
        {"override /hydra/job_logging": "default"},
        {"/model@hydra.callbacks": "mlp"},
        "x",
        "/etc/passwd",
        {"a": 1, "b": 2},
    ),
    *(
        None,
        3,
        [],
        {"model": ["mlp", "cnn"]},
        {"optional x": "y"},
        {"override /data": "${x}"},
        "_self_",
        {"/model": "mlp"},
    ),
]
"""What is added to a defaults list."""

TEXTS: list[Callable[[str, random.Random], str]] = [
    lambda text, draw: text + text,
    lambda text, draw: _with_line(text, draw, "\tx: 1"),
    lambda text, draw: _with_line(text, draw, "x: !!python/object/apply:os.system ['touch PWNED']"),
    lambda text, draw: _with_line(text, draw, "x: !!binary aGVsbG8="),
    lambda text, draw: _with_line(text, draw, "x: &y 1"),
    lambda text, draw: _with_line(text, draw, "<<: {lr: 1}"),
    lambda text, draw: _with_line(text, draw, "? [a, b]\n: 1"),
    lambda text, draw: _with_line(text, draw, "hydra: {callbacks: {x: {_target_: pathlib.Path.touch, self: PWNED}}}"),
    lambda text, draw: _with_line(
        text, draw, draw.choice(["- x", "x", "{", "]", "'", '"', "%", "---", "...", "@", "x: : y"])
    ),
    lambda text, draw: _with_line(text, draw, "x: " + "[" * 5000),
    lambda text, draw: text[: draw.randrange(len(text) + 1)],
    lambda text, draw: "".join(text.splitlines(keepends=True)[draw.randrange(3) :: 2]),
    lambda text, draw: "\ufeff" + text,
    lambda text, draw: text.replace("\n", "\r\n"),
    lambda text, draw: text.replace(": ", ":", 1),
    lambda text, draw: text.replace("  ", "\t", 1),
    lambda text, draw: "",
    lambda text, draw: BOMB + text,
    lambda text, draw: "# @package hydra.callbacks\n" + text,
    lambda text, draw: "# @package a b\n" + text,
    lambda text, draw: "\x00\x01" + text,
    lambda text, draw: text.encode("utf-16").decode("latin-1"),
]
"""Changes of a file's text."""


def _with_line(text: str, draw: random.Random, line: str) -> str:
    lines = text.splitlines()
    lines.insert(draw.randrange(len(lines) + 1), line)
    return "\n".join(lines) + "\n"


# --- what was found in the wild ---------------------------------------------------------------------------------

CALLS = "{_target_: pathlib.Path.touch, self: PWNED}"
HOSTILE = {
    "callbacks in an experiment": f"hydra: {{callbacks: {{x: {CALLS}}}}}",
    "a folder for Hydra": "hydra: {run: {dir: ../PWNED}}",
    "a package of Hydra's": None,
    "an override of Hydra's defaults": "defaults: [{override /hydra/job_logging: default}]",
    "a reference that calls": f"task: {{x: '${{oc.create:{CALLS}}}'}}",
    "an escaped reference that calls": f"task: {{num_outputs: '\\${{oc.create:{CALLS}}}'}}",
    "code inside of a part": f"model: {{widths: [{CALLS}]}}",
    "a tag": "x: !!python/object/apply:os.system ['touch PWNED']",
    "aliases of gigabytes": (BOMB),
    "a name with a folder": "experiment: ../PWNED",
    "a group outside": "defaults: [{override /model: ../../PWNED}]",
    "a key twice": "trainer: {max_epochs: 1}\ntrainer: {max_epochs: 2}",
    "text for a number": "trainer: {max_epochs: many}",
    "an empty group": "model:",
}
"""What an experiment's file says, by what it is; None: that it is in a package of Hydra's."""


def hostile_case(project: Path, number: int) -> tuple[list[str], Path, str]:
    """The command that reads a hostile experiment, its file, and what is in it."""
    name = list(HOSTILE)[number]
    text = HOSTILE[name]
    head = "# @package hydra.callbacks.x\n_target_: pathlib.Path.touch\nself: PWNED\n"
    own = "" if text is None or text.startswith("experiment:") else "experiment: hostile\n"
    content = head if text is None else f"# @package _global_\n{text}\n{own}"
    return ["search", "experiment=hostile", name], project / "conf/experiment/hostile.yaml", content


# --- files of conf/ ----------------------------------------------------------------------------------------------


def changed(text: str, draw: random.Random) -> str:
    """A file's text with one small change, or a few."""
    if draw.random() < 0.3:
        return draw.choice(TEXTS)(text, draw)
    head = "".join(line + "\n" for line in text.splitlines()[:1] if line.startswith("# @"))
    values = yaml.safe_load(text) or {}
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        _change(values, draw)
    return head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _change(values: dict[Any, Any], draw: random.Random) -> None:
    nodes = list(_nodes(values))
    node = draw.choice(nodes)
    if isinstance(node, list):
        node.append(_value(draw, ENTRIES if node is values.get("defaults") else VALUES))
        return
    key = draw.choice([*node, "x"])
    match draw.randrange(6):
        case 0:
            node.pop(key, None)
        case 1:
            node[draw.choice([*KEYS, f"{key}s"])] = node.pop(key, 1)
        case 2:
            node[draw.choice(KEYS)] = _value(draw)
        case 3 if "defaults" in values:
            entries = values["defaults"] if isinstance(values["defaults"], list) else []
            values["defaults"] = draw.choice([[*entries, _value(draw, ENTRIES)], _value(draw)])
        case _:
            node[key] = _value(draw, [*VALUES, [node.get(key)], {"x": node.get(key)}, str(node.get(key))])


def _value(draw: random.Random, options: Sequence[Any] = VALUES) -> Any:
    """One of some values, for this case alone: other changes of the case may change it."""
    return copy.deepcopy(draw.choice(options))


def _nodes(value: Any) -> Any:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _nodes(inner)


def file_case(project: Path, draw: random.Random) -> tuple[list[str], Path, str]:
    """A command, a file that it reads, and what is in that file now."""
    groups = sorted(path.name for path in (project / "conf").iterdir() if path.is_dir())
    group = draw.choice([*groups, "", "", "experiment", "experiment", "space", "space"])
    path = draw.choice(sorted((project / "conf" / group).glob("*.yaml")))
    roots = {"baseline": "baseline", "exploration": "explore"}
    if group == "":
        words = [path.stem] + (["experiment=wine_mlp"] if path.stem in TRAIN else [])
    elif group == "experiment":
        words = ["search", f"experiment={path.stem}"]
    else:
        root = roots.get(group, "search")
        words = [root, f"{group}={path.stem}"] + (["experiment=wine_mlp"] if root != "explore" else [])
    return words, path, changed(path.read_text(encoding="utf-8"), draw)


# --- command lines -----------------------------------------------------------------------------------------------

WORDS = [
    *(
        "--cfg",
        "job",
        "--resolve",
        "--package",
        "--help",
        "--multirun",
        "-m",
        "--config-dir=/tmp",
        "--config-name=x",
        "--",
    ),
    *(
        "--config-path",
        "hydra.run.dir=../outside",
        "hydra.output_subdir=x",
        "hydra/job_logging=default",
        "hydra=x",
        "=",
        "x",
    ),
    *("+hydra.callbacks.x._target_=os.abort", "hydra.searchpath=[/tmp]", "model@hydra.callbacks=mlp", "metric@x=mae"),
    *(
        "experiment=../x",
        "model=/etc/passwd",
        "~model",
        "~optimizer.lr",
        "++x=1",
        "+x=1",
        "space.params={a: 1}",
        "space=none",
    ),
    *(
        "space.params={optimizer.lr: choice(1)}",
        "space.when={a: b}",
        "space.overrides=[a]",
        "~space.params.optimizer.lr",
    ),
    *(
        "space.params.x",
        "space.when.optimizer.lr=model=mlp",
        "~space",
        "space.params=null",
        "study=null",
        "optimizer=null",
    ),
    *(
        "space.params.data.batch_size=choice(null,3)",
        "space.params.model.widths=choice(3,4)",
        "é=☃",
        "a b",
        "",
        "'",
        '"',
    ),
    *(
        "optimizer.lr='${oc.env:HOME}'",
        "study.name='a/b'",
        "experiment.x=1",
        "/etc=1",
        "../conf=1",
        "data/../model=mlp",
    ),
    *(
        "model._target_=os.system",
        "+model._args_=[1]",
        "+model.x={_target_: os.abort}",
        "model._partial_=true",
        "x=${x}",
    ),
    *(
        "data.batch_size=0",
        "trainer.max_epochs=0",
        "sampler=grid",
        "sampler=gp",
        "pruner=hyperband",
        "protocol=kfold",
        "-",
    ),
]
"""Words that a command line may have, besides keys with values."""

TRAIN = ("search", "train", "baseline", "confirm", "evaluate", "explain", "report")
ROOTS = (
    *TRAIN,
    "search",
    "search",
    "train",
    "prepare",
    "predict",
    "explore",
    "sync",
    "ui",
    "reproduce",
)


def words_case(project: Path, draw: random.Random) -> list[str]:
    """A random command line."""
    from eksplora.config import known_keys

    keys = sorted(known_keys("search"))
    root = draw.choice(ROOTS)
    words = [root] + (["experiment=wine_mlp"] if root in TRAIN and draw.random() < 0.8 else [])
    for _ in range(draw.choice([1, 1, 2, 3, 6])):
        if draw.random() < 0.4:
            words.append(draw.choice(WORDS))
            continue
        value = _value(draw)
        text = value if isinstance(value, str) else json.dumps(value, default=str).replace('"', "'")
        sign = draw.choice(["", "", "", "+", "~", "++", "space.params.", "space.when."])
        words.append(f"{sign}{draw.choice(keys)}={text}")
    return [word.replace("\0", "") for word in words]


# --- one case ----------------------------------------------------------------------------------------------------


class Trained(SystemExit):
    """All that comes before the first training is done."""


def prepare_process() -> dict[str, Callable[..., Any]]:
    """Import what commands import, and put a check of all parts in the place of training."""
    import eksplora.work.baseline
    import eksplora.work.job
    from eksplora.errors import ConfigError
    from eksplora.exploration.chain import read_exploration
    from eksplora.stage.baseline import baseline
    from eksplora.stage.search import search
    from eksplora.stage.spec import spec_of
    from eksplora.stage.train import train
    from eksplora.study import run

    def workers(study: Any, plan: Any, checks: Any, over: bool) -> Any:
        module, _, _ = study.work.partition(":")
        for _, config in list(checks)[:3]:
            sys.modules[module].check(config)
        raise Trained(0)

    run._workers = workers  # type: ignore[assignment]

    def explore(request: Any) -> None:
        if "exploration" not in request.choices:
            raise ConfigError("exploration: none is chosen.")  # as the stage says, which also trains
        read_exploration(request.choices["exploration"], request.config["exploration"], request.settings.budget)

    import quick_hydra

    from eksplora.config import Configurator, compose_request, composing, parse_space

    quick_hydra.quicken()
    composing().__enter__()  # for all cases; what is imported or kept at the first use is there for all too
    asked = compose_request("search", ["experiment=wine_mlp"])
    eksplora.work.job.check(Configurator("search", asked.overrides)({}))
    run.make_proposer(spec_of(asked, "x", parse_space(asked.settings.space)), "x")
    return {"search": search, "train": train, "baseline": baseline, "explore": explore}


def forget(group: str) -> None:
    """Drop what is made of a group's files. What is read of a file is kept by the file's state, so it is never old."""
    from eksplora.config import composition, configurator, parts

    for made in (parts.allowed_targets, parts._stated, composition.stated_keys, composition.stated_files):
        made.cache_clear()
    for kept in (configurator._composed, configurator._resolved):
        kept.cache_clear()
    composition._kept.clear()
    if group != "experiment":  # the one group that it does not read
        composition.stated.cache_clear()


def run(words: list[str], tasks: dict[str, Callable[..., Any]]) -> None:
    """Be the command, in this process."""
    from eksplora.cli.command import run as run_command

    root, *rest = words
    sys.argv = [f"pipelines/{root}.py", *(["tracker=off"] if root in TRAIN else []), *rest]
    task = tasks.get(root, lambda request: None)

    def main(request: Any) -> None:
        if request.config.get("data", {}).get("_target_", "eksplora.data.wine.Wine") == "eksplora.data.wine.Wine":
            task(request)

    run_command(root, sys.argv[1:], main)


def fork(case: Callable[[], None], folder: Path, data: Path) -> dict[str, Any]:
    """Run a case in a fork, in a folder with these data; returns its exit code, its output and what it left behind."""
    out, err = folder / "out", folder / "err"
    work = folder / "work"
    work.mkdir()
    (work / "data").symlink_to(data)  # an override of paths.data would be one more composition a case
    pid = os.fork()
    if pid == 0:
        code = 1
        signal.alarm(LONGEST_SECONDS)  # what hangs is ended by the system
        try:
            os.chdir(work)
            for path, number in ((out, 1), (err, 2)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
            gc.disable()
            sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(n, "wb", 0), write_through=True) for n in (1, 2))
            case()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stderr.flush()
            os._exit(code)
    _, ended, used = os.wait4(pid, 0)
    status, seconds = os.waitstatus_to_exitcode(ended), round(used.ru_utime + used.ru_stime, 2)
    if status == -signal.SIGALRM:
        return {"code": "hangs", "err": "", "left": [], "seconds": seconds}
    left = [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path not in (out, err, work, work / "data")
        and not (path.is_dir() and path.is_relative_to(work))
        and not {"raw", "prepared"} & set(path.relative_to(folder).parts)  # with another paths.data they are made there
    ]
    return {"code": status, "err": err.read_text(errors="replace"), "left": left, "seconds": seconds}


def with_file(path: Path, text: str, case: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What becomes of a case while a file says this."""
    before = path.read_bytes() if path.exists() else None
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    try:
        return case()
    finally:
        path.unlink() if before is None else path.write_bytes(before)


def case(
    project: Path, kind: str, draw: random.Random, number: int, tasks: dict[str, Callable[..., Any]]
) -> dict[str, Any]:
    """Make a case and run it."""
    data = project / "data"
    with tempfile.TemporaryDirectory() as folder:
        if kind == "words":
            words = words_case(project, draw)
            return {"words": words} | fork(lambda: run(words, tasks), Path(folder), data)
        words, path, text = file_case(project, draw) if kind == "files" else hostile_case(project, number)
        asked = words[:2]

        def changed_case() -> None:
            forget(path.parent.name)
            run(asked if kind == "hostile" else words, tasks)

        found = with_file(path, text, lambda: fork(changed_case, Path(folder), data))
    return {"words": words, "file": str(path.relative_to(project)), "text": text[:3000]} | found


def main(project: Path, asked: list[str]) -> None:
    """Run some cases of each kind."""
    os.chdir(project)  # where the data are
    tasks = prepare_process()
    gc.freeze()
    for kind, *numbers in zip(*[iter(asked)] * 4, strict=True):
        seed, first, count = map(int, numbers)
        for number in range(first, first + count):
            found = case(project, kind, random.Random(f"{kind}-{seed}-{number}"), number, tasks)
            print(json.dumps({"kind": kind, "number": number} | found), flush=True)


if __name__ == "__main__":
    sys.path[:0] = [str(Path(sys.argv[1]) / "src"), str(Path(__file__).parents[1])]
    main(Path(sys.argv[1]), sys.argv[2:])
