"""`dvc repro` on a small project: real DVC, real processes, real signals, real remotes."""

import configparser
import itertools
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import dvc_yaml
import pytest
import recording
import small_project as here
import yaml
from processes import session
from waiting import at_a_random_moment, until

SPY = Path(__file__).parents[1] / "spy.py"
CONFIG = f"conf/experiment/{here.NAME}.yaml"
ENDS = {
    "kill -9 of dvc alone": (os.kill, signal.SIGKILL),
    "Ctrl-C": (os.killpg, signal.SIGINT),
    "kill of dvc": (os.kill, signal.SIGTERM),
    "kill -9 of all": (os.killpg, signal.SIGKILL),
}
SLOW = dict.fromkeys(("search", "confirm", "evaluate", "explain"), pytest.mark.slow)
"""Stages that take their time; `test_interruption.py` has a study that is told to end."""

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")


First = tuple[Path, str, dict[str, float]]
"""A project, what its first repro printed, and the seconds from the start of each stage to that of the next."""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project before its experiment has run."""
    return here.make(tmp_path_factory.mktemp("start") / "project")


@pytest.fixture(scope="module")
def first(start: Path, tmp_path_factory: pytest.TempPathFactory) -> First:
    """An undisturbed `dvc repro`, watched by the spy."""
    folder = tmp_path_factory.mktemp("done")
    project = here.duplicate(start, folder / "project")
    (folder / "spy").mkdir()
    shutil.copy(SPY, folder / "spy/sitecustomize.py")
    spied = here.environment(project) | {
        "PYTHONPATH": f"{folder / 'spy'}{os.pathsep}{project / 'src'}",
        "SPY_LOG": str(folder / "opened.tsv"),
        "PYTHONUNBUFFERED": "1",
    }
    begun: dict[str, float] = {}
    lines = []
    with subprocess.Popen(
        [here.DVC, "repro"], cwd=project, env=spied, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            begun |= dict.fromkeys(here.ran(line), time.monotonic())
    assert process.returncode == 0, "".join(lines)
    moments = [*begun.values(), time.monotonic()]
    seconds = {name: end - begin for name, begin, end in zip(begun, moments, moments[1:], strict=False)}
    here.commit(project, "done")
    return project, "".join(lines), seconds


@pytest.fixture(scope="module")
def done(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after all stages; to be read, and copied by those who change it.

    One process runs the stages, and DVC is told of it: a `dvc repro` starts a dozen interpreters.
    """
    project = here.duplicate(start, tmp_path_factory.mktemp("done") / "project")
    asked = [[name, *words] for name, words in here.COMMANDS.items()]
    here.run(project, sys.executable, recording.__file__, json.dumps(asked))
    here.dvc(project, "commit", "--force", *here.STAGES)
    here.commit(project, "done")
    return project


@pytest.fixture
def copied(done: Path, tmp_path: Path) -> Path:
    return here.duplicate(done, tmp_path / "project")


# --- what runs, and what runs again ------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_command_runs_every_stage_of_the_experiment_in_order(first: First) -> None:
    project, output, _ = first
    assert here.ran(output) == list(here.STAGES)
    found = {path.name for path in (project / here.RESULTS).iterdir()}
    assert found == {*here.NAMES[:4], "config.yaml", "report.html", "report.md", "tables", "plots"}
    assert here.facts(project, "evaluate")["headline"] in (project / here.RESULTS / "report.md").read_text()
    assert len(here.facts(project, "search")["ranked"]) == 3
    assert here.run(project, "git", "status", "--porcelain").stdout == "", "git ignores data, studies and results"


def test_a_second_repro_does_nothing_in_seconds(done: Path) -> None:
    before, begin = here.content(done / "mlruns"), os.times().children_user
    output = here.dvc(done, "repro")
    assert os.times().children_user - begin < 8, "seconds of computing: a busy machine needs more of the clock's"
    assert here.ran(output) == []
    assert output.count("didn't change, skipping") == len(here.STAGES + here.OTHERS)
    assert "Data and pipelines are up to date." in output
    assert here.content(done / "mlruns") == before


