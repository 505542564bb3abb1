"""The test part, opened for a confirmed model: every number against scikit-learn's, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import confirming as here
import numpy as np
import pandas as pd
import pytest
import surviving
import torch
from numpy.typing import NDArray
from sklearn import metrics as reference
from sklearn.dummy import DummyClassifier, DummyRegressor

from eksplora.assessment.measurement import decomposed
from eksplora.assessment.metrics import value_of
from eksplora.config import compose_request, part
from eksplora.errors import ConfigError, DataError, StudyError
from eksplora.inference import load_network
from eksplora.study.lock import hold

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

UNTRACKED = ("trainer.max_epochs=2", "tracker=off", *here.QUICK)


def evaluated(folder: Path, prepared: str, experiment: str, *overrides: str, members: int) -> Path:
    """An experiment that is searched (as if), confirmed and evaluated; nothing of it is tracked."""
    surviving.warm_up()
    asked = [f"experiment={experiment}", *overrides, *UNTRACKED, prepared]
    here.pretend_search(folder, asked, {"optimizer.lr": 0.01})
    here.run(folder, "confirm", *asked, f"study.n_seeds={members}")
    here.run(folder, "evaluate", *asked)
    return folder


@pytest.fixture(scope="module")
def wine(new_folder: Callable[[str], Path], prepared: str) -> Path:
    return evaluated(new_folder("wine"), prepared, "wine_mlp", members=2)


@pytest.fixture(scope="module")
def breast_cancer(new_folder: Callable[[str], Path], prepared: str) -> Path:
    return evaluated(new_folder("breast_cancer"), prepared, "breast_cancer_mlp", members=1)


@pytest.fixture(scope="module")
def quantiles(new_folder: Callable[[str], Path], prepared: str) -> Path:
    """Three quantiles of targets that the loss sees standardized."""
    parts = ["task=quantiles", "loss=quantile", "data.target_scaling=standard"]
    return evaluated(new_folder("quantiles"), prepared, "diabetes_mlp", *parts, members=2)


def outputs(folder: Path) -> NDArray[np.float64]:
    """What each member's network gives for the test part, (members, rows, outputs), one network at a time."""
    (model,) = folder.glob("results/*/confirm/model")
    features = torch.from_numpy(np.array(rows(folder)[0]))
    networks = [load_network(model, member=number) for number in range(len(list(model.glob("*.safetensors"))))]
    with torch.inference_mode():
        return np.stack([network(features).double().numpy() for network in networks])


