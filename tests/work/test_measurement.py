"""What a finished member leaves behind for comparisons: predictions of the rows that it did not learn from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from collecting import Collects

from eksplora.config import Configurator, part, protocol_splits
from eksplora.inference import network_of
from eksplora.records.validation import TESTED, read_validation
from eksplora.types import Config, Cut, Job, Member, MemberResult, Training
from eksplora.work import baseline, job
from eksplora.work.measurement import row_losses

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def trained(config: Config, folder: Path, *members: Member) -> list[MemberResult]:
    part(config, "data").prepare()
    trainings = [Training(0, member, config, str(folder / f"member-{member.index}")) for member in members]
    report = Collects()
    job.run("job", Job(0, trainings, str(folder / "population"), 1, 1000.0), report)
    return sorted(report.heard, key=lambda result: result.member)


@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=diabetes_mlp"],
        ["experiment=wine_mlp"],
        ["experiment=breast_cancer_mlp", "objective=binary_accuracy"],
        ["experiment=diabetes_mlp", "objective=mse"],
    ],
    ids=" ".join,
)
def test_losses_of_rows_have_the_members_value_as_their_mean(
    overrides: list[str], prepared: str, tmp_path: Path
) -> None:
    config = Configurator("train", [prepared, *overrides, "trainer.max_epochs=2"])({})
    members = [Member(index, 5 + index, index, members=4) for index in range(2)]
    for result in trained(config, tmp_path, *members):
        found = read_validation(tmp_path / f"member-{result.member}")
        assert found is not None and found.loss is not None
        assert found.loss.mean() == pytest.approx(result.value, rel=1e-5)


def test_predictions_are_those_of_the_kept_weights_for_the_rows_of_the_members_split(
    prepared: str, tmp_path: Path
) -> None:
    config = Configurator("train", [prepared, "experiment=wine_mlp", "trainer.max_epochs=2"])({})
    member = Member(3, 8, fold=3, members=5, judges="later")
    (result,) = trained(config, tmp_path, member)
    features, targets = part(config, "data").open("train")
    split = protocol_splits(config, part(config, "data"), Cut(5, "later"))[3]
    found = read_validation(tmp_path / "member-3")
    assert found is not None
    np.testing.assert_array_equal(found.rows, split.validation)
    assert (found.train_rows, found.num_rows) == (len(split.train), len(targets))
    network = network_of(config, Path(str(result.weights)))
    with torch.inference_mode():
        scores = network(torch.from_numpy(np.array(features[split.validation])))
    np.testing.assert_allclose(found.prediction, torch.softmax(scores, 1).numpy(), rtol=1e-6)


def test_a_metric_that_is_no_mean_over_rows_has_predictions_alone(prepared: str, tmp_path: Path) -> None:
    asked = [prepared, "experiment=wine_mlp", "objective=auroc", "trainer.max_epochs=1"]
    trained(Configurator("train", asked)({}), tmp_path, Member(0, 5))
    found = read_validation(tmp_path / "member-0")
    assert found is not None and found.loss is None and len(found.prediction) == len(found.rows)


def test_where_no_row_validates_nothing_is_left(prepared: str, tmp_path: Path) -> None:
    asked = [prepared, "experiment=wine_mlp", "protocol=full", "early_stopping=off", "trainer.max_epochs=1"]
    trained(Configurator("train", asked)({}), tmp_path, Member(0, 5))
    assert read_validation(tmp_path / "member-0") is None


def test_a_baseline_leaves_the_same(prepared: str, tmp_path: Path) -> None:
    config = Configurator("train", [prepared, "experiment=wine_mlp"])({})
    part(config, "data").prepare()
    fitted = {key: config[key] for key in ("data", "task", "metric", "objective", "protocol")}
    fitted["baseline"] = {"_target_": "sklearn.dummy.DummyClassifier", "strategy": "prior"}
    member = Member(0, 5, fold=1, members=6)
    result = baseline.fit(Training(0, member, fitted, str(tmp_path / "member-0")))
    found = read_validation(tmp_path / "member-0")
    assert found is not None and found.loss is not None
    assert found.loss.mean() == pytest.approx(result.value)


@pytest.mark.parametrize(
    ("metric", "predicted", "wanted", "losses"),
    [
        ({"_target_": "torchmetrics.MeanAbsoluteError"}, [[1.0, 3.0], [2.0, 2.0]], [[0.0, 1.0], [2.0, 2.0]], [1.5, 0]),
        ({"_target_": "torchmetrics.MeanSquaredError"}, [[1.0], [2.0]], [[3.0], [2.0]], [4.0, 0]),
        ({"_target_": "torchmetrics.MeanSquaredError", "squared": False}, [[1.0]], [[3.0]], None),
        ({"_target_": "torchmetrics.classification.BinaryAccuracy"}, [0.6, 0.4], [1, 1], [1.0, 0]),
        ({"_target_": "mine.Metric"}, [[1.0]], [[3.0]], None),
    ],
)
def test_a_row_adds_its_part_to_the_mean(metric: dict, predicted: list, wanted: list, losses: list | None) -> None:
    found = row_losses(metric, torch.tensor(predicted), torch.tensor(wanted))
    assert (None if found is None else found.tolist()) == losses


@pytest.mark.parametrize(("average", "losses"), [("micro", [1.0, 0.0]), ("macro", None)])
def test_an_accuracy_that_is_averaged_over_classes_is_no_mean_over_rows(average: str, losses: list | None) -> None:
    metric = {"_target_": "torchmetrics.classification.MulticlassAccuracy", "average": average}
    found = row_losses(metric, torch.tensor([[0.1, 0.9], [0.2, 0.8]]), torch.tensor([1, 0]))
    assert (None if found is None else found.tolist()) == losses


def test_the_test_part_and_the_rows_learned_from_are_measured_alike(prepared: str, tmp_path: Path) -> None:
    """With the kept weights and dropout off, not as the curve of the training rows is gathered."""
    asked = [prepared, "experiment=diabetes_mlp", "trainer.max_epochs=3", "dropout.rate=0.4"]
    config = Configurator("train", asked)({})
    part(config, "data").prepare()
    training = Training(0, Member(0, 5, fold=1, members=4), config, str(tmp_path / "member-0"))
    report = Collects()
    job.run("job", Job(0, [training], str(tmp_path / "population"), 1, 1000.0, test_rows=50), report)
    (result,) = report.heard
    network = network_of(config, Path(str(result.weights)))
    split = protocol_splits(config, part(config, "data"), Cut(4))[1]
    wanted = {}
    for name, opened, rows in (("train_eval", "train", split.train), ("test", "test", np.arange(50))):
        features, targets = part(config, "data").open(opened)
        with torch.inference_mode():
            predicted = network(torch.from_numpy(np.array(features[rows]))).numpy()
        wanted[f"{name}/mae"] = float(np.abs(predicted - targets[rows]).mean())
    assert result.test == pytest.approx(wanted, rel=1e-5)
    assert result.curves["train/mae"][result.best_epoch - 1] != pytest.approx(wanted["train_eval/mae"], rel=1e-3)
    found = read_validation(tmp_path / "member-0", TESTED)
    assert found is not None and found.loss is not None
    assert found.loss.mean() == pytest.approx(wanted["test/mae"], rel=1e-5)
    assert (found.train_rows, found.rows.tolist()) == (len(split.train), list(range(50)))