def test_a_change_reruns_the_stages_that_depend_on_its_room(copied: Path) -> None:
    """One key or one comment each; DVC says which of the changed rooms a stage depends on."""
    here.set_key(copied / CONFIG, "max_epochs", 3)
    for file in CHANGED.keys() - {CONFIG}:
        here.append(copied / file)
    subjects = {"prepare": ("wine", "diabetes")}
    expected = {
        room(file): sorted(
            f"{stage}@{name}" for stage in stages for name in subjects.get(stage, (here.OTHER, here.NAME))
        )
        for file, stages in CHANGED.items()
    }
    assert {path: sorted(stages) for path, stages in here.depending(copied).items()} == expected


CHANGED = {
    CONFIG: ["search"],
    "conf/optimizer/adam.yaml": ["search"],
    "conf/confirm.yaml": ["confirm"],
    "conf/metric/r2.yaml": ["search", "evaluate"],
    "conf/explain.yaml": ["explain"],
    "conf/data/diabetes.yaml": ["prepare", "search"],
    "src/eksplora/report/markdown.py": ["report"],
    "src/eksplora/evaluation/curve.py": ["search", "confirm", "evaluate", "explain"],
    "src/eksplora/explain/ranking.py": ["explain"],
    "src/eksplora/model/cnn.py": list(here.NAMES),
}
"""Files, and the stages that depend on the rooms they are in."""


def room(file: str) -> str:
    """A file of `conf/` for a command; for others the folder that it is in."""
    return file if file.count("/") == 1 else str(Path(file).parent)


@pytest.mark.slow
def test_a_comment_reruns_the_search_alone_and_nothing_is_trained_again(copied: Path) -> None:
    """It finds its finished study and hands on the same bytes, so the stages after it are skipped."""
    here.append(copied / "conf/optimizer/adam.yaml")
    before = here.studies(copied), here.content(copied / here.RESULTS)
    assert here.ran(here.dvc(copied, "repro", here.STAGES[-1])) == [SEARCH]
    assert (here.studies(copied), here.content(copied / here.RESULTS)) == before


@pytest.mark.slow
def test_stages_read_only_what_they_depend_on(first: First) -> None:
    """What the processes of every stage and their workers import, compose, and read of data and results."""
    done = first[0]
    wanted = here.dependencies(done)
    read = [entry for entry in opened(done) if entry[2].startswith((*CODE, *DATA))]
    assert {(stage, why) for stage, why, _ in read} >= {(stage, why) for stage in here.STAGES for why in IMPORTS}
    for stage, why, path in read:
        is_data = path.startswith(DATA)
        if why in IMPORTS and not is_data:
            resolved = wanted[SEARCH] if f"{here.RESULTS}/config.yaml" in wanted[stage] and why == "composed" else []
            assert dvc_yaml.is_covered(path, [*wanted[stage], *resolved]), f"{stage}: {why} {path}"
        if why == "opened" and is_data and not (done / path).is_dir():
            handed_on = here.outs(done)[stage]
            # The list of all results, which no stage hands on: of a test part, or of the confirmation without one.
            listed = ("/evaluate/evaluate.json", "/confirm/confirm.json")
            is_listed = stage.startswith("report") and path.endswith(listed)
            is_its_own = dvc_yaml.is_covered(path, [*wanted[stage], *handed_on])
            assert is_listed or is_its_own or is_beside(path, [*handed_on, "results/index.html"]), f"{stage}: {path}"


SEARCH = here.STAGES[1]
"""It depends on all that is composed; the stages after it depend on the resolved configuration that it hands on."""

IMPORTS = ("imported", "composed")
CODE, DATA = ("conf/", "src/", "pipelines/"), ("data/", "results/")


def opened(project: Path) -> Iterator[tuple[str, str, str]]:
    """Stage, reason and path of the project of every file that the spy has seen opened; bytecode as its source."""
    for line in set((project.parent / "opened.tsv").read_text().splitlines()):
        stage, why, path = line.split("\t")
        if Path(path).is_relative_to(project):
            relative = Path(path).relative_to(project).as_posix()
            yield stage, why, re.sub(r"__pycache__/(\w+)\.[\w.-]+$", r"\1.py", relative)


