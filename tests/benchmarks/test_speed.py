"""Both sides of a comparison do the same work, and the tables say what was measured."""

import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import augmentation, bare, driver, gpu, idle, memory, population, precision, sides, table, training
from benchmarks.case import SCORES, Case, Run, load
from benchmarks.memory import MIB, Peak
from benchmarks.settings import SpeedSettings
from benchmarks.sides import Call
from benchmarks.speed import MEASUREMENTS, bench
from benchmarks.table import Section
from benchmarks.tracked import Desk, members_of
from benchmarks.training import BARE, OURS, UNVALIDATED
from benchmarks.turns import Say
from eksplora.config import Configurator, part
from eksplora.counter import derive
from eksplora.errors import ConfigError, EksploraError
from eksplora.events.spool import Event, read
from eksplora.installation import CONF
from eksplora.training import engine
from eksplora.training.batches import epoch_order
from eksplora.types import EpochReport, Job, Member, MemberResult, Training

pytestmark = pytest.mark.filterwarnings("ignore::Warning:pytorch_lightning", "ignore::DeprecationWarning")
SMALL = {
    "boston_mlp": ("experiment=boston_mlp", "model.widths=[16,8]"),
    "digits_cnn": ("experiment=digits_cnn", "model.filters=[2]", "model.hidden_units=[8]"),
}


@pytest.fixture
def small(tmp_path: Path, prepared: str) -> Callable[..., Case]:
    """Makes a shrunken case of an experiment: 3 epochs of a small network."""
    return lambda name, *overrides: Case(
        (*SMALL[name], "trainer.max_epochs=3", prepared, *overrides), tmp_path, threads=1
    )


class Here(Executor):
    """Stands in for a process: does what it is asked at once, in this one."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take what a pool of processes takes."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it now."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the seconds in which new processes import torch; `test_sides_live_in_...` looks at the real ones."""
    monkeypatch.setattr(sides, "ProcessPoolExecutor", Here)


def spools(folder: Path) -> list[list[Event]]:
    """What happened in the studies of our side, in their order."""
    files = folder.glob("*/mlruns/studies/*/spool.jsonl")
    return [list(read(file)) for file in sorted(files, key=lambda file: int(file.parent.name.removeprefix("study-")))]


def our_order(case: Case) -> Callable[[int], Tensor]:
    """Our order of an epoch, as places among the rows to learn from."""
    rows, seed = load(case).fold.split.train, members_of(0, 1)[0].seed
    assert (np.diff(rows) > 0).all()
    return lambda epoch: torch.from_numpy(np.searchsorted(rows, epoch_order(rows, seed, epoch).numpy()))


# --- the sides -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_the_bare_loop_takes_our_steps_to_our_validation_score(small: Callable[..., Case], name: str) -> None:
    case = small(name, "tracker=off")
    ours, parts = case.ours(), load(case)
    recipe, fold = parts.recipe, parts.fold
    network = recipe.network()
    recipe.initialize(network, torch.Generator().manual_seed(derive(members_of(0, 1)[0].seed, "initialization")))
    network = bare.plain_network(network)
    rows, others = torch.from_numpy(fold.split.train), torch.from_numpy(fold.split.validation)
    targets = recipe.task.target(fold.targets)
    steps, score = bare.train(
        network,
        recipe.loss,
        bare.adam(network, parts.config["optimizer"]),
        fold.features[rows],
        targets[rows],
        epochs=recipe.max_epochs,
        batch_size=recipe.batch_size,
        validate=bare.validation(network, fold.features[others], targets[others], SCORES[recipe.metric_name]),
        order=our_order(case),
    )
    assert steps == ours.steps == 3 * -(-len(rows) // 32)
    assert [score] == pytest.approx(ours.scores, rel=1e-4)


@pytest.mark.slow
def test_a_measured_population_trains_the_members_that_are_asked_for(small: Callable[..., Case]) -> None:
    case = small("boston_mlp", "tracker=off")
    together = case.ours(members=3, first=1)
    alone = [case.ours(first=index).scores[0] for index in (1, 2, 3)]
    assert len(set(alone)) == 3
    assert together.scores == pytest.approx(alone, rel=1e-4)  # 33 steps apart by rounding only


@pytest.mark.slow
def test_the_bare_loop_of_a_case_trains_as_long_as_ours_and_scores_what_it_validates(
    small: Callable[..., Case],
) -> None:
    case = small("boston_mlp")
    validated, unvalidated = case.bare(), case.bare(validates=False)
    assert validated.steps == unvalidated.steps == 33
    assert unvalidated.scores == []
    assert 0 < validated.scores[0] < 25  # mean absolute error in thousands of dollars; prices go up to 50
    assert validated.seconds > 0


def test_a_case_with_several_folds_is_refused(small: Callable[..., Case]) -> None:
    with pytest.raises(
        ConfigError, match=r"protocol: a bare loop knows one split, this gives 5\. Choose protocol=hold"
    ):
        load(small("boston_mlp", "protocol=kfold"))


def test_a_population_that_is_given_back_is_not_measured(tmp_path: Path) -> None:
    desk = Desk(record=None, trial=None)  # type: ignore[arg-type]
    with pytest.raises(EksploraError, match=r"cannot be measured whole, at most 2 of its members go \(no memory\)"):
        desk.split(2, "no memory")


@pytest.mark.parametrize("experiment", ["boston_mlp", "digits_cnn", "fashion_mnist_cnn"])
def test_the_plain_network_is_ours_without_its_wrapping(experiment: str) -> None:
    config = Configurator("train", [f"experiment={experiment}"])({})
    network = part(config, "model")
    plain = bare.plain_network(network)
    assert [id(parameter) for parameter in plain.parameters()] == [id(parameter) for parameter in network.parameters()]
    x = torch.rand(5, *config["data"]["input_shape"], generator=torch.Generator().manual_seed(0))
    assert torch.equal(plain(x), network(x))


def test_bare_adam_has_the_numbers_of_conf_and_takes_its_switches_only_when_asked() -> None:
    network = torch.nn.Linear(1, 1)
    settings = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.5, "eps": 1e-7, "fused": True}
    own = torch.optim.Adam(network.parameters(), lr=0.5, eps=1e-7).defaults
    assert bare.adam(network, settings).defaults == own
    assert bare.adam(network, settings, switches=True).defaults == own | {"fused": True}


