"""Data sets that have more than ours (groups of rows, several targets, ...), through training and the stages."""

from pathlib import Path

import confirming as here
import made_data
import numpy as np
import pandas as pd
import pytest
import surviving
import torch
from collecting import Collects
from sklearn.metrics import f1_score

from eksplora.config import Configurator, part
from eksplora.errors import ConfigError
from eksplora.inference import network_of
from eksplora.records.validation import read_validation
from eksplora.types import Job, Member, Training
from eksplora.work import job, measurement

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

REGRESSION = {"task": "regression", "loss": "mse", "objective": "mae"}
QUICK = ("experiment=made", "paths.data=data", "tracker=off", *here.QUICK)


def test_rows_of_a_group_stay_together_through_the_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(30), 4)
    features = rng.normal(size=(120, 3)) + rng.normal(size=(30, 3))[groups]
    arrays = {"features": features, "targets": features.sum(1, keepdims=True), "groups": groups}
    made_data.make(tmp_path, arrays, parts=REGRESSION)
    surviving.warm_up()
    with made_data.inside(tmp_path, monkeypatch):
        here.pretend_search(tmp_path, QUICK, {"optimizer.lr": 0.01})
        here.run(tmp_path, "confirm", *QUICK, "study.n_seeds=3", "confirm.best=1")
        here.run(tmp_path, "evaluate", *QUICK)
        dataset = part(Configurator("train", [*QUICK[:2]])({}), "data")
        known, test = dataset.beside("train", "groups"), dataset.beside("test", "groups")
        (kept, *_) = (tmp_path / "mlruns/studies").glob("made-confirm*/**/validation.safetensors")
        found = read_validation(kept.parent)
    assert found is not None and found.groups is not None
    np.testing.assert_array_equal(found.groups, known[found.rows])
    np.testing.assert_array_equal(found.rows, np.flatnonzero(np.isin(known, found.groups)))
    assert "paired t over groups of rows" in next(tmp_path.glob("results/*/confirm/confirm.json")).read_text()
    details = next(tmp_path.glob("results/*/evaluate/details.json")).read_text()
    assert f"The rows are of {len(set(test))} groups" in details


def two_targets(folder: Path) -> dict[str, np.ndarray]:
    """A price in thousands and a rent below 1, both positive and skewed."""
    features = np.random.default_rng(1).normal(size=(160, 3))
    noise = np.random.default_rng(2).normal(0, 0.2, size=(160, 2))
    logarithms = np.stack([10 + features[:, 0], -1 + 0.5 * features[:, 1]], axis=1) + noise
    arrays = {"features": features, "targets": np.exp(logarithms)}
    made_data.make(folder, arrays, parts=REGRESSION, target_names=["price", "rent"])
    return arrays


@pytest.mark.parametrize("engine", ["fused", "single"])
def test_several_targets_count_alike_in_the_objective(engine: str, tmp_path: Path, monkeypatch) -> None:
    two_targets(tmp_path)
    with made_data.inside(tmp_path, monkeypatch):
        asked = [*QUICK[:2], f"training.engine={engine}", "data.target_scaling=log", "trainer.max_epochs=3"]
        config = Configurator("train", asked)({})
        dataset = part(config, "data")
        dataset.prepare()
        report = Collects()
        trainings = [Training(0, Member(i, 5 + i, i, 2), config, str(tmp_path / f"member-{i}")) for i in range(2)]
        for some in [trainings] if engine == "fused" else [[one] for one in trainings]:
            job.run("job", Job(0, some, str(tmp_path / f"population-{some[0].member.index}"), 1, 1000.0), report)
        targets = dataset.open("train")[1]
        scales = targets.std(axis=0)
        np.testing.assert_allclose(dataset.card()["target_scales"], scales)
        for result in report.heard:
            found = read_validation(tmp_path / f"member-{result.member}")
            assert found is not None and found.loss is not None and result.engine == engine
            off = np.abs(found.prediction - targets[found.rows])
            assert result.value == pytest.approx((off / scales).mean(), rel=1e-4)
            assert found.loss.mean() == pytest.approx(result.value, rel=1e-4)
            assert measurement.measured(config, found) == pytest.approx(result.value, rel=1e-4)
            assert (found.prediction > -1).all(), "in the targets' unit"