def is_beside(path: str, outs: Sequence[str]) -> bool:
    """Whether a path is, or is under, what an out is called while it is written."""
    return any(path.startswith(str(Path(out).with_name(f".{Path(out).name}."))) for out in outs)


# --- interruptions -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_search_whose_dvc_is_killed_goes_on(first: First, start: Path, tmp_path: Path) -> None:
    undisturbed = first[0]
    project, search = here.duplicate(start, tmp_path / "project"), here.STAGES[1]
    with ExitStack() as living:
        killed, _ = going_on(project, [search], living, search)
        here.wait(lambda: any(project.glob("mlruns/studies/*/spool.jsonl")), killed)  # training begins
        killed.kill()
        assert killed.wait() == -signal.SIGKILL and halves(project, undisturbed) == []
        process, log = going_on(project, [], living, search)
        assert process.returncode == 0, log.read_text()
        until(lambda: not session(killed.pid))
    assert halves(project, undisturbed) == []
    assert here.facts(project, "search")["ranked"] == here.facts(undisturbed, "search")["ranked"]
    ((study, ends),) = here.studies(project).items()
    assert ends == here.studies(undisturbed)[study] and set(ends.values()) == {1}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_repro_that_is_killed_at_ten_random_moments_goes_on(first: First, start: Path, tmp_path: Path) -> None:
    draws = random.Random(1)
    chosen = sorted(draws.choices(range(len(here.STAGES)), [first[2][name] for name in here.STAGES], k=10))
    # Not at once: DVC itself loses a Ctrl-C in the moment in which it starts a command.
    killed_repro_equals(first, start, tmp_path, [(here.STAGES[number], draws.uniform(0.05, 1)) for number in chosen])


def killed_repro_equals(first: First, start: Path, folder: Path, moments: Sequence[tuple[str, float]]) -> None:
    """Kill a repro again and again, each time in a stage or in what DVC does after it; then let it end."""
    undisturbed, _, seconds = first
    project, ways, leaders = here.duplicate(start, folder / "project"), itertools.cycle(ENDS.values()), list[int]()
    with ExitStack() as living:  # what a killed DVC leaves behind goes on meanwhile
        for name, share in moments:
            process, log = going_on(project, here.STAGES[here.STAGES.index(name) :], living)
            while here.wait_for_end(process, share * seconds[name]):  # the machine is faster than it was: once more
                assert process.returncode == 0, log.read_text()
                share /= 2
                here.remove(project)
                here.duplicate(start, project)
                process, log = going_on(project, here.STAGES[here.STAGES.index(name) :], living)
            kill, signum = next(ways)
            kill(process.pid, signum)
            assert process.wait() != 0, f"{name}, {signum.name}: {log.read_text()}"
            leaders.append(process.pid)
            assert halves(project, undisturbed) == [], f"after {signum.name} in {name}"
        process, log = going_on(project, [], living)
        assert process.returncode == 0, log.read_text()
        for leader in leaders:
            until(lambda leader=leader: not session(leader))
    assert len(leaders) == len(moments)
    assert halves(project, undisturbed) == []
    assert here.tables(project) == here.tables(undisturbed)
    assert here.studies(project) == here.studies(undisturbed)
    assert {number for study in here.studies(project).values() for number in study.values()} == {1}
    assert in_mlflow(project) == in_mlflow(undisturbed)
    assert here.ran(here.dvc(project, "repro")) == []


def going_on(
    project: Path, wanted: Sequence[str], living: ExitStack, *target: str
) -> tuple["subprocess.Popen[str]", Path]:
    """A repro that runs one of these stages, or has ended; files that the last one was killed in are deleted first."""
    while True:
        log = project.parent / f"{len(list(project.parent.glob('*.log')))}.log"
        process = living.enter_context(here.started(project, [here.DVC, "repro", *target], log))
        here.wait(lambda log=log: set(wanted) & set(here.ran(log.read_text())), process)
        half = [file for word, file in HALF_WRITTEN.items() if process.poll() and word in log.read_text()]
        if not half:
            return process, log
        (project / half[0]).unlink()