# --- turns -----------------------------------------------------------------------------------------------------------


def test_sides_live_in_processes_of_their_own() -> None:
    with sides.processes(2) as (first, second):
        pids = [worker.submit(os.getpid).result() for worker in (first, second, first, second)]
    assert pids[:2] == pids[2:]
    assert len({os.getpid(), *pids}) == 3


def pretended(case: Case, *, begun: float = 0.0, ended: float = 1.0, steps: int = 7, score: float = 0.5) -> Run:
    """A run that takes no time."""
    return Run(begun, ended, steps, [score])


def call(**arguments: Any) -> Call:
    """A call of `pretended`."""
    return Call(Here(), pretended, Case((), Path(), threads=1), arguments)


def test_calls_at_once_last_from_the_first_begin_to_the_last_end() -> None:
    together = sides.run([call(begun=5.0, ended=8.0, score=0.1), call(begun=4.5, ended=7.0, score=0.2)])
    assert together == Run(4.5, 8.0, 7, [0.1, 0.2])
    assert sides.seconds([together]) == [1.75]  # of 3.5 s for two trainings


def test_sides_that_are_not_judged_run_three_times_at_most() -> None:
    known = {"ours": [call()], "theirs": [call()], "other": [call()]}
    runs = sides.time_sides(known, judged=("ours", "theirs"), repeats=5, say=lambda text: None)
    assert {name: len(taken) for name, taken in runs.items()} == {"ours": 5, "theirs": 5, "other": 3}


def test_sides_with_different_steps_are_not_compared() -> None:
    known = {"ours": [call(steps=3)], "theirs": [call(steps=4)]}
    with pytest.raises(EksploraError, match=r"different numbers of steps: \{'ours': \[3\], 'theirs': \[4\]\}"):
        sides.time_sides(known, judged=("ours",), repeats=1, say=lambda text: None)


def test_a_population_is_judged_by_the_seconds_of_a_member() -> None:
    runs = {
        "population": [Run(0, 4, 9, [1.0] * 4), Run(0, 2, 9, [1.0] * 4), Run(0, 3, 9, [1.0] * 4)],
        "bare": [Run(0, 3, 9, [1.0]), Run(0, 2, 9, [1.0]), Run(0, 4, 9, [1.0])],
    }
    rows = sides.rows_of(runs, judged=("population",), against="bare", target=4)
    assert rows[0] == {
        "side": "population",
        "runs": "3",
        "median, s": "0.75",
        "min, s": "0.50",
        "max, s": "1.00",
        "times faster": "4.00",
        "target": ">= 4",
        "reached": "yes",
    }
    assert (rows[1]["times faster"], rows[1]["target"], rows[1]["reached"]) == ("1.00", "", "")
    assert sides.rows_of(runs, judged=("population",), against="bare", target=4.01)[0]["reached"] == "no"