def rows(folder: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Features and targets of the test part, read without eksplora."""
    prepared = prepared_of(folder)
    return np.load(prepared / "test_features.npy"), np.load(prepared / "test_targets.npy")


def prepared_of(folder: Path) -> Path:
    """The folder of the prepared data."""
    (model,) = folder.glob("results/*/confirm/model")
    name = json.loads((model / "card.json").read_text())["name"]
    return Path(load_config(model)["data"]["root"]) / "prepared" / name


def load_config(model: Path) -> dict[str, Any]:
    import yaml

    config: dict[str, Any] = yaml.safe_load((model / "config.yaml").read_text())
    return config


def predictions(folder: Path) -> pd.DataFrame:
    (path,) = folder.glob("results/*/evaluate/predictions.csv")
    return pd.read_csv(path)


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def of_numbers(targets: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float]:
    mse = reference.mean_squared_error(targets, predicted)
    return {
        "mae": reference.mean_absolute_error(targets, predicted),
        "mse": mse,
        "rmse": np.sqrt(mse),
        "r2": reference.r2_score(targets, predicted),
    }


def of_classes(targets: NDArray[Any], odds: NDArray[Any]) -> dict[str, float]:
    return {
        "accuracy": reference.accuracy_score(targets, odds.argmax(1)),
        "f1": reference.f1_score(targets, odds.argmax(1), average="macro"),
        "auroc": reference.roc_auc_score(targets, odds, multi_class="ovr", average="macro"),
    }


def of_two_classes(targets: NDArray[Any], odds: NDArray[Any]) -> dict[str, float]:
    return {"accuracy": reference.accuracy_score(targets, odds[:, 0] > 0.5)}


# --- the numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "predict", "judge"),
    [
        ("diabetes", lambda outputs: outputs, of_numbers),
        ("wine", softmax, of_classes),
        ("breast_cancer", lambda outputs: 1 / (1 + np.exp(-outputs)), of_two_classes),
        ("quantiles", lambda outputs: outputs[:, :, 1:2], of_numbers),
    ],
)
def test_metrics_of_each_member_and_of_all_together_are_scikit_learns(
    name: str, predict: Callable[..., Any], judge: Callable[..., dict[str, float]], request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(name)
    test, targets = here.facts(folder, "evaluate")["test"], rows(folder)[1]
    each = predict(outputs(folder))
    members, together = [judge(targets, one) for one in each], judge(targets, each.mean(0))
    assert set(test) == set(together)
    for metric, one in test.items():
        assert one["members"] == pytest.approx([values[metric] for values in members], rel=1e-5)
        assert one["ensemble"]["mean"] == pytest.approx(together[metric], rel=1e-5)


@pytest.mark.parametrize(
    ("name", "dummy"),
    [("diabetes", DummyRegressor()), ("wine", DummyClassifier()), ("breast_cancer", DummyClassifier())],
)
def test_plain_baselines_learn_from_all_rows_and_are_compared_row_by_row(
    name: str, dummy: Any, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(name)
    facts, (features, targets) = here.facts(folder, "evaluate"), rows(folder)
    learned = [np.load(path) for path in sorted(prepared_of(folder).glob("train_[ft]*.npy"))]
    dummy.fit(*learned)
    judge = reference.mean_absolute_error if name == "diabetes" else reference.accuracy_score
    known = {one["name"].partition("_")[0]: one for one in facts["baselines"]}
    assert set(known) == {"boosting", "mean" if name == "diabetes" else "majority"}
    (plain,) = [one for key, one in known.items() if key != "boosting"]
    assert plain["value"] == pytest.approx(judge(targets, dummy.predict(features)), rel=1e-5)
    own = facts["test"][facts["metric"]]["ensemble"]["mean"]
    for one in known.values():
        assert one["versus"]["difference"]["mean"] == pytest.approx(own - one["value"], abs=1e-5)
        scope = "new rows, for these networks" if name == "breast_cancer" else "new rows, trained on these"
        assert one["versus"]["scope"] == scope and scope in one["versus"]["in_words"]


@pytest.mark.parametrize("name", ["diabetes", "wine", "breast_cancer"])
def test_mean_spread_and_interval_follow_from_the_members(name: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(name)
    facts = here.facts(folder, "evaluate")
    for one in facts["test"].values():
        values, known = np.array(one["members"]), one["over_members"]
        assert known["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert known["std"] == (pytest.approx(values.std(ddof=1), rel=1e-12) if len(values) > 1 else None)
        assert one["ensemble"]["scope"] == "new rows, trained on these"
        assert one["ensemble"]["low"] < one["ensemble"]["mean"] < one["ensemble"]["high"]
    own = facts["test"][facts["metric"]]
    assert next(iter(facts["test"])) == facts["metric"], "the objective comes first"
    (path,) = folder.glob("results/*/evaluate/metrics.json")
    shown = json.loads(path.read_text())
    assert (shown["objective"], shown["members"]) == (own["ensemble"]["mean"], own["over_members"]["mean"])
    assert (shown["low"], shown["high"]) == (own["ensemble"]["low"], own["ensemble"]["high"])
    assert {metric: shown[metric] for metric in facts["test"]} == {
        m: one["ensemble"]["mean"] for m, one in facts["test"].items()
    }


def test_written_predictions_of_numbers_give_the_metrics_of_all_together(diabetes: Path) -> None:
    table, test = predictions(diabetes), here.facts(diabetes, "evaluate")["test"]
    targets = rows(diabetes)[1][:, 0]
    assert table["row"].tolist() == list(range(88)) == list(range(here.facts(diabetes, "evaluate")["rows"]))
    assert table["actual"].to_numpy() == pytest.approx(targets, rel=1e-12)
    assert table["residual"].to_numpy() == pytest.approx(targets - table["predicted"], rel=1e-9)
    each = outputs(diabetes)[:, :, 0]
    assert table["predicted"].to_numpy() == pytest.approx(each.mean(0), rel=1e-6)
    assert table["std"].to_numpy() == pytest.approx(each.std(0, ddof=1), rel=1e-4)
    for metric, value in of_numbers(table["actual"].to_numpy(), table["predicted"].to_numpy()).items():
        assert test[metric]["ensemble"]["mean"] == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_written_predictions_of_classes_give_the_metrics_of_all_together(
    name: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(name)
    table, test = predictions(folder), here.facts(folder, "evaluate")["test"]
    (card,) = folder.glob("results/*/evaluate/card.json")
    classes = json.loads(card.read_text())["classes"]
    assert table["actual"].tolist() == [classes[number] for number in rows(folder)[1].ravel()]
    odds = table[[f"p_{one}" for one in classes]].to_numpy()
    assert odds.sum(1) == pytest.approx(np.ones(len(table)), abs=1e-6)
    assert table["predicted"].tolist() == [classes[number] for number in odds.argmax(1)]
    assert table["probability"].to_numpy() == pytest.approx(odds.max(1), rel=1e-12)
    assert test["accuracy"]["ensemble"]["mean"] == pytest.approx(
        (table["actual"] == table["predicted"]).mean(), rel=1e-6
    )


def test_one_member_has_no_spread(breast_cancer: Path) -> None:
    assert predictions(breast_cancer)["std"].isna().all()
    facts = here.facts(breast_cancer, "evaluate")
    test = facts["test"]["accuracy"]["ensemble"]
    assert facts["headline"] == (
        f"Test accuracy {test['mean']:.4g} [{test['low']:.4g}, {test['high']:.4g}] of 1 member on 114 test rows; the "
        "95% interval is for new rows, trained on these (what another training would give is not in it)."
    )


def test_facts_name_the_model_its_studies_the_test_rows_and_where_all_comes_from(diabetes: Path) -> None:
    facts, confirm = here.facts(diabetes, "evaluate"), here.facts(diabetes, "confirm")
    assert (facts["model"], facts["studies"]) == (confirm["chosen"], confirm["studies"])
    known = confirm["provenance"]
    assert facts["test_sha256"] == {name: known[f"data.{name}.sha256"] for name in ("test_features", "test_targets")}
    assert facts["provenance"] == known
    assert facts["opened"] == 1


# --- the test part stays closed before ----------------------------------------------------------------------------


def test_search_and_confirm_never_read_the_test_part_and_evaluate_does(
    diabetes: Path, prepared: str, tmp_path: Path
) -> None:
    """Its arrays are zeros here, which any reading or hashing would find out."""
    shutil.copytree(prepared.removeprefix("paths.data="), tmp_path / "data")
    for name in ("test_features.npy", "test_targets.npy"):
        path = tmp_path / "data/prepared/diabetes" / name
        path.write_bytes(b"\0" * path.stat().st_size)
    asked = [*here.DIABETES, "tracker=off"]
    search = ["sampler=random", "study.n_trials=4", "output=results/diabetes_mlp"]
    here.run(tmp_path, "search", *asked, *search)
    here.run(tmp_path, "confirm", *asked, *here.MEMBERS["confirm"])
    for one, known in zip(
        here.facts(tmp_path, "confirm")["configurations"],
        here.facts(diabetes, "confirm")["configurations"],
        strict=True,
    ):
        assert (one["name"], one["members"]) == (known["name"], known["members"])
    with pytest.raises(DataError, match=r"test_features\.npy has changed since it was prepared"):
        here.run(tmp_path, "evaluate", *asked)
    assert not (tmp_path / "results/diabetes_mlp/evaluate").exists()


# --- again, and in MLflow -----------------------------------------------------------------------------------------


def test_the_same_command_again_notes_nothing_and_gives_the_same(diabetes: Path, prepared: str, tmp_path: Path) -> None:
    here.copy(diabetes, tmp_path)
    before, final = here.facts(tmp_path, "evaluate"), here.facts(tmp_path, "confirm")["studies"]["final"]
    spool = here.spool(tmp_path, final).read_bytes()
    table = predictions(tmp_path)
    here.run(tmp_path, "evaluate", *here.DIABETES, prepared, "tracker=off")
    assert here.facts(tmp_path, "evaluate") == before
    assert here.spool(tmp_path, final).read_bytes() == spool
    assert len(here.events(tmp_path, final, "evaluation")) == 1
    pd.testing.assert_frame_equal(predictions(tmp_path), table)


def test_each_further_confirmed_model_that_the_test_part_is_opened_for_is_counted(
    diabetes: Path, prepared: str, tmp_path: Path
) -> None:
    here.copy(diabetes, tmp_path)
    asked = [*here.DIABETES, prepared, "tracker=off"]
    here.run(tmp_path, "confirm", *asked, "study.n_seeds=1", "confirm.best=1")
    printed = here.run(tmp_path, "evaluate", *asked)
    assert here.facts(tmp_path, "evaluate")["opened"] == 2
    assert "This test part has been opened for 2 confirmed models of this experiment" in printed
    here.run(tmp_path, "evaluate", *asked)
    assert here.facts(tmp_path, "evaluate")["opened"] == 2


def test_mlflow_shows_the_test_metrics_on_study_trial_and_members(diabetes: Path) -> None:
    facts = here.facts(diabetes, "evaluate")
    runs = here.runs(diabetes, facts["studies"]["final"])
    for name in (facts["studies"]["final"], "trial-000"):
        shown = runs[name].data.metrics
        for metric, one in facts["test"].items():
            assert shown[f"test/{metric}"] == pytest.approx(one["over_members"]["mean"], rel=1e-12)
            assert shown[f"test/{metric}_std"] == pytest.approx(one["over_members"]["std"], rel=1e-12)
            for end, key in {"": "mean", "_new_rows_low": "low", "_new_rows_high": "high"}.items():
                assert shown[f"test_ensemble/{metric}{end}"] == pytest.approx(one["ensemble"][key], rel=1e-12)
    for member in range(3):
        shown = runs[f"trial-000-member-{member}"].data.metrics
        for metric, one in facts["test"].items():
            assert shown[f"test/{metric}"] == pytest.approx(one["members"][member], rel=1e-12)
    others = here.runs(diabetes, facts["studies"]["confirm"])
    assert not [key for run in others.values() for key in run.data.metrics if key.startswith("test")]


def test_mlflow_holds_the_evaluations_files(diabetes: Path) -> None:
    from mlflow import MlflowClient

    facts = here.facts(diabetes, "evaluate")
    client = MlflowClient(f"sqlite:///{diabetes}/mlruns/mlflow.db")
    run = here.runs(diabetes, facts["studies"]["final"])["trial-000"].info.run_id
    held = Path(client.download_artifacts(run, "evaluation"))
    uncounted = {"opened": 0, "command": None}  # it is recorded before it counts, and whoever evaluated it
    assert json.loads((held / "evaluate.json").read_text()) == facts | uncounted
    pd.testing.assert_frame_equal(pd.read_csv(held / "predictions.csv"), predictions(diabetes))


def test_a_study_that_is_evaluated_is_not_taken_for_a_killed_one(
    diabetes: Path, new_folder: Callable[[str], Path]
) -> None:
    """Another MLflow is filled from the spools, by the stage `sync`."""
    folder = new_folder("synced")
    shutil.copytree(diabetes / "mlruns/studies", folder / "mlruns/studies")
    final = here.facts(diabetes, "confirm")["studies"]["final"]
    before = here.spool(folder, final).read_bytes()
    for file in folder.glob("mlruns/studies/*/mlflow-*"):
        file.unlink()
    assert f"{final}: " in here.run(folder, "sync")
    assert here.run(folder, "sync") == "MLflow has everything already.\n"
    assert here.spool(folder, final).read_bytes() == before
    runs, known = here.runs(folder, final), here.runs(diabetes, final)
    assert {name: (run.info.status, run.data.tags["status"]) for name, run in runs.items()} == dict.fromkeys(
        known, ("FINISHED", "finished")
    )
    assert {name: run.data.metrics for name, run in runs.items()} == {
        name: run.data.metrics for name, run in known.items()
    }


# --- what is refused ----------------------------------------------------------------------------------------------


def model_of(folder: Path) -> Path:
    return folder / "results/diabetes_mlp/confirm/model"


def alter_weights(folder: Path) -> None:
    path = model_of(folder) / "member-1.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def drop_a_member(folder: Path) -> None:
    (model_of(folder) / "member-2.safetensors").unlink()


def add_a_member(folder: Path) -> None:
    shutil.copyfile(model_of(folder) / "member-0.safetensors", model_of(folder) / "member-3.safetensors")


def alter_the_configuration(folder: Path) -> None:
    path = model_of(folder) / "config.yaml"
    path.write_text(path.read_text().replace("activation: relu", "activation: tanh"))


def drop_the_study(folder: Path) -> None:
    shutil.rmtree(folder / "mlruns/studies" / here.facts(folder, "confirm")["studies"]["final"])


def drop_the_confirmation(folder: Path) -> None:
    shutil.rmtree(folder / "results/diabetes_mlp/confirm")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            alter_weights,
            r"member-1\.safetensors is not what was confirmed: its sha256 is not that in confirm\.json\. Run",
        ),
        (drop_a_member, r"member-2\.safetensors is not what was confirmed"),
        (add_a_member, r"member-3\.safetensors is not what was confirmed"),
        (alter_the_configuration, r"config\.yaml was altered: its sha256 is not the one in card\.json"),
        (
            drop_the_study,
            r"diabetes_mlp-final-\w+ is missing: the study that trained the model is not on this machine\.",
        ),
        (drop_the_confirmation, r"confirm\.json is missing: the stage confirm has not ended\. .*pipelines/confirm\.py"),
    ],
)
def test_what_was_altered_or_is_gone_is_refused_by_name(
    act: Callable[[Path], None], message: str, diabetes: Path, prepared: str, tmp_path: Path
) -> None:
    here.copy(diabetes, tmp_path)
    act(tmp_path)
    before = set(here.files(tmp_path))
    with pytest.raises(DataError, match=message) as raised:
        here.run(tmp_path, "evaluate", *here.DIABETES, prepared, "tracker=off")
    assert raised.value.exit_code == 2 and "\n" not in str(raised.value)
    assert {path for path in here.files(tmp_path) if path.name != "lock"} == {p for p in before if p.name != "lock"}


def test_other_data_than_those_of_the_confirmation_are_refused_by_name(
    diabetes: Path, prepared: str, tmp_path: Path
) -> None:
    """Another split of the same source: the arrays are sound, but not those that were confirmed with."""
    here.copy(diabetes, tmp_path)
    other = ["data.split_seed=1", f"paths.data={tmp_path}/data"]
    part(compose_request("evaluate", [*here.DIABETES, *other]).config, "data").prepare()
    with pytest.raises(
        DataError, match=r"^data\.train_features: the prepared array is not the one .* search and confirm"
    ):
        here.run(tmp_path, "evaluate", *here.DIABETES, *other, "tracker=off")


def test_a_study_that_someone_works_on_is_not_written_to(diabetes: Path, prepared: str, tmp_path: Path) -> None:
    here.copy(diabetes, tmp_path)
    study = here.spool(tmp_path, here.facts(tmp_path, "confirm")["studies"]["final"]).parent
    with hold(study), pytest.raises(StudyError, match=r"is being run by process \d+\. Wait for it"):
        here.run(tmp_path, "evaluate", *here.DIABETES, prepared, "tracker=off")


def test_an_evaluation_without_a_folder_of_results_is_refused(prepared: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^output: has no value\. Name the folder of the experiment's results\.$"):
        here.run(tmp_path, "evaluate", *here.DIABETES, prepared, "output=null")


def test_a_test_part_of_one_row_explains_no_variance_and_is_refused(new_folder: Callable[[str], Path]) -> None:
    folder = new_folder("one row")
    own = f"paths.data={folder / 'data'}"  # another split than that of the other tests
    with pytest.raises(DataError, match=r"^r2 of 1 test rows: .* Raise data\.test_fraction\.$"):
        evaluated(folder, own, "diabetes_mlp", "data.test_fraction=0.002", members=1)


def test_bias_and_variance_are_those_of_the_members_predictions() -> None:
    numbers = np.array([[[1.0], [4.0]], [[3.0], [4.0]]])  # (members, rows, targets)
    found = decomposed(numbers, np.array([[2.0], [5.0]]))
    assert found is not None
    assert (found.loss, found.bias, found.variance) == (1.0, 0.5, 0.5)
    scores = np.array([[[0.9, 0.1], [0.4, 0.6]], [[0.2, 0.8], [0.3, 0.7]], [[0.8, 0.2], [0.1, 0.9]]])
    found = decomposed(scores, np.array([0, 0]))
    assert found is not None
    assert (found.loss, found.bias, found.variance) == (4 / 6, 0.5, 1 / 6)
    assert decomposed(scores[:, :, 1:], np.array([0, 0])) == found, "of two classes one is enough"
    assert decomposed(scores, np.zeros((2, 2))) is None


def test_a_mean_over_classes_leaves_out_those_without_a_test_row() -> None:
    from torchmetrics.classification import MulticlassAUROC, MulticlassF1Score

    from eksplora.evaluation.classification import measures

    labels = np.array([0, 0, 1, 1, 1, 0])
    odds = softmax(np.random.default_rng(0).normal(size=(6, 3)) + np.eye(3)[labels])
    known = measures(odds, labels)
    for name, kind in (("f1", MulticlassF1Score), ("auroc", MulticlassAUROC)):
        metric = kind(num_classes=3, average="macro", validate_args=False)
        value = value_of(metric, torch.from_numpy(odds), torch.from_numpy(labels))
        assert value == pytest.approx(known[name], rel=1e-6) and metric.average == "macro"


@pytest.mark.parametrize(("center", "scale"), [(0.0, 1.0), (2e4, 1.0), (0.0, 1e-3), (-3e6, 10.0)])
def test_r2_is_scikit_learns_whatever_the_unit(center: float, scale: float) -> None:
    from torchmetrics import R2Score

    generator = np.random.default_rng(0)
    targets = center + scale * generator.normal(size=200).astype(np.float32)
    predicted = targets.astype(np.float64) + 0.4 * scale * generator.normal(size=200)
    value = value_of(R2Score(), torch.from_numpy(predicted), torch.from_numpy(targets))
    assert value == pytest.approx(reference.r2_score(targets.astype(np.float64), predicted), abs=1e-4)


def test_r2_of_targets_that_are_all_equal_is_what_torchmetrics_says() -> None:
    from torchmetrics import R2Score

    assert value_of(R2Score(), torch.tensor([1.0, 3.0]), torch.tensor([2.0, 2.0])) == 0.0