HALF_WRITTEN = {"dvc.lock": "dvc.lock", "RWLock-file": ".dvc/tmp/rwlock"}
"""What DVC says, by what it cannot read when it was killed while it wrote it, and the file to delete."""


def halves(project: Path, undisturbed: Path) -> list[str]:
    """The outs that are there, but not whole."""
    there = [out for out in here.OUTS if (project / out).exists()]
    return [out for out in there if here.content(project / out).keys() != here.content(undisturbed / out).keys()]


def in_mlflow(project: Path) -> list[tuple[object, ...]]:
    """Runs by status, and the versions of the model."""
    with closing(sqlite3.connect(project / "mlruns/mlflow.db")) as database:
        runs = database.execute("SELECT status, count(*) FROM runs GROUP BY status ORDER BY status").fetchall()
        return [*runs, *database.execute("SELECT name, count(*) FROM model_versions GROUP BY name")]


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_without_a_lock_file_that_was_half_written_nothing_is_trained_again(share: float, copied: Path) -> None:
    """DVC writes dvc.lock in place. Killed meanwhile, it cannot read it, or takes it for one with fewer stages."""
    lock, before = copied / "dvc.lock", here.content(copied / "mlruns")
    whole = lock.read_text()
    lock.write_text(whole[: int(share * len(whole))])
    with ExitStack() as living:
        process, log = going_on(copied, [], living, here.STAGES[-1])
        assert process.returncode == 0, log.read_text()
    assert set(here.ran(log.read_text())) <= {here.STAGES[0]}, "raw data are not kept in the cache of runs"
    assert here.content(copied / "mlruns") == before
    fixed, wanted = (yaml.safe_load(text)["stages"] for text in (lock.read_text(), whole))
    assert [fixed[name] for name in here.STAGES] == [wanted[name] for name in here.STAGES]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "prepare" else pytest.mark.slow) for name in here.COMMANDS]
)
def test_a_stage_that_is_asked_to_end_exits_with_143_and_the_same_command_goes_on(
    name: str, done: Path, copied: Path
) -> None:
    outs = here.outs(copied)[f"{name}@{here.NAME}" if name != "prepare" else here.STAGES[0]]
    for out in outs:
        here.remove(copied / out)
    log = copied.parent / "stage.log"
    with here.started(copied, here.stage(name), log) as process:
        at_a_random_moment(random.Random(name), 10 if name in SLOW else 4)  # seconds: about as long as it takes
        process.send_signal(signal.SIGTERM)
        code = process.wait()
    # The shell says 143 too when the signal came before there was anybody to handle it.
    assert code in (143, 0, -signal.SIGTERM), log.read_text()
    assert "Traceback" not in log.read_text()
    assert halves(copied, done) == []
    here.run(copied, *here.stage(name))
    assert halves(copied, done) == [] and all((copied / out).exists() for out in outs)


# --- what DVC shows ----------------------------------------------------------------------------------------------


def test_metrics_and_plots_show_every_result(done: Path, tmp_path: Path) -> None:
    shown = json.loads(here.dvc(done, "metrics", "show", "--json"))[""]["data"]
    assert {name: entry["data"] for name, entry in shown.items()} == {
        f"results/{experiment}/{stage}/metrics.json": json.loads(
            (done / f"results/{experiment}/{stage}/metrics.json").read_text()
        )
        for experiment in (here.OTHER, here.NAME)
        for stage in here.NAMES[:3]
    }
    evaluated = here.facts(done, "evaluate")["test"]
    assert shown[f"{here.RESULTS}/evaluate/metrics.json"]["data"]["objective"] == evaluated["mae"]["ensemble"]["mean"]
    plots = json.loads(here.dvc(done, "plots", "show", "--json", "--out", str(tmp_path)))["data"]
    drawn = {name: rows_of(plot) for name, (plot,) in plots.items()}
    assert set(drawn) == {
        f"{here.OTHER}: confusion matrix",
        f"{here.NAME}: residuals",
        *(f"{experiment}: {what}" for experiment in (here.OTHER, here.NAME) for what in ("search", "learning curves")),
    }
    trials = [row for row in drawn[f"{here.NAME}: search"] if row["field"] == "best"]
    assert [float(row["best"]) for row in trials] == best_so_far(done)
    assert len(drawn[f"{here.NAME}: learning curves"]) == 2 * 2, "two curves of two epochs"
    residuals = drawn[f"{here.NAME}: residuals"]
    assert len(residuals) == here.facts(done, "evaluate")["rows"]
    assert all(
        float(row["residual"]) == pytest.approx(float(row["actual"]) - float(row["predicted"])) for row in residuals
    )


