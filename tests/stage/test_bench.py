"""Both sides of a comparison do the same work, and the tables say what was measured."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from eksplora import build
from eksplora.counter import derive
from eksplora.errors import ConfigError
from eksplora.stage import _bench_bare as bare
from eksplora.stage import _bench_driver, _bench_table, _bench_training
from eksplora.stage._bench_table import Section
from eksplora.stage._bench_tracked import MEMBER, TrackedTraining
from eksplora.stage._bench_training import BARE, OURS, SCORES, UNVALIDATED, Case
from eksplora.stage.bench import MEASUREMENTS, Say, bench
from eksplora.training.batches import epoch_order
from eksplora.types import Status

pytestmark = pytest.mark.filterwarnings("ignore::Warning:pytorch_lightning", "ignore::DeprecationWarning")
SMALL = {
    "boston_mlp": ["experiment=boston_mlp", "model.widths=[16,8]"],
    "digits_cnn": ["experiment=digits_cnn", "model.filters=[2]", "model.hidden_units=[8]"],
}


@pytest.fixture
def small(tmp_path: Path, prepared: str) -> Callable[..., Case]:
    """Makes a shrunken case of an experiment: 3 epochs of a small network."""
    paths = [prepared, f"paths.mlruns={tmp_path / 'mlruns'}", f"paths.results={tmp_path / 'results'}"]
    return lambda name, *overrides: Case([*SMALL[name], "trainer.max_epochs=3", *paths, *overrides], threads=1)


def our_order(case: Case) -> Callable[[int], Tensor]:
    """Our order of an epoch, as places among the rows to learn from."""
    rows = case.split.train
    assert (np.diff(rows) > 0).all()
    return lambda epoch: torch.from_numpy(np.searchsorted(rows, epoch_order(rows, MEMBER.seed, epoch).numpy()))


@pytest.mark.parametrize("name", SMALL)
def test_the_bare_loop_takes_our_steps_to_our_validation_score(small: Callable[..., Case], name: str) -> None:
    case = small(name, "tracker=off")
    ours = TrackedTraining(case.settings, case.config, name="study", threads=1).run()
    network = case.recipe.network()
    case.recipe.initialize(network, torch.Generator().manual_seed(derive(MEMBER.seed, "initialization")))
    network, data = bare.plain_network(network), case.recipe.data
    rows, others = torch.from_numpy(case.split.train), torch.from_numpy(case.split.validation)
    targets = case.recipe.task.target(data.targets)
    steps, score = bare.train(
        network,
        case.recipe.loss,
        bare.adam(network, case.config["optimizer"]),
        data.features[rows],
        targets[rows],
        epochs=case.recipe.max_epochs,
        batch_size=case.recipe.batch_size,
        validate=bare.validation(network, data.features[others], targets[others], SCORES[case.recipe.metric_name]),
        order=our_order(case),
    )
    assert ours.status is Status.FINISHED
    assert steps == ours.step == 3 * -(-len(rows) // 32)
    assert score == pytest.approx(ours.value, rel=1e-4)


@pytest.mark.parametrize("experiment", ["boston_mlp", "digits_cnn", "fashion_mnist_cnn"])
def test_the_plain_network_is_ours_without_its_wrapping(experiment: str) -> None:
    config = build.Configurator("train", [f"experiment={experiment}"])({})
    network = build.part(config, "model")
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


def test_a_training_is_measured_on_all_sides_and_recorded_in_mlflow(small: Callable[..., Case], tmp_path: Path) -> None:
    said: list[str] = []
    section = _bench_training.measure_training(small("boston_mlp"), target=1e9, repeats=1, say=said.append)
    assert [row["side"] for row in section.rows][:3] == [OURS, BARE, UNVALIDATED]
    assert section.rows[0]["reached"] == "yes"
    assert "3 epoch(s), 33 steps of 32 rows" in section.text
    assert "about 0 s left" in said[-1]
    with closing(sqlite3.connect(tmp_path / "mlruns" / "mlflow.db")) as store:
        points = store.execute("SELECT count(*) FROM metrics WHERE key = 'val/mae' GROUP BY run_uuid").fetchall()
    assert sorted(points) == [(1,), (3,)]  # epochs of the run that warms up, and of the one that counts


@pytest.mark.slow
def test_a_study_that_trains_nothing_is_timed_in_its_parts(tmp_path: Path) -> None:
    times = _bench_driver.time_study(tmp_path, "study", 3)
    assert times.trials == 3
    assert 0 < times.first < times.last < times.concluded < times.complete


def test_the_side_that_is_judged_is_ours_against_the_validating_loop() -> None:
    seconds = {OURS: [2.0, 2.4, 2.2], BARE: [2.0, 1.9, 9.0], UNVALIDATED: [1.0, 1.1, 1.2]}
    rows = _bench_training.rows_of(seconds, target=1.15)
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
    assert _bench_training.rows_of(seconds, target=1.05)[0]["reached"] == "no"


def test_the_driver_pays_for_trials_and_the_wait_for_mlflow_but_not_for_start_and_conclusion() -> None:
    times = _bench_driver.Times(trials=10, first=5.0, last=5.2, concluded=8.2, complete=8.3)
    assert times.cost_ms == pytest.approx(30.0)
    assert times.in_all_ms == pytest.approx(330.0)
    (row,) = _bench_driver.rows_of({10: [times]})
    assert (row["median, ms"], row["start-up, s"], row["conclusion, s"], row["in all, ms"]) == (
        "30.00",
        "5.0",
        "3.0",
        "330.0",
    )


def fake(folder: Path, repeats: int, say: Say) -> Section:
    """A measurement that takes no time."""
    assert list(folder.iterdir()) == []
    say(f"{repeats} runs")
    return Section("Fake", "What was done.", [{"side": "ours", "s": "1"}, {"side": "bare", "s": "2"}])


def test_the_page_holds_command_machine_and_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "benchmarks.md"
    bench(build.compose_request("bench", ["repeats=2", f"output={output}"]), {"fake": fake})
    text = output.read_text()
    assert "- command: `python pipelines/bench.py repeats=2 output=" in text
    assert "- runs: 2 of each side\n" in text
    assert "cores" in text
    assert "## Fake\n\nWhat was done.\n\n| side | s |\n| --- | --- |\n| ours | 1 |\n| bare | 2 |\n" in text
    assert capsys.readouterr().err == "fake: 2 runs\n"


def test_a_choice_of_measurements_is_printed_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "benchmarks.md"
    bench(build.compose_request("bench", ["only=[fake]", f"output={output}"]), {"fake": fake, "other": fake})
    assert capsys.readouterr().out == _bench_table.show(fake(tmp_path, 5, print)) + "\n"
    assert not output.exists()


def test_settings_that_mean_nothing_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"repeats must be at least 1, got 0\. Try repeats=5\."):
        bench(build.compose_request("bench", ["repeats=0"]))
    with pytest.raises(ConfigError, match=r"only: no measurement is called 'drivr'\. Did you mean 'driver'\?"):
        bench(build.compose_request("bench", ["only=[drivr]"]))


def test_all_three_promises_are_measured() -> None:
    assert set(MEASUREMENTS) == {"boston_mlp", "fashion_mnist_cnn", "driver"}