# --- measurements ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_a_training_is_measured_on_all_sides_and_recorded_in_mlflow(small: Callable[..., Case], tmp_path: Path) -> None:
    said: list[str] = []
    section = training.measure_training(small("boston_mlp"), target=1e9, repeats=1, say=said.append)
    assert [row["side"] for row in section.rows] == [OURS, BARE, UNVALIDATED, "bare loop with fused=True"]
    assert section.rows[0]["reached"] == "yes"
    assert "3 epoch(s), 33 steps of 32 rows" in section.text
    assert said[-1].startswith("run 4 of 4: bare loop with fused=True")
    with closing(sqlite3.connect(tmp_path / str(os.getpid()) / "mlruns" / "mlflow.db")) as store:
        points = store.execute("SELECT count(*) FROM metrics WHERE key = 'val/mae' GROUP BY run_uuid").fetchall()
    assert sorted(points) == [(1,), (3,)]  # epochs of the run that warms up, and of the one that counts


def test_the_side_that_is_judged_is_ours_against_the_validating_loop() -> None:
    seconds = {OURS: [2.0, 2.4, 2.2], BARE: [2.0, 1.9, 9.0], UNVALIDATED: [1.0, 1.1, 1.2]}
    rows = training.rows_of(seconds, target=1.15)
    assert rows[0] == {
        "side": OURS,
        "runs": "3",
        "median, s": "2.20",
        "min, s": "2.00",
        "max, s": "2.40",
        "ratio": "1.100",
        "target": "<= 1.15",
        "reached": "yes",
    }
    assert [(row["ratio"], row["reached"]) for row in rows[1:]] == [("1.100", ""), ("2.000", "")]
    assert training.rows_of(seconds, target=1.05)[0]["reached"] == "no"


@pytest.mark.usefixtures("here")
@pytest.mark.slow
def test_populations_of_all_sizes_are_measured_and_one_is_judged_in_both_ways(
    small: Callable[..., Case], tmp_path: Path
) -> None:
    section = population.measure_population(
        small("boston_mlp", "tracker=off"), sizes=(1, 4), judged=4, target=1e-9, aim=8, repeats=1, say=lambda text: None
    )
    assert [(row["side"], row["target"]) for row in section.rows] == [
        ("eksplora, population of 1", ""),
        ("eksplora, population of 4", ">= 1e-09"),
        ("eksplora, population of 4, tracked", ""),
        ("eksplora, 4 members on two workers", ">= 1e-09"),
        ("bare loop", ""),
        ("bare loop, two at once with one thread each", ""),
    ]
    assert section.rows[1]["reached"] == "yes"
    assert "3 epoch(s), 33 steps of 32 rows" in section.text
    members = [[event.body.member for event in spool if event.kind == "member"] for spool in spools(tmp_path)]
    assert members == [[0], [0, 1, 2, 3], [0, 1, 2, 3], [0, 1], [2, 3]] * 2  # once to warm up


@pytest.mark.usefixtures("here")
@pytest.mark.slow
def test_both_precisions_are_timed_and_their_members_compared_in_pairs(
    small: Callable[..., Case], tmp_path: Path
) -> None:
    case = small("digits_cnn", "tracker=off", "trainer.max_epochs=1")
    speed = precision.measure_speed(case, target=1e-9, repeats=1, say=lambda text: None)
    assert [(row["side"], row["reached"]) for row in speed.rows] == [
        ("eksplora, bf16", "yes"),
        ("eksplora, float32", ""),
        ("bare loop, float32", ""),
    ]
    accuracy = precision.measure_accuracy(case, epochs=2, seeds=2, say=lambda text: None)
    assert [row["members"] for row in accuracy.rows] == ["2"] * 3
    assert "after 2 epoch(s), by 2 members" in accuracy.text
    means = [float(row["mean"]) for row in accuracy.rows]
    assert means[2] == pytest.approx(means[0] - means[1], abs=2e-4)
    trials = [event.body.params for spool in spools(tmp_path) for event in spool if event.kind == "trial"]
    precisions = [(trial["trainer.precision"], trial["trainer.max_epochs"]) for trial in trials]
    assert precisions == [("bf16-mixed", 1), ("32-true", 1)] * 2 + [("bf16-mixed", 2), ("32-true", 2)] * 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("fpu avx512_bf16 sse amx_bf16", "amx_bf16, avx512_bf16"),
        ("fpu avx512_bf16x", "none"),
    ],
)
def test_the_processors_instructions_for_bfloat16_are_named(tmp_path: Path, flags: str, words: str) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n")
    assert precision.bf16_instructions(tmp_path / "cpuinfo") == words