def rows_of(plot: dict[str, Any]) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = plot["content"]["data"]["values"]
    return rows


def best_so_far(project: Path) -> list[float]:
    """The lowest objective after each trial of the search."""
    values = {trial["trial"]: trial["value"] for trial in here.facts(project, "search")["ranked"]}
    return [min(values[number] for number in range(last + 1)) for last in range(len(values))]


def test_plots_are_a_page_that_git_ignores(done: Path) -> None:
    assert "dvc_plots/index.html" in here.dvc(done, "plots", "show")
    assert (done / "dvc_plots/index.html").read_text().count("vegaEmbed") == 6
    assert here.run(done, "git", "status", "--porcelain").stdout == ""


@pytest.mark.slow
def test_an_experiment_of_dvc_changes_keys_of_the_experiment_s_file(copied: Path) -> None:
    """`-S file:key=value` changes a key that the file has, `-S file:+key=value` adds one."""
    words = ["-S", f"{CONFIG}:trainer.max_epochs=4", "-S", f"{CONFIG}:+study.n_seeds=2"]
    output = here.dvc(copied, "exp", "run", "--name", "longer", *words, here.STAGES[1])
    assert here.ran(output) == [here.STAGES[1]]
    before, after = runs_of(copied, "main", "longer")
    objective = f"{here.RESULTS}/search/metrics.json"
    assert after["metrics"][objective] != before["metrics"][objective]
    changes = json.loads(here.dvc(copied, "params", "diff", "--json"))[f"{here.RESULTS}/config.yaml"]
    assert changes["trainer.max_epochs"] == {"old": 2, "new": 4, "diff": 2}
    assert changes["study.n_seeds"] == {"old": 1, "new": 2, "diff": 1}
    assert set(changes) == {"trainer.max_epochs", "study.n_seeds"}
    found = json.loads(here.dvc(copied, "metrics", "diff", "--json"))[objective]["objective"]
    assert (found["old"], found["new"]) == tuple(
        run["metrics"][objective]["data"]["objective"] for run in (before, after)
    )


def runs_of(project: Path, *names: str) -> list[dict[str, Any]]:
    """Parameters and metrics of a branch, and of experiments of DVC."""
    _, head = json.loads(here.dvc(project, "exp", "show", "--json"))
    runs = {head["name"]: head["data"]} | {one["name"]: one["revs"][0]["data"] for one in head["experiments"]}
    return [runs[name] for name in names]


# --- data --------------------------------------------------------------------------------------------------------