def test_each_of_several_targets_is_reported_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_targets(tmp_path)
    asked = [*QUICK, "data.target_scaling=log", "trainer.max_epochs=20"]
    surviving.warm_up()
    with made_data.inside(tmp_path, monkeypatch):
        here.pretend_search(tmp_path, asked, {"optimizer.lr": 0.01})
        here.run(tmp_path, "confirm", *asked, "study.n_seeds=2", "confirm.best=1")
        here.run(tmp_path, "evaluate", *asked)
        here.run(tmp_path, "explain", *asked, "explain.ablated=0")
        here.run(tmp_path, "report", *asked)
        dataset = part(Configurator("train", asked)({}), "data")
        targets, scales = dataset.open("test")[1], np.array(dataset.card()["target_scales"])
    facts, folder = here.facts(tmp_path, "evaluate"), tmp_path / "results/made"
    table = pd.read_csv(folder / "evaluate/predictions.csv")
    off = np.stack([table[f"actual_{name}"] - table[f"predicted_{name}"] for name in ("price", "rent")], axis=1)
    np.testing.assert_allclose(table[["actual_price", "actual_rent"]], targets)
    known = {name: one["ensemble"] for name, one in facts["test"].items()}
    for place, name in enumerate(["price", "rent"]):
        mae = known[f"{name}/mae"]
        assert mae["mean"] == pytest.approx(np.abs(off[:, place]).mean(), rel=1e-4)
        assert mae["low"] < mae["mean"] < mae["high"]
    assert known["mae"]["mean"] == pytest.approx(np.abs(off / scales).mean(), rel=1e-4)
    assert known["mae"]["low"] < known["mae"]["mean"] < known["mae"]["high"]
    page = (folder / "report.html").read_text()
    assert "mean absolute error of rent" in page and "a prediction is a median of the target" in page
    assert "attributions are for the first, price" in page


def test_targets_below_zero_have_no_logarithms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.random.default_rng(1).normal(size=(80, 3))
    made_data.make(tmp_path, {"features": features, "targets": features[:, :1]}, parts=REGRESSION)
    with made_data.inside(tmp_path, monkeypatch):
        config = Configurator("train", [*QUICK[:2], "data.target_scaling=log"])({})
        part(config, "data").prepare()
        with pytest.raises(ConfigError, match=r"target_scaling=log is for targets of 0 or more, and the least is -"):
            job.check(config)