def test_memory_is_reported_per_parameter_and_member_beside_the_estimate(
    small: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = 13 * 16 + 16 + 16 * 8 + 8 + 8 + 1
    monkeypatch.setattr(engine, "member_bytes", lambda member, network: 48 * parameters)
    peaks = [
        Peak(1, 100 * MIB),
        Peak(1001, 100 * MIB + 20_000 * parameters),
        Peak(2001, 100 * MIB + 40_000 * parameters),
    ]
    section = memory.report(small("boston_mlp"), peaks)
    assert f"One network has {parameters} parameters" in section.text
    assert "fitted: 20.0 bytes per parameter and member (a straight line by least squares, R2 = 1.0000)" in section.text
    assert "estimated: 48.0 bytes per parameter and member" in section.text
    assert section.rows[1] == {
        "members": "1001",
        "peak, MiB": f"{100 + 20_000 * parameters / MIB:.0f}",
        "above that of 1": f"{20_000 * parameters / MIB:.1f}",
        "fitted": f"{20_000 * parameters / MIB:.1f}",
        "estimated": f"{48_000 * parameters / MIB:.1f}",
    }


@pytest.mark.slow
def test_a_larger_population_holds_more_memory(small: Callable[..., Case]) -> None:
    case = small("boston_mlp", "tracker=off", "model.widths=[256,256]", "trainer.max_epochs=1")
    section = memory.measure_memory(case, sizes=(1, 64), say=lambda text: None)
    weights = 64 * 4 * (13 * 256 + 256 + 256 * 256 + 256 + 256 + 1) / MIB  # the least that there must be
    assert weights < float(section.rows[1]["above that of 1"]) < 20 * weights


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_each_augmentation_is_timed_after_steps_of_the_bare_loop(
    small: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[int, int]] = []
    train = bare.train

    def counted(network: Any, loss: Any, optimizer: Any, x: Tensor, y: Tensor, **how: Any) -> Any:
        steps, score = train(network, loss, optimizer, x, y, **how)
        taken.append((steps, len(x)))
        return steps, score

    monkeypatch.setattr(bare, "train", counted)
    section = augmentation.measure_augmentation(
        small("digits_cnn"), names=["shift", "mixup"], rows=64, target=1e9, repeats=2, say=lambda text: None
    )
    assert [(row["augmentation"], row["runs"], row["reached"]) for row in section.rows] == [
        (augmentation.STEP, "4", ""),
        ("shift", "2", "yes"),
        ("mixup", "2", "yes"),
    ]
    assert taken == [(1, 64)] * 5 * (2 + 4)  # calls of the two that warm up, and of the four that count
    assert "64 rows of `experiment=digits_cnn`, float32, 1\nthread(s)" in section.text


def test_an_augmentation_is_judged_by_its_share_of_the_median_step() -> None:
    times = augmentation.Times
    runs = {
        "flip": [times(step=0.010, augmentation=0.001), times(step=0.030, augmentation=0.003)],
        "crop": [times(step=0.020, augmentation=0.005), times(step=0.020, augmentation=0.004)],
    }
    step, flip, crop = augmentation.rows_of(runs, target=0.2)
    assert (step["median, ms"], step["runs"]) == ("20.00", "4")
    assert (flip["median, ms"], flip["share"], flip["target"], flip["reached"]) == ("2.00", "0.100", "<= 0.2", "yes")
    assert (crop["share"], crop["reached"]) == ("0.225", "no")


def test_every_augmentation_but_none_is_measured() -> None:
    files = {file.stem for file in (CONF / "augmentation").glob("*.yaml")}
    assert {*augmentation.options(), "none"} == files


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_on_a_gpu_a_population_is_judged_per_member(small: Callable[..., Case]) -> None:
    promise = gpu.Promise(small("boston_mlp", "tracker=off"), members=3, target=1e9)
    rows = gpu.measure(promise, repeats=1, say=lambda text: None)
    assert [(row["training"], row["side"], row["target"], row["reached"]) for row in rows] == [
        ("boston_mlp", "eksplora, population of 3", ">= 1e+09", "no"),
        ("boston_mlp", "bare loop", "", ""),
    ]


def test_without_a_gpu_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    section = gpu.measure_gpu([], repeats=1, say=lambda text: None)
    assert table.show(section) == ("## Populations on a GPU\n\nNot measured: this machine has no GPU.\n")


@pytest.mark.gpu
def test_on_a_gpu_both_sides_train_there(small: Callable[..., Case]) -> None:
    case = small("boston_mlp", "trainer=gpu", "trainer.max_epochs=3")
    section = gpu.measure_gpu([gpu.Promise(case, 16, 1e-9)], repeats=1, say=lambda text: None)
    assert torch.cuda.get_device_name() in section.text
    assert section.rows[0]["reached"] == "yes"


class Answers:
    """Takes the reports of pretended trainings."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self.reports: list[EpochReport] = []
        self.results: list[MemberResult] = []

    def epochs(self, reports: Sequence[EpochReport]) -> list[Any]:
        """Keep them."""
        self.reports += reports
        return []

    def member(self, result: MemberResult) -> None:
        """Keep it."""
        self.results.append(result)


def test_the_idle_training_reports_what_a_real_one_reports() -> None:
    trainings = [Training(trial, Member(index, 0), {}, "") for trial in (0, 1) for index in (0, 1)]
    answers = Answers()
    job = Job(number=0, trainings=trainings, folder="", threads=1, checkpoint_seconds=1.0)
    idle.run("job", job, answers)  # type: ignore[arg-type]
    assert [(result.trial, result.member) for result in answers.results] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [report.epoch for report in answers.reports] == [epoch for epoch in range(1, 11) for _ in trainings]
    last = answers.results[-1]
    shown = [report.metrics for report in answers.reports if (report.trial, report.member) == (1, 1)]
    assert {name: [metrics[name] for metrics in shown] for name in last.curves} == last.curves
    assert last.value == last.curves["val/mae"][-1]


@pytest.mark.slow
def test_a_study_that_trains_nothing_is_timed_in_its_parts(tmp_path: Path) -> None:
    times = driver.time_study(tmp_path, "study", 3)
    assert times.trials == 3
    assert 0 < times.first < times.last < times.concluded < times.complete


def test_the_driver_pays_for_trials_and_the_wait_for_mlflow_but_not_for_start_and_conclusion() -> None:
    times = driver.Times(trials=10, first=5.0, last=5.2, concluded=8.2, complete=8.3)
    assert times.cost_ms == pytest.approx(30.0)
    assert times.in_all_ms == pytest.approx(330.0)
    (row,) = driver.rows_of({10: [times]})
    assert (row["median, ms"], row["start-up, s"], row["conclusion, s"], row["in all, ms"]) == (
        "30.00",
        "5.0",
        "3.0",
        "330.0",
    )


# --- the page --------------------------------------------------------------------------------------------------------


def fake(settings: SpeedSettings, folder: Path, say: Say) -> list[Section]:
    """A measurement that takes no time."""
    assert list(folder.iterdir()) == []
    say(f"{settings.repeats} runs")
    return [
        Section("Fake", "What was done.", [{"side": "ours", "s": "1"}, {"side": "bare", "s": "2"}]),
        Section("Other", "Nothing.", []),
    ]


def test_the_page_holds_command_machine_and_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "benchmarks.md"
    bench(["--repeats", "2", "--output", str(output)], {"fake": fake})
    text = output.read_text()
    assert "- command: `python -m benchmarks.speed --repeats 2 --output " in text
    assert "- runs: 2 of each side that a target is about" in text
    assert "cores" in text
    assert (
        "## Fake\n\nWhat was done.\n\n| side | s |\n| --- | --- |\n| ours | 1 |\n| bare | 2 |\n\n## Other\n\nNothing.\n"
        in text
    )
    assert capsys.readouterr().err == "fake: 2 runs\n"


def test_a_choice_of_measurements_is_printed_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "benchmarks.md"
    bench(["--only", "fake", "--output", str(output)], {"fake": fake, "other": fake})
    shown = capsys.readouterr().out
    assert shown == "".join(table.show(section) + "\n" for section in fake(SpeedSettings(repeats=5), tmp_path, print))
    assert not output.exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--repeats", "0"], "argument --repeats: must be at least 1, got 0"),
        (["--seeds", "1"], "argument --seeds: must be at least 2, got 1"),
        (["--repeats", "many"], "argument --repeats: invalid whole number value: 'many'"),
        (["--only", "drivr"], "argument --only: invalid choice: 'drivr'"),
    ],
)
def test_settings_that_mean_nothing_are_refused_by_name(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench(words)
    assert reason in capsys.readouterr().err


def test_every_promise_is_measured() -> None:
    names = {"boston_mlp", "fashion_mnist_cnn", "population", "bfloat16", "memory", "augmentation", "gpu", "driver"}
    assert set(MEASUREMENTS) == names