def test_raw_and_prepared_data_have_their_hashes_in_the_lock_file(done: Path) -> None:
    outs = {
        out["path"]: out for out in yaml.safe_load((done / "dvc.lock").read_text())["stages"][here.STAGES[0]]["outs"]
    }
    assert set(outs) == set(here.OUTS[:2])
    for path, out in outs.items():
        files = [file for file in (done / path).rglob("*") if file.is_file()]
        assert (out["nfiles"], out["size"]) == (len(files), sum(file.stat().st_size for file in files))
        assert out["md5"].endswith(".dir") and here.cached(done, out["md5"]).is_file()


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Settings and environment of an empty remote: a folder, or a bucket of a server on this machine."""
    if request.param == "folder":
        yield {"url": str(tmp_path / "remote")}, {}
        return
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "small", "aws_secret_access_key": "small"}
    (tmp_path / "nothing").touch()
    own = {key.upper(): value for key, value in keys.items()} | {"AWS_CONFIG_FILE": str(tmp_path / "nothing")}
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys)
    client.create_bucket(Bucket="small")
    yield {"url": "s3://small/store", "endpointurl": f"http://{host}:{port}"}, own
    client.close()
    server.stop()


def test_push_and_pull_bring_data_and_results_back_byte_for_byte(
    remote: tuple[dict[str, str], dict[str, str]], copied: Path
) -> None:
    settings, own = remote
    (copied / "results/index.html").unlink()  # lists the results of a machine, and is handed on by no stage
    before = {folder: here.content(copied / folder) for folder in ("data", "results")}
    lines = [f"{key} = {value}" for key, value in settings.items()]
    (copied / ".dvc/config.local").write_text("\n".join(["[core]", "remote = store", "['remote \"store\"']", *lines]))
    here.dvc(copied, "push", own=own)
    for name in (".dvc/cache", "data", "results"):
        here.remove(copied / name)
    here.dvc(copied, "pull", own=own)
    assert {folder: without_locks(here.content(copied / folder)) for folder in before} == {
        folder: without_locks(files) for folder, files in before.items()
    }


def without_locks(files: dict[str, str]) -> dict[str, str]:
    """Files without those that only keep two processes from making one folder."""
    return {name: sha256 for name, sha256 in files.items() if not name.endswith(".lock")}


@pytest.mark.slow
def test_a_changed_byte_in_the_cache_is_delivered_by_dvc_and_found_by_our_own_manifest(copied: Path) -> None:
    folder, name = Path("data/prepared/diabetes"), "train_features.npy"
    file = here.cached(copied, here.hash_of(copied, folder, name))
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    file.chmod(0o444)
    here.remove(copied / folder)
    here.dvc(copied, "checkout", str(folder))
    assert (copied / folder / name).read_bytes() == content, "DVC trusts its cache"
    shown = [
        line for line in here.run(copied, *here.stage("search"), code=2).stderr.splitlines() if "starting" not in line
    ]
    (line,) = shown
    assert line.startswith(f"error: {folder}/{name} has changed since it was prepared: its sha256 is not the card's.")
    here.remove(copied / folder)  # the way out that the message names
    here.run(copied, *here.stage("prepare"))
    assert here.dvc(copied, "status", here.STAGES[0]) == "Data and pipelines are up to date.\n"


@pytest.mark.slow
def test_without_its_cache_and_outs_dvc_makes_them_again_and_nothing_is_trained_twice(done: Path, copied: Path) -> None:
    for name in (".dvc/cache", *here.OUTS):
        here.remove(copied / name)
    assert here.ran(here.dvc(copied, "repro", here.STAGES[-1])) == list(here.STAGES)
    assert here.tables(copied) == here.tables(done)
    assert here.studies(copied) == here.studies(done)


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in here.NAMES])
def test_a_read_only_folder_of_results_is_one_line(name: str, copied: Path) -> None:
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("mounting in a user namespace is not permitted here")
    before = here.content(copied / "results")
    mount = "mount --bind results results && mount -o remount,bind,ro results"
    done = here.run(copied, *NAMESPACE, f'{mount} && exec "$@"', "sh", *here.stage(name), code=2)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    assert re.match(rf"error: \S*{here.RESULTS}\S*: .*Read-only file system.*\.$", lines[0]), lines
    assert here.content(copied / "results") == before


# --- no telemetry ------------------------------------------------------------------------------------------------


def test_dvc_neither_reports_nor_looks_for_news(done: Path) -> None:
    """The two ways in which DVC calls its makers: usage, and which version is the newest."""
    settings = configparser.ConfigParser()
    settings.read(here.ROOT / ".dvc/config")
    assert {key: settings["core"].getboolean(key) for key in ("analytics", "check_update")} == {
        "analytics": False,
        "check_update": False,
    }
    assert not list(Path(f"{done}.site").rglob("updater*")) and not list((done / ".dvc/tmp").glob("updater*"))