@pytest.mark.parametrize("engine", ["fused", "single"])
def test_columns_of_codes_are_learned_as_vectors(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    codes, effects = rng.integers(0, 12, 240), rng.permutation(12) - 5.5
    features = np.stack([rng.normal(size=240), codes.astype(float)], axis=1)
    arrays = {"features": features, "targets": (features[:, 0] + effects[codes])[:, None]}
    made_data.make(tmp_path, arrays, parts=REGRESSION, codes=[(1, 12)])
    asked = [*QUICK[:2], f"training.engine={engine}", "trainer.max_epochs=60", "optimizer.lr=0.01"]
    with made_data.inside(tmp_path, monkeypatch):
        as_numbers = Configurator("train", asked)({})
        dataset = part(as_numbers, "data")
        dataset.prepare()
        with pytest.raises(ConfigError, match=r"Choose model=table_mlp with model\.cardinalities=\[\[1,12\]\]"):
            job.check(as_numbers)
        config = Configurator("train", [*asked, "model=table_mlp", "model.cardinalities=[[1,12]]"])({})
        job.check(config)
        report = Collects()
        trainings = [Training(0, Member(i, 5 + i, i, 2), config, str(tmp_path / f"member-{i}")) for i in range(2)]
        for some in [trainings] if engine == "fused" else [[one] for one in trainings]:
            job.run("job", Job(0, some, str(tmp_path / f"population-{some[0].member.index}"), 1, 1000.0), report)
        for result in report.heard:
            assert result.engine == engine
            assert result.value < 1, "the mean of the targets is off by 3"
            network = network_of(config, Path(str(result.weights)))
            known = network(torch.from_numpy(dataset.open("train")[0][:5]))
            assert known.isfinite().all()


def test_rows_count_by_their_weights_through_the_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    features, weights = rng.normal(size=(160, 3)), rng.gamma(1.0, size=160)
    targets = features[:, :1] + rng.normal(size=(160, 1))
    made_data.make(tmp_path, {"features": features, "targets": targets, "weights": weights}, parts=REGRESSION)
    surviving.warm_up()
    with made_data.inside(tmp_path, monkeypatch):
        here.pretend_search(tmp_path, QUICK, {"optimizer.lr": 0.01})
        here.run(tmp_path, "confirm", *QUICK, "study.n_seeds=3", "confirm.best=1")
        here.run(tmp_path, "evaluate", *QUICK)
        dataset = part(Configurator("train", [*QUICK[:2]])({}), "data")
        known, test = dataset.beside("train", "weights"), dataset.beside("test", "weights")
    (kept, *_) = (tmp_path / "mlruns/studies").glob("made-confirm*/**/validation.safetensors")
    found = read_validation(kept.parent)
    assert found is not None
    np.testing.assert_array_equal(found.weights, known[found.rows])
    table = pd.read_csv(tmp_path / "results/made/evaluate/predictions.csv")
    off = (table["actual"] - table["predicted"]).abs()
    mae = here.facts(tmp_path, "evaluate")["test"]["mae"]["ensemble"]
    assert mae["mean"] == pytest.approx(np.average(off, weights=test), rel=1e-4)
    assert mae["low"] < mae["mean"] < mae["high"]
    details = next(tmp_path.glob("results/*/evaluate/details.json")).read_text()
    assert f"{len(test)} rows say as much as {int(test.sum() ** 2 / (test**2).sum())} of equal weight" in details


def test_rows_with_several_labels_go_through_the_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    features = rng.normal(size=(200, 4))
    labels = (features[:, :3] + rng.normal(0, 0.5, size=(200, 3)) > [0, 0.5, -0.5]).astype(np.float64)
    parts = {"task": "multilabel", "loss": "binary_cross_entropy", "objective": "label_f1"}
    made_data.make(tmp_path, {"features": features, "targets": labels}, parts=parts, target_names=["a", "b", "c"])
    asked = [*QUICK, "trainer.max_epochs=20", "optimizer.lr=0.01"]
    surviving.warm_up()
    with made_data.inside(tmp_path, monkeypatch):
        here.pretend_search(tmp_path, asked, {"optimizer.lr": 0.01})
        here.run(tmp_path, "confirm", *asked, "study.n_seeds=2", "confirm.best=1")
        here.run(tmp_path, "evaluate", *asked)
        here.run(tmp_path, "explain", *asked, "explain.ablated=0")
        here.run(tmp_path, "report", *asked)
        targets = part(Configurator("train", asked)({}), "data").open("test")[1]
    folder = tmp_path / "results/made"
    table = pd.read_csv(folder / "evaluate/predictions.csv")
    says = table[["p_a", "p_b", "p_c"]].to_numpy() > 0.5
    known = {name: one["ensemble"] for name, one in here.facts(tmp_path, "evaluate")["test"].items()}
    assert set(known) == {"label_f1", "subset_accuracy", "mean_average_precision"}
    assert known["label_f1"]["mean"] == pytest.approx(f1_score(targets, says, average="macro"), abs=1e-4)
    assert known["label_f1"]["mean"] > 0.6
    assert known["subset_accuracy"]["mean"] == pytest.approx((says == targets).all(1).mean(), abs=1e-4)
    for one in known.values():
        assert one["low"] < one["mean"] < one["high"]
    page = (folder / "report.html").read_text()
    assert "several labels per row" in page and "Recall of each label" in page


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], r"task=multilabel: targets are 0 or 1"),
        (["data.target_scaling=standard"], r"labels are no numbers to scale"),
        (["model.output_activation=sigmoid"], r"sigmoid is part of the loss"),
        (["loss=mse"], r"is for task=regression, not multilabel\. Choose loss=binary_cross_entropy"),
        (["imbalance=class_weights"], r"has no classes to balance"),
    ],
    ids=str,
)
def test_what_does_not_go_with_labels_is_refused(
    overrides: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = np.random.default_rng(1).normal(size=(80, 3))
    parts = {"task": "multilabel", "loss": "binary_cross_entropy", "objective": "label_f1"}
    made_data.make(tmp_path, {"features": features, "targets": features[:, :2]}, parts=parts)
    with made_data.inside(tmp_path, monkeypatch):
        part(Configurator("train", QUICK[:2])({}), "data").prepare()
        with pytest.raises(ConfigError, match=message):
            job.check(Configurator("train", [*QUICK[:2], *overrides])({}))
